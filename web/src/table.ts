// The data-table twin of a panel, on the page and as CSV.
import { make } from "./dom";
import { formatValue } from "./format";
import type { Table } from "./schema.gen";

const SHOWN = 500; // rows on the page; the CSV file has all

const NUMBER = /^[+−-]?[\d.,]+(e[−-]?\d+)?(\s?[%a-zA-Zµ]{1,3})?$/; // as it is written, with its unit
const SHORT = 12; // letters that stay on one line

export function tableElement(table: Table, caption: string, locale: string): HTMLTableElement {
  const numeric = table.columns.map((_, i) => isNumeric(table.rows.map((row) => row[i])));
  const side = (i: number, short = false): Record<string, string> => (numeric[i] ? { class: "pl-number" } : short ? { class: "pl-short" } : {});
  const head = make("tr", {}, ...table.columns.map((name, i) => make("th", { scope: "col", ...side(i) }, name)));
  const body = make("tbody");
  for (const row of table.rows.slice(0, SHOWN)) {
    body.append(make("tr", {}, ...row.map((cell, i) => make("td", side(i, String(cell).trim().length <= SHORT), typeof cell === "number" ? formatValue(cell, locale) : indented(cell)))));
  }
  if (table.rows.length > SHOWN) {
    body.append(make("tr", {}, make("td", { colspan: String(table.columns.length) }, `… ${formatValue(table.rows.length - SHOWN, locale)}`)));
  }
  return make("table", { class: "pl-table" }, make("caption", { class: "pl-hidden" }, caption), make("thead", {}, head), body);
}

/** A text whose spaces at the beginning are seen, and do not part it from its first word. */
function indented(text: string): string {
  return text.replace(/^ +/, (spaces) => "\u00a0".repeat(spaces.length));
}

/** Whether a column holds numbers, or texts that are numbers with their units, and at least one. */
function isNumeric(cells: readonly (string | number | undefined)[]): boolean {
  const told = cells.filter((cell) => cell !== "");
  return told.length > 0 && told.every((cell) => typeof cell === "number" || NUMBER.test(cell ?? ""));
}

/** RFC 4180, with a byte-order mark so that spreadsheets read it as UTF-8. */
export function csv(table: Table): string {
  const lines = [table.columns, ...table.rows].map((row) => row.map(cell).join(","));
  return `\ufeff${lines.join("\r\n")}\r\n`;
}

function cell(value: string | number): string {
  if (typeof value === "number") return String(value);
  // a spreadsheet would run a text that begins like a formula
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
