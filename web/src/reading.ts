// The hover read-out: what is pointed at, where, and its value.
import { make } from "./dom";
import { formatValue } from "./format";
import type { Words } from "./i18n";
import type { Chart } from "./layout";
import type { Reading } from "./marks";
import type { Axis } from "./schema.gen";

export type Row = readonly [label: string, text: string];

/** The rows of a read-out as text: positions first, then values. */
export function readingRows(panel: Chart, reading: Reading, locale: string, words: Words): Row[] {
  const number = (value: number): string => (Number.isNaN(value) ? words("noValue") : formatValue(value, locale));
  const rows: Row[] = [];
  for (const { axis, value } of reading.position) {
    if (panel[axis].hidden && !panel.equal) continue; // of what has square pixels the position is that of a pixel
    const [{ label, kind }, text] = [panel[axis], positionText(panel[axis], value, number)];
    // a category that names the element already is not told twice
    if (kind !== "category" || !reading.name.includes(text)) rows.push([label || (kind === "category" ? words("at") : axis), text]);
  }
  for (const { label, value, to } of reading.values) {
    const text = to === undefined ? number(value) : words("range", { low: number(value), high: number(to) });
    rows.push([label === "span" || label === "interval" ? words(label) : label || valueLabel(panel, words), text]);
  }
  return rows;
}

export function readingElement(name: string, rows: readonly Row[], hint = ""): HTMLElement[] {
  const list = make("dl", {});
  for (const [label, text] of rows) list.append(make("div", {}, make("dt", {}, label), make("dd", {}, text)));
  return [make("strong", {}, name), ...(rows.length ? [list] : []), ...(hint ? [make("em", {}, hint)] : [])];
}

/** A tick's own label where the position is a tick or lies beside one of a category, else the number. */
function positionText(axis: Axis, value: number, number: (value: number) => string): string {
  const at = axis.ticks.indexOf(axis.kind === "category" ? Math.round(value) : value);
  return axis.tick_labels[at] ?? number(value);
}

function valueLabel(panel: Chart, words: Words): string {
  const measured = panel.marks.some((mark) => mark.mark === "image") ? "" : panel.y.label;
  return panel.scale?.label || measured || words("value");
}
