// Points.
import { color } from "../theme";
import type { Drawer, MarkOf } from "./mark";

export const points: Drawer<MarkOf<"points">> = {
  draw(canvas, mark, scales, theme) {
    canvas.save();
    canvas.fillStyle = color(mark.color, theme);
    canvas.strokeStyle = color("surface", theme);
    canvas.lineWidth = 1;
    for (let i = 0; i < mark.x.data.length; i++) {
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
    return {
      name: mark.labels[index] || mark.name,
      position: [
        { axis: "x", value: x },
        { axis: "y", value: y },
      ],
      values: [],
      left: scales.x.at(x),
      top: scales.y.at(y),
      reach: [mark.radius + 2, mark.radius + 2],
    };
  },

  extent: (mark) => ({ count: mark.x.data.length, row: 1 }),
};
