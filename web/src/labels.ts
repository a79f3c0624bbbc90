// What an element of a mark is called: its own label, or one that is written from its row and column when it is read.
import { formatValue } from "./format";
import type { Column, RowLabels } from "./schema.gen";

export type Labels = readonly string[] | RowLabels;

/** The name of an element; empty where it has none. */
export function labelOf(labels: Labels, index: number, locale: string): string {
  if (!isRows(labels)) return labels[index] ?? "";
  const width = columnsOf(labels);
  const row = Math.floor(index / width);
  const columns = labels.together ? labels.columns : [labels.columns[index % width]!];
  const label = columns.map((column) => columnText(column, row, labels.missing, locale)).join(", ");
  const number = String(labels.rows.data[row]!);
  return labels.pattern.replace(/\{(row|label)\}/g, (_, field: string) => (field === "row" ? number : label));
}

/** How many elements stand for one row. */
export function columnsOf(labels: Labels): number {
  return isRows(labels) && !labels.together ? Math.max(1, labels.columns.length) : 1;
}

function columnText({ name, values, ...column }: Column, row: number, missing: string, locale: string): string {
  const value = values.data.length ? valueText(column, values.data[row]!, missing, locale) : "";
  return [name, value].filter(Boolean).join(" = ");
}

function isRows(labels: Labels): labels is RowLabels {
  return "pattern" in labels;
}

function valueText({ texts, unit }: Pick<Column, "texts" | "unit">, value: number, missing: string, locale: string): string {
  if (Number.isNaN(value)) return missing;
  if (texts.length) return texts[value] ?? missing;
  return unit ? `${formatValue(value, locale)} ${unit}` : formatValue(value, locale);
}
