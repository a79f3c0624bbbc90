// A curve.
import type { Numbers } from "../frame";
import type { Scale } from "../scales";
import { color } from "../theme";
import type { Drawer, MarkOf } from "./mark";

function pixels(values: Numbers, scale: Scale): Float64Array {
  return Float64Array.from(values, (value) => scale.at(value));
}

/**
 * Traces a polyline. Points that share a column of pixels become the first, lowest, highest and last of them: the same picture, and a curve of
 * a hundred thousand noisy points costs no more than one of two thousand. A point that is no number interrupts the line.
 */
function trace(canvas: CanvasRenderingContext2D, x: Float64Array, y: Float64Array): void {
  let open = false;
  for (let i = 0; i < x.length; ) {
    if (!Number.isFinite(x[i]! + y[i]!)) {
      open = false;
      i++;
      continue;
    }
    const column = Math.floor(x[i]!);
    let [low, high, end] = [i, i, i];
    while (end + 1 < x.length && Number.isFinite(y[end + 1]!) && Math.floor(x[end + 1]!) === column) {
      end++;
      if (y[end]! < y[low]!) low = end;
      if (y[end]! > y[high]!) high = end;
    }
    for (const k of new Set([i, Math.min(low, high), Math.max(low, high), end])) {
      if (open) canvas.lineTo(x[k]!, y[k]!);
      else canvas.moveTo(x[k]!, y[k]!);
      open = true;
    }
    i = end + 1;
  }
}

export const line: Drawer<MarkOf<"line">> = {
  draw(canvas, mark, scales, theme) {
    canvas.save();
    canvas.beginPath();
    trace(canvas, pixels(mark.x.data, scales.x), pixels(mark.y.data, scales.y));
    canvas.setLineDash(mark.dashed ? [6, 4] : []);
    canvas.lineWidth = 2;
    canvas.lineJoin = "round";
    canvas.strokeStyle = color(mark.color, theme);
    canvas.stroke();
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    let best: { index: number; distance: number } | null = null;
    for (let i = 0; i < mark.x.data.length; i++) {
      // along x a quarter counts: a reader points at a place on the axis first, then at a curve
      const distance = Math.hypot((scales.x.at(mark.x.data[i]!) - left) / 4, scales.y.at(mark.y.data[i]!) - top);
      if (distance < (best?.distance ?? Infinity)) best = { index: i, distance };
    }
    return mark.name ? best : null;
  },

  read(mark, index, scales) {
    const [x, y] = [mark.x.data[index]!, mark.y.data[index]!];
    return {
      name: mark.name,
      position: [{ axis: "x", value: x }],
      values: [{ label: "", value: y }],
      left: scales.x.at(x),
      top: scales.y.at(y),
      reach: [4, 4],
    };
  },

  order: (mark) => ({ elements: mark.name ? mark.x.data.length : 0, row: 1 }),
};
