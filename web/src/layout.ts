// Where the plot lies inside its canvas: room for tick labels, no more.
import { formatTicks, formatValue } from "./format";
import { logTicks, roundTicks, type Scale } from "./scales";
import type { Axis, Panel } from "./schema.gen";
import { measure } from "./writing";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly plot: Box;
}

export interface Ticks {
  readonly values: readonly number[];
  readonly labels: readonly string[];
}

/** The part of the axes that is shown. */
export interface View {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

/** A panel that has axes, and so a picture. */
export type Chart = Panel & { readonly x: Axis; readonly y: Axis };

export function isChart(panel: Panel): panel is Chart {
  return panel.x !== null && panel.y !== null;
}

export function wholeView(panel: Chart): View {
  return { x: panel.x.domain, y: panel.y.domain };
}

const ROW = 28; // pixels per category
const TALL_ROW = 38; // where a label needs two lines
const GAP = 10; // between tick labels and plot
const FEWEST = 3; // ticks of a vertical axis
const TALLEST = 440; // pixels of a plot that does not say how tall it is
export const PART = 0.25; // of a category's band, from which it is named
const WIDEST_SHARE = 0.42; // of the width, for the labels at the left

/** Ticks of an axis inside the part shown: its own, else round numbers. */
export function ticksOf(axis: Axis, shown: readonly [number, number], count: number, locale: string): Ticks {
  const [low, high] = shown[0] <= shown[1] ? shown : [shown[1], shown[0]];
  if (axis.ticks.length === 0) {
    const values = axis.kind === "log" ? logTicks(low, high) : axis.kind === "category" ? [] : roundTicks(low, high, count);
    return { values, labels: axis.kind === "log" ? values.map((value) => formatValue(value, locale)) : formatTicks(values, locale) };
  }
  const named = axis.tick_labels.length === axis.ticks.length ? axis.tick_labels : formatTicks(axis.ticks, locale);
  if (axis.kind === "category") return categoriesOf(axis, named, low, high);
  const slack = (high - low) * 1e-9;
  const inside = axis.ticks.map((value, i) => [value, named[i]!] as const).filter(([v]) => v >= low - slack && v <= high + slack);
  return { values: inside.map(([value]) => value), labels: inside.map(([, label]) => label) };
}

/** The categories that are shown: those whose middle is, else whose band is for a good part; their names stand in the middle of that part. */
function categoriesOf({ ticks }: Axis, named: readonly string[], low: number, high: number): Ticks {
  const [values, labels]: [number[], string[]] = [[], []];
  ticks.forEach((tick, i) => {
    const [from, to] = [Math.max(low, tick - 0.5), Math.min(high, tick + 0.5)];
    const middle = tick >= low && tick <= high;
    if (!middle && to - from < PART) return;
    values.push(middle ? tick : (from + to) / 2);
    labels.push(named[i]!);
  });
  return { values, labels };
}

export function layOut(canvas: CanvasRenderingContext2D, panel: Chart, view: View, width: number, tallest: number | null, locale: string): Layout {
  const { x, y } = panel;
  // names of categories keep their room when some of them leave the view, so that the plot does not move under the pointer
  const labels = y.hidden ? [] : y.kind === "category" ? ticksOf(y, y.domain, 0, locale).labels : possibleLabels(y, view.y, tallest, locale);
  const widest = Math.max(0, ...labels.map((label) => measure(canvas, label)));
  const left = y.hidden ? 1 : Math.ceil(Math.min(widest, width * WIDEST_SHARE)) + GAP;
  const right = x.hidden ? 1 : 14;
  const top = !y.hidden && y.label ? 28 : y.hidden ? 1 : 8;
  const bottom = x.hidden ? 1 : x.label ? 48 : 28;
  const room = Math.max(40, width - left - right);
  const size = panel.equal ? square(panel, room, (tallest ?? TALLEST) - top - bottom) : [room, freeHeight(panel, room, tallest, top + bottom, widest > width * WIDEST_SHARE ? TALL_ROW : ROW)] as const;
  const inset = panel.equal ? Math.max(0, (room - size[0]) / 2) : 0;
  return {
    width,
    height: Math.ceil(size[1] + top + bottom),
    plot: { left: Math.round(left + inset), top, width: Math.floor(size[0]), height: Math.floor(size[1]) },
  };
}

/** The labels of an axis at any height that the plot may get: how many ticks there are decides how many digits they need. */
function possibleLabels(axis: Axis, shown: readonly [number, number], tallest: number | null, locale: string): string[] {
  const most = tickCount(tallest ?? TALLEST);
  return Array.from({ length: most - FEWEST + 1 }, (_, i) => ticksOf(axis, shown, FEWEST + i, locale).labels).flat();
}

/** How many ticks a vertical axis of so many pixels has. */
export function tickCount(height: number): number {
  return Math.max(FEWEST, Math.floor(height / 44));
}

function square(panel: Chart, room: number, tallest: number): readonly [number, number] {
  const [wide, high] = [Math.abs(panel.x.domain[1] - panel.x.domain[0]), Math.abs(panel.y.domain[1] - panel.y.domain[0])];
  const unit = Math.min(room / wide, Math.max(80, tallest) / high);
  return [wide * unit, high * unit];
}

function freeHeight(panel: Chart, room: number, tallest: number | null, margins: number, row: number): number {
  const rows = panel.y.kind === "category" ? Math.max(2, Math.abs(panel.y.domain[1] - panel.y.domain[0])) * row : 0;
  if (tallest !== null) return Math.max(rows, tallest - margins);
  return rows || Math.max(190, Math.min(320, room * 0.56));
}

/** The smallest distance between neighboring ticks in pixels. */
export function spacing(ticks: Ticks, scale: Scale): number {
  const places = ticks.values.map((value) => scale.at(value)).sort((a, b) => a - b);
  return Math.min(Infinity, ...places.slice(1).map((place, i) => place - places[i]!));
}
