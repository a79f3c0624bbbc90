// The data-table twin of a panel, on the page and as CSV.
import { make } from "./dom";
import { formatValue } from "./format";
import type { Table } from "./schema.gen";

const SHOWN = 500; // rows on the page; the CSV file has all

export function tableElement(table: Table, caption: string, locale: string): HTMLTableElement {
  const numeric = table.columns.map((_, i) => table.rows.length > 0 && table.rows.every((row) => typeof row[i] === "number"));
  const side = (i: number): Record<string, string> => (numeric[i] ? { class: "pl-number" } : {});
  const head = make("tr", {}, ...table.columns.map((name, i) => make("th", { scope: "col", ...side(i) }, name)));
  const body = make("tbody");
  for (const row of table.rows.slice(0, SHOWN)) {
    body.append(make("tr", {}, ...row.map((cell, i) => make("td", side(i), typeof cell === "number" ? formatValue(cell, locale) : cell))));
  }
  if (table.rows.length > SHOWN) {
    body.append(make("tr", {}, make("td", { colspan: String(table.columns.length) }, `… ${formatValue(table.rows.length - SHOWN, locale)}`)));
  }
  return make("table", { class: "pl-table" }, make("caption", { class: "pl-hidden" }, caption), make("thead", {}, head), body);
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
