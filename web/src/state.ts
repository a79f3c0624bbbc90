// The state of the page, kept in its address: #lang=zh-CN&theme=dark&section=patient
import type { Language } from "./i18n";
import type { Theme } from "./theme";

export interface State {
  readonly lang: Language | null;
  readonly theme: Theme | null;
  readonly section: string | null;
  readonly debug: boolean;
}

export function readState(hash: string): State {
  const entries = new URLSearchParams(hash.replace(/^#/, ""));
  const [lang, theme] = [entries.get("lang"), entries.get("theme")];
  return {
    lang: lang === "en" || lang === "zh-CN" ? lang : null,
    theme: theme === "light" || theme === "dark" ? theme : null,
    section: entries.get("section"),
    debug: entries.has("debug"),
  };
}

export function writeState(state: State): string {
  const entries = new URLSearchParams();
  for (const name of ["lang", "theme", "section"] as const) {
    const value = state[name];
    if (value !== null) entries.set(name, value);
  }
  if (state.debug) entries.set("debug", "1");
  return entries.size ? `#${entries.toString()}` : "";
}

/** The edition to open: what the address asks for, else what the browser prefers, else the first. */
export function chooseLanguage(wanted: Language | null, offered: readonly Language[], preferred: readonly string[]): Language {
  if (wanted && offered.includes(wanted)) return wanted;
  for (const language of preferred) {
    const found = offered.find((offer) => offer.slice(0, 2) === language.slice(0, 2).toLowerCase());
    if (found) return found;
  }
  return offered[0] ?? "en";
}
