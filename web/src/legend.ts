// What colors and shapes stand for, and the color bar; as text of the page.
import { make } from "./dom";
import { formatValue } from "./format";
import type { Words } from "./i18n";
import type { ColorScale, Panel } from "./schema.gen";

export type Entry = readonly [label: string, role: string, shape: string];

/** The lines of a legend; what hatching means is one of them. */
export function entriesOf(panel: Panel, words: Words): Entry[] {
  const entries = panel.legend.map((entry): Entry => [entry.label, entry.color, entry.shape]);
  return panel.hatched && panel.x ? [...entries, [words("hatched"), "muted", "hatched"]] : entries;
}

export function legendElement(panel: Panel, locale: string, words: Words): HTMLElement | null {
  const entries = entriesOf(panel, words);
  if (entries.length === 0 && !panel.scale) return null;
  const list = make("ul", { class: "pl-legend" });
  for (const [label, role, shape] of entries) {
    const swatch = make("span", { class: `pl-swatch pl-${shape}`, "aria-hidden": "true" });
    swatch.style.setProperty("--pl-swatch", `var(--pl-${role}, var(--pl-ink))`);
    list.append(make("li", {}, swatch, make("span", {}, label)));
  }
  return make("div", { class: "pl-key" }, entries.length ? list : null, panel.scale ? colorBar(panel.scale, locale) : null);
}

function colorBar(scale: ColorScale, locale: string): HTMLElement {
  const bar = make("span", { class: "pl-bar", "aria-hidden": "true" });
  bar.style.setProperty("background", `var(--pl-map-${scale.kind})`);
  const ends = make("span", { class: "pl-ends" });
  for (const value of endsOf(scale)) ends.append(make("span", {}, formatValue(value, locale)));
  return make("div", { class: "pl-scale" }, make("span", { class: "pl-scale-label" }, scale.label), bar, ends);
}

/** The numbers written under a color bar. */
export function endsOf(scale: ColorScale): number[] {
  const [low, high] = scale.domain;
  return scale.kind === "diverging" ? [low, (low + high) / 2, high] : [low, high];
}
