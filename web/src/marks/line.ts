// A curve.
import { color } from "../theme";
import type { Drawer, MarkOf } from "./mark";

export const line: Drawer<MarkOf<"line">> = {
  draw(canvas, mark, scales, theme) {
    canvas.save();
    canvas.beginPath();
    let open = false;
    for (let i = 0; i < mark.x.data.length; i++) {
      const [x, y] = [mark.x.data[i]!, mark.y.data[i]!];
      const known = Number.isFinite(x) && Number.isFinite(y);
      if (known && open) canvas.lineTo(scales.x.at(x), scales.y.at(y));
      else if (known) canvas.moveTo(scales.x.at(x), scales.y.at(y));
      open = known;
    }
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

  extent: (mark) => ({ count: mark.name ? mark.x.data.length : 0, row: 1 }),
};
