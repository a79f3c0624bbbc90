// The area between two curves: an interval.
import { color } from "../theme";
import type { Drawer, MarkOf } from "./mark";

export const band: Drawer<MarkOf<"band">> = {
  draw(canvas, mark, scales, theme) {
    const count = mark.x.data.length;
    canvas.save();
    canvas.beginPath();
    for (let i = 0; i < count; i++) canvas.lineTo(scales.x.at(mark.x.data[i]!), scales.y.at(mark.high.data[i]!));
    for (let i = count - 1; i >= 0; i--) canvas.lineTo(scales.x.at(mark.x.data[i]!), scales.y.at(mark.low.data[i]!));
    canvas.closePath();
    canvas.globalAlpha = 0.22;
    canvas.fillStyle = color(mark.color, theme);
    canvas.fill();
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    let best: { index: number; distance: number } | null = null;
    for (let i = 0; i < mark.x.data.length; i++) {
      const [low, high] = [scales.y.at(mark.low.data[i]!), scales.y.at(mark.high.data[i]!)];
      const outside = Math.max(0, Math.min(low, high) - top, top - Math.max(low, high));
      // inside, a curve that is near still wins
      const distance = 12 + outside + Math.abs(scales.x.at(mark.x.data[i]!) - left) / 4;
      if (distance < (best?.distance ?? Infinity)) best = { index: i, distance };
    }
    return mark.name ? best : null;
  },

  read(mark, index, scales) {
    const [x, low, high] = [mark.x.data[index]!, mark.low.data[index]!, mark.high.data[index]!];
    const [top, bottom] = [scales.y.at(high), scales.y.at(low)];
    return {
      name: mark.name,
      position: [{ axis: "x", value: x }],
      values: [{ label: "", value: low, to: high }],
      left: scales.x.at(x),
      top: (top + bottom) / 2,
      reach: [3, Math.abs(bottom - top) / 2],
    };
  },

  order: (mark) => ({ elements: mark.name ? mark.x.data.length : 0, row: 1 }),
};
