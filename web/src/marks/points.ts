// Points.
import { color, lookup, rgb } from "../theme";
import type { Theme } from "../theme";
import type { Drawer, MarkOf } from "./mark";

type Points = MarkOf<"points">;

export const points: Drawer<Points> = {
  draw(canvas, mark, scales, theme) {
    const colors = pointColors(mark, theme);
    canvas.save();
    canvas.fillStyle = color(mark.color, theme);
    canvas.strokeStyle = color(colors ? "random" : "surface", theme);
    canvas.lineWidth = colors ? 0.5 : 1;
    for (let i = 0; i < mark.x.data.length; i++) {
      if (colors) canvas.fillStyle = colors[i]!;
      canvas.beginPath();
      canvas.arc(scales.x.at(mark.x.data[i]!), scales.y.at(mark.y.data[i]!), mark.radius, 0, 2 * Math.PI);
      canvas.fill();
      canvas.stroke();
    }
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    let best: { index: number; distance: number } | null = null;
    for (let i = 0; i < mark.x.data.length; i++) {
      const away = Math.hypot(scales.x.at(mark.x.data[i]!) - left, scales.y.at(mark.y.data[i]!) - top);
      const distance = Math.max(0, away - mark.radius);
      if (distance < (best?.distance ?? Infinity)) best = { index: i, distance };
    }
    return best;
  },

  read(mark, index, scales) {
    const [x, y] = [mark.x.data[index]!, mark.y.data[index]!];
    const value = mark.values?.data[index] ?? Number.NaN;
    return {
      name: mark.labels[index] || mark.name,
      position: [
        { axis: "x", value: x },
        { axis: "y", value: y },
      ],
      values: mark.scale && Number.isFinite(value) ? [{ label: mark.scale.label, value }] : [],
      left: scales.x.at(x),
      top: scales.y.at(y),
      reach: [mark.radius + 2, mark.radius + 2],
    };
  },

  extent: (mark) => ({ count: mark.x.data.length, row: 1 }),
};

/** One CSS color per point; null where all have the mark's own. */
export function pointColors(mark: Points, theme: Theme): readonly string[] | null {
  const { values, scale } = mark;
  if (!values || !scale) return null;
  const table = lookup(scale.kind, theme);
  const last = table.length / 3 - 1;
  const [low, high] = scale.domain;
  const unknown = rgb(color("line", theme));
  return Array.from(values.data as ArrayLike<number>, (value) => {
    const place = Math.round(Math.max(0, Math.min(1, (value - low) / (high - low || 1))) * last) * 3;
    const [r, g, b] = Number.isFinite(value) ? [table[place]!, table[place + 1]!, table[place + 2]!] : unknown;
    return `rgb(${r} ${g} ${b})`;
  });
}
