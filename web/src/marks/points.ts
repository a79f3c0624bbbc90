// Points.
import { columnsOf, labelOf } from "../labels";
import { type Elements, shownOf } from "../sample";
import { color, lookup, rgb } from "../theme";
import type { Theme } from "../theme";
import type { Drawer, MarkOf, Scales } from "./mark";

type Points = MarkOf<"points">;

export const points: Drawer<Points> = {
  draw(canvas, mark, scales, theme) {
    const colorOf = pointColors(mark, theme);
    canvas.save();
    canvas.fillStyle = color(mark.color, theme);
    canvas.strokeStyle = color(colorOf ? "random" : "surface", theme);
    canvas.lineWidth = colorOf ? 0.5 : 1;
    eachDrawn(mark, scales, (i) => {
      if (colorOf) canvas.fillStyle = colorOf(i);
      canvas.beginPath();
      canvas.arc(scales.x.at(mark.x.data[i]!), scales.y.at(mark.y.data[i]!), mark.radius, 0, 2 * Math.PI);
      canvas.fill();
      canvas.stroke();
    });
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    let best: { index: number; distance: number } | null = null;
    eachDrawn(mark, scales, (i) => {
      const away = Math.hypot(scales.x.at(mark.x.data[i]!) - left, scales.y.at(mark.y.data[i]!) - top);
      const distance = Math.max(0, away - mark.radius);
      if (distance < (best?.distance ?? Infinity)) best = { index: i, distance };
    });
    return best;
  },

  read(mark, index, scales, locale) {
    const [x, y] = [mark.x.data[index]!, mark.y.data[index]!];
    const value = mark.values?.data[index] ?? Number.NaN;
    return {
      name: labelOf(mark.labels, index, locale) || mark.name,
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

  /** As they are; those named by row and column go column after column, along x. */
  order(mark, scales) {
    const elements: number[] = [];
    eachDrawn(mark, scales, (i) => elements.push(i));
    const width = columnsOf(mark.labels);
    if ("pattern" in mark.labels) elements.sort((a, b) => (a % width) - (b % width) || mark.x.data[a]! - mark.x.data[b]!);
    return { elements: Uint32Array.from(elements), row: 1 };
  },

  shown: (mark, scales) => shownOf(mark, scales, () => elementsOf(mark, scales)),
};

function eachDrawn(mark: Points, scales: Scales, act: (index: number) => void): void {
  const { elements } = points.shown!(mark, scales);
  if (elements) elements.forEach(act);
  else for (let i = 0; i < mark.x.data.length; i++) if (placed(mark, i)) act(i);
}

function placed(mark: Points, index: number): boolean {
  return Number.isFinite(mark.x.data[index]! + mark.y.data[index]!);
}

function elementsOf(mark: Points, { x, y }: Scales): Elements {
  const [left, right, low, high] = [Math.min(...x.domain), Math.max(...x.domain), Math.min(...y.domain), Math.max(...y.domain)];
  const [xs, ys] = [mark.x.data, mark.y.data];
  return {
    sample: mark.sample,
    size: xs.length,
    placed: (i) => placed(mark, i),
    inside: (i) => xs[i]! >= left && xs[i]! <= right && ys[i]! >= low && ys[i]! <= high,
  };
}

/** The CSS color of each point; null where all have the mark's own. */
export function pointColors(mark: Points, theme: Theme): ((index: number) => string) | null {
  const { values, scale } = mark;
  if (!values || !scale) return null;
  const table = lookup(scale.kind, theme);
  const last = table.length / 3 - 1;
  const [low, high] = scale.domain;
  const unknown = rgb(color("line", theme));
  return (index) => {
    const value = values.data[index]!;
    const place = Math.round(Math.max(0, Math.min(1, (value - low) / (high - low || 1))) * last) * 3;
    const [r, g, b] = Number.isFinite(value) ? [table[place]!, table[place + 1]!, table[place + 2]!] : unknown;
    return `rgb(${r} ${g} ${b})`;
  };
}
