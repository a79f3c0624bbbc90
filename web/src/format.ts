// Numbers as the reader's language writes them, with a real minus sign and e as the scenes' own texts have it.

function signs(text: string): string {
  return text.replaceAll("-", "−").replace("E", "e");
}

/** A value to read: whole numbers in full, others to four significant digits; not-a-number is a dash. */
export function formatValue(value: number, locale: string): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return signs(new Intl.NumberFormat(locale).format(value === 0 ? 0 : value));
  const notation = size >= 1e-4 && size < 1e6 ? "standard" : "scientific";
  return signs(new Intl.NumberFormat(locale, { maximumSignificantDigits: 4, notation }).format(value));
}

/** Labels of ticks: all with the decimals that tell them apart and state them right. */
export function formatTicks(ticks: readonly number[], locale: string): string[] {
  const size = Math.max(...ticks.map(Math.abs));
  const step = ticks.length > 1 ? Math.abs(ticks[1]! - ticks[0]!) : size;
  if (size >= 1e6 || (size > 0 && size < 1e-3)) {
    const style = new Intl.NumberFormat(locale, { notation: "scientific", maximumSignificantDigits: 3 });
    return ticks.map((tick) => (tick === 0 ? "0" : signs(style.format(tick))));
  }
  const exact = (places: number): boolean => ticks.every((tick) => Math.abs(tick - Number(tick.toFixed(places))) <= step * 1e-3);
  const digits = [0, 1, 2, 3, 4, 5, 6, 7].find(exact) ?? 8;
  const style = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return ticks.map((tick) => signs(style.format(tick === 0 ? 0 : tick)));
}
