// Lines of code with notes at their side, or below them where there is no room.
import { make } from "./dom";
import { formatValue } from "./format";
import type { Words } from "./i18n";
import { type End, follow, join, keysOf, leads } from "./links";
import type { Table } from "./schema.gen";

const MARKED = 1600; // milliseconds that a line stays marked

/** A listing at the end of `box`; its line numbers lead to the picture on the page that shows the same. */
export function mountListing(box: HTMLElement, table: Table, locale: string, words: Words): () => void {
  const at = table.code[0]!;
  const list = make("ol", { class: "pl-listing" });
  const text = (cell: string | number | undefined): string => (typeof cell === "number" ? formatValue(cell, locale) : (cell ?? ""));
  const entries = table.rows.map((row) => {
    const label = row.slice(0, at).map(text).join(" ");
    const number = make("span", { class: "pl-line-number" }, label);
    const notes = table.columns.slice(at + 1).map((name, i) => note(name, text(row[at + 1 + i])));
    const told = notes.some((one) => one !== null);
    const side = told ? make("div", { class: "pl-side" }, ...notes) : null;
    const entry = make("li", { class: told ? "pl-noted" : "" }, number, make("code", {}, text(row[at])), side);
    return { entry, number, label };
  });
  list.append(...entries.map(({ entry }) => entry));
  box.append(heading(table, at), list);

  const end: End = {
    side: "listing",
    keys: keysOf(table.links),
    reveal(row) {
      const { entry } = entries[row]!;
      entry.scrollIntoView({ block: "center" });
      entry.classList.add("pl-found");
      entry.querySelector("button")?.focus({ preventScroll: true });
      setTimeout(() => entry.classList.remove("pl-found"), MARKED);
    },
    refresh() {
      entries.forEach(({ number, label }, row) => {
        const linked = leads(end, row);
        if (linked !== (number.firstElementChild !== null)) number.replaceChildren(linked ? button(label, row) : label);
      });
    },
  };
  const button = (label: string, row: number): HTMLElement => {
    const told = words("showInGraph", { line: label });
    const made = make("button", { type: "button", title: told, "aria-label": told }, label || "↳");
    made.addEventListener("click", () => follow(end, row));
    return made;
  };
  return join(end);
}

function heading(table: Table, at: number): HTMLElement {
  const [left, right] = [table.columns.slice(0, at + 1), table.columns.slice(at + 1)];
  return make("div", { class: "pl-listing-head", "aria-hidden": "true" }, ...left.map((name) => make("span", {}, name)), make("span", {}, right.join(" · ")));
}

function note(name: string, text: string): HTMLElement | null {
  return text === "" ? null : make("p", {}, make("span", { class: "pl-hidden" }, `${name}: `), text);
}
