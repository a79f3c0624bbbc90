// Which part of the axes is shown.
import { type Chart, PART, type View, wholeView } from "./layout";
import type { Scale } from "./scales";
import type { Axis } from "./schema.gen";
import type { Scales } from "./marks";

type Span = readonly [number, number];

/** Bars are read whole; lines, points and images can be looked at closely, along categories too. */
export function canZoom(panel: Chart): boolean {
  return panel.marks.some((mark) => mark.mark !== "text") && !panel.marks.some((mark) => mark.mark === "bars");
}

/** Closer by `factor` (> 1) around a pixel; never beyond the whole. */
export function zoomAt(panel: Chart, scales: Scales, left: number, top: number, factor: number): View {
  const whole = wholeView(panel);
  let [along, across] = [closest(panel.x, scales.x, factor), closest(panel.y, scales.y, factor)];
  if (panel.equal) along = across = Math.min(along, across);
  const view = { x: around(scales.x, whole.x, left, along), y: around(scales.y, whole.y, top, across) };
  return { x: settled(panel.x, view.x, scales.x.back(left)), y: settled(panel.y, view.y, scales.y.back(top)) };
}

/** A span no longer than one category becomes the whole of the one that is pointed at. */
function settled(axis: Axis, span: Span, at: number): Span {
  if (axis.kind !== "category" || Math.abs(span[1] - span[0]) > 1 + 1e-9) return span;
  return within([Math.round(at) - 0.5, Math.round(at) + 0.5], axis.domain, false);
}

/** The factor by which an axis can be looked at more closely: of categories one at least is shown. */
function closest(axis: Axis, { domain }: Scale, factor: number): number {
  return axis.kind === "category" ? Math.min(factor, Math.max(1, Math.abs(domain[1] - domain[0]))) : factor;
}

/** The view of a box of pixels, of categories as a whole; where pixels are square the box is widened to the panel's own shape. */
export function zoomTo(panel: Chart, scales: Scales, from: Span, to: Span): View {
  let [x, y]: [Span, Span] = [sorted(from[0], to[0]), sorted(from[1], to[1])];
  if (panel.equal) {
    const [wide, high] = [lengthOf(scales.x), lengthOf(scales.y)];
    const wanted = Math.max((x[1] - x[0]) / wide, (y[1] - y[0]) / high);
    const share = Math.max(wanted, 1 / closest(panel.x, scales.x, Infinity), 1 / closest(panel.y, scales.y, Infinity));
    x = resized(x, share * wide);
    y = resized(y, share * high);
  }
  const whole = wholeView(panel);
  const view = { x: ordered(scales.x, x, whole.x), y: ordered(scales.y, y, whole.y) };
  return panel.equal ? view : { x: bands(panel.x, view.x), y: bands(panel.y, view.y) };
}

/** The view moved along by pixels, as far as the whole reaches; of categories by whole ones. */
export function movedBy(panel: Chart, scales: Scales, right: number, down: number): View {
  const whole = wholeView(panel);
  return { x: moved(panel.x, scales.x, whole.x, right), y: moved(panel.y, scales.y, whole.y, down) };
}

function moved(axis: Axis, scale: Scale, whole: Span, pixels: number): Span {
  const ends = scale.domain.map((v) => scale.at(v)) as [number, number];
  const [low, high] = sorted(...(whole.map((v) => scale.at(v)) as [number, number]));
  const [first, last] = sorted(...ends);
  const by = Math.max(low - first, Math.min(high - last, -pixels));
  if (by === 0) return [scale.domain[0], scale.domain[1]];
  if (axis.kind !== "category") return [scale.back(ends[0] + by), scale.back(ends[1] + by)];
  const steps = Math.round(scale.back(ends[0] + by) - scale.domain[0]);
  return [scale.domain[0] + steps, scale.domain[1] + steps];
}

/** The bands of the categories of which a good part is in a span, at least the one in its middle; other axes keep the span. */
function bands(axis: Axis, [from, to]: Span): Span {
  if (axis.kind !== "category") return [from, to];
  const [low, high] = [Math.ceil(from + 0.5 - (1 - PART)) - 0.5, Math.floor(to + 0.5 - PART) + 0.5];
  const middle = Math.round((from + to) / 2);
  return within(low < high ? [low, high] : [middle - 0.5, middle + 0.5], axis.domain, false);
}

export function isWhole(panel: Chart, view: View): boolean {
  const whole = wholeView(panel);
  return view.x.every((v, i) => v === whole.x[i]) && view.y.every((v, i) => v === whole.y[i]);
}

function around(scale: Scale, whole: Span, pixel: number, factor: number): Span {
  const [from, to] = scale.domain.map((v) => scale.at(v)) as [number, number];
  return within([scale.back(pixel + (from - pixel) / factor), scale.back(pixel + (to - pixel) / factor)], whole, scale.log);
}

function ordered(scale: Scale, pixels: Span, whole: Span): Span {
  const [a, b] = [scale.back(pixels[0]), scale.back(pixels[1])];
  return within(whole[0] <= whole[1] === a <= b ? [a, b] : [b, a], whole, scale.log);
}

/** A span moved, and where needed cut, to lie inside the whole. */
function within(span: Span, whole: Span, log: boolean): Span {
  const [low, high] = sorted(...whole);
  const [a, b] = sorted(...span);
  if (!(b - a < high - low)) return whole;
  if (log) return [Math.max(a, low), Math.min(b, high)];
  const shift = Math.max(0, low - a) - Math.max(0, b - high);
  const moved: Span = [a + shift, b + shift];
  return whole[0] <= whole[1] ? moved : [moved[1], moved[0]];
}

function lengthOf(scale: Scale): number {
  return Math.abs(scale.at(scale.domain[1]) - scale.at(scale.domain[0]));
}

function resized(span: Span, size: number): Span {
  const middle = (span[0] + span[1]) / 2;
  return [middle - size / 2, middle + size / 2];
}

function sorted(a: number, b: number): Span {
  return a <= b ? [a, b] : [b, a];
}
