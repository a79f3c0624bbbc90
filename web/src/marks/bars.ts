// Bars with whiskers, along x or y.
import { color } from "../theme";
import type { Drawer, MarkOf, Scales } from "./mark";

type Bars = MarkOf<"bars">;

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export const bars: Drawer<Bars> = {
  draw(canvas, mark, scales, theme) {
    canvas.save();
    for (let i = 0; i < mark.positions.data.length; i++) {
      const { left, top, width, height } = box(mark, i, scales);
      canvas.fillStyle = color(mark.colors[i] ?? "series1", theme);
      canvas.beginPath();
      // a bar of no length is still seen
      canvas.roundRect(left, top, Math.max(width, 1), Math.max(height, 1), Math.min(2, width / 2, height / 2));
      canvas.fill();
      whisker(canvas, mark, i, scales, color("ink", theme));
    }
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    let best: { index: number; distance: number } | null = null;
    for (let i = 0; i < mark.positions.data.length; i++) {
      const at = box(mark, i, scales);
      const across = mark.horizontal ? Math.abs(at.top + at.height / 2 - top) : Math.abs(at.left + at.width / 2 - left);
      const half = (mark.horizontal ? at.height : at.width) / 2;
      const distance = Math.max(0, across - half);
      if (distance < (best?.distance ?? Infinity)) best = { index: i, distance };
    }
    return best;
  },

  read(mark, index, scales) {
    const at = box(mark, index, scales);
    const values: { label: string; value: number; to?: number }[] = [{ label: mark.name, value: mark.length.data[index]! }];
    const start = mark.start.data[index]!;
    if (start !== 0) values.push({ label: "span", value: start, to: start + mark.length.data[index]! });
    if (mark.low && mark.high) values.push({ label: "interval", value: mark.low.data[index]!, to: mark.high.data[index]! });
    return {
      name: mark.labels[index] || mark.name,
      position: mark.labels[index] ? [] : [{ axis: mark.horizontal ? "y" : "x", value: mark.positions.data[index]! }],
      values,
      left: at.left + at.width / 2,
      top: at.top + at.height / 2,
      reach: [at.width / 2, at.height / 2],
    };
  },

  order: (mark) => ({ elements: mark.positions.data.length, row: 1 }),
};

function box(mark: Bars, index: number, scales: Scales): Box {
  const along = mark.horizontal ? scales.x : scales.y;
  const across = mark.horizontal ? scales.y : scales.x;
  const start = mark.start.data[index]!;
  const [a, b] = [along.at(start), along.at(start + mark.length.data[index]!)];
  const middle = mark.positions.data[index]!;
  const [c, d] = [across.at(middle - mark.thickness / 2), across.at(middle + mark.thickness / 2)];
  const [low, size] = [Math.min(a, b), Math.abs(a - b)];
  const [side, thick] = [Math.min(c, d), Math.abs(c - d)];
  return mark.horizontal ? { left: low, top: side, width: size, height: thick } : { left: side, top: low, width: thick, height: size };
}

function whisker(canvas: CanvasRenderingContext2D, mark: Bars, index: number, scales: Scales, stroke: string): void {
  if (!mark.low || !mark.high) return;
  const along = mark.horizontal ? scales.x : scales.y;
  const across = mark.horizontal ? scales.y : scales.x;
  const [a, b] = [along.at(mark.low.data[index]!), along.at(mark.high.data[index]!)];
  const middle = across.at(mark.positions.data[index]!);
  if (!Number.isFinite(a + b)) return;
  const points = [[a, middle - 3, a, middle + 3], [a, middle, b, middle], [b, middle - 3, b, middle + 3]] as const;
  canvas.beginPath();
  for (const [u, v, w, z] of points) {
    canvas.moveTo(...(mark.horizontal ? ([u, v] as const) : ([v, u] as const)));
    canvas.lineTo(...(mark.horizontal ? ([w, z] as const) : ([z, w] as const)));
  }
  canvas.lineWidth = 1.25;
  canvas.strokeStyle = stroke;
  canvas.stroke();
}
