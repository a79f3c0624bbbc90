// Which elements are drawn of a mark that has more than can be seen.
import { formatValue } from "./format";
import type { Words } from "./i18n";
import type { Chart } from "./layout";
import type { Mark, Scales } from "./marks/mark";
import type { Sample } from "./schema.gen";

/** The elements that are drawn, by number in order of importance (null: all there are), of `count` that lie in the view. */
export interface Shown {
  readonly elements: Uint32Array | null;
  readonly count: number;
}

/** What a mark says of its elements; `inside` is asked for zoomed views only. */
export interface Elements {
  readonly sample: Sample | null;
  /** How many the mark holds. */
  readonly size: number;
  /** Whether an element has a place at all. */
  placed(index: number): boolean;
  inside(index: number): boolean;
}

const known = new WeakMap<object, { readonly scales: Scales; readonly shown: Shown }>();

/** What is drawn of a mark at these scales; worked out once for each view. */
export function shownOf(mark: object, scales: Scales, elements: () => Elements): Shown {
  const former = known.get(mark);
  if (former?.scales === scales) return former.shown;
  const shown = choose(elements(), scales.zoom);
  known.set(mark, { scales, shown });
  return shown;
}

/** Of the whole the first ones; zoomed, the first of those inside the view: as many times more as it is closer, at most `most`. */
export function choose({ sample, size, placed, inside }: Elements, zoom: number): Shown {
  if (!sample) return { elements: null, count: size };
  const whole = zoom <= 1;
  const room = whole ? sample.first : Math.min(sample.most, Math.floor(sample.first * zoom));
  const elements = new Uint32Array(Math.min(room, size));
  let [kept, count] = [0, 0];
  // of the whole the first `room` are looked at, with a place or without, as on paper
  const last = whole ? Math.min(room, size) : size;
  for (let i = 0; i < last; i++) {
    if (!(whole ? placed(i) : inside(i))) continue;
    count++;
    if (kept < room) elements[kept++] = i;
  }
  return { elements: elements.subarray(0, kept), count: whole ? sample.count : count };
}

/** What is said beside the picture of each sampled mark: of the whole the scene's own words, else how many of those in the view. */
export function shownTexts(panel: Chart, scales: Scales, shown: (mark: Mark) => Shown, locale: string, words: Words): string[] {
  return panel.marks.flatMap((mark) => {
    if (!("sample" in mark) || !mark.sample) return [];
    if (scales.zoom <= 1) return [mark.sample.said];
    const { elements, count } = shown(mark);
    const drawn = elements?.length ?? count;
    const said = { shown: formatValue(drawn, locale), count: formatValue(count, locale), unit: mark.sample.unit };
    return [words(drawn === count ? "allInView" : "someInView", said)];
  });
}
