// Which part of the axes is shown.
import { type Chart, type View, wholeView } from "./layout";
import type { Scale } from "./scales";
import type { Scales } from "./marks";

type Span = readonly [number, number];

/** Bars and categories are read whole; lines, points and images can be looked at closely. */
export function canZoom(panel: Chart): boolean {
  const fixed = panel.x.kind === "category" || panel.y.kind === "category" || panel.marks.some((mark) => mark.mark === "bars");
  return !fixed && panel.marks.some((mark) => mark.mark !== "text");
}

/** Closer by `factor` (> 1) around a pixel; never beyond the whole. */
export function zoomAt(panel: Chart, scales: Scales, left: number, top: number, factor: number): View {
  const whole = wholeView(panel);
  return { x: around(scales.x, whole.x, left, factor), y: around(scales.y, whole.y, top, factor) };
}

/** The view of a box of pixels; where pixels are square the box is widened to the panel's own shape. */
export function zoomTo(panel: Chart, scales: Scales, from: Span, to: Span): View {
  let [x, y]: [Span, Span] = [sorted(from[0], to[0]), sorted(from[1], to[1])];
  if (panel.equal) {
    const [wide, high] = [lengthOf(scales.x), lengthOf(scales.y)];
    const share = Math.max((x[1] - x[0]) / wide, (y[1] - y[0]) / high);
    x = resized(x, share * wide);
    y = resized(y, share * high);
  }
  const whole = wholeView(panel);
  return { x: ordered(scales.x, x, whole.x), y: ordered(scales.y, y, whole.y) };
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
