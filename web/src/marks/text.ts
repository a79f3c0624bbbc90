// A note inside the panel; it stays inside the picture and can be read on any color.
import type { Scale } from "../scales";
import { color, textColor } from "../theme";
import { write } from "../writing";
import type { Drawer, MarkOf } from "./mark";

const ALIGN = { start: "left", middle: "center", end: "right" } as const;

export const text: Drawer<MarkOf<"text">> = {
  draw: () => undefined,

  write(canvas, mark, scales, theme, within) {
    const outside = ({ domain }: Scale, value: number): boolean => value < Math.min(...domain) || value > Math.max(...domain);
    if (scales.zoom > 1 && (outside(scales.x, mark.x) || outside(scales.y, mark.y))) return [];
    const label = {
      text: mark.text,
      x: scales.x.at(mark.x),
      y: scales.y.at(mark.y),
      align: ALIGN[mark.anchor],
      color: textColor(mark.color, theme),
      halo: color("surface", theme),
      within,
      maxWidth: within[1] - within[0],
    };
    return [write(canvas, label)];
  },

  nearest: () => null,

  read() {
    throw new RangeError("a text mark has no elements to read");
  },

  order: () => ({ elements: 0, row: 1 }),
};
