// The page's own words; what scenes say is already in their language.
import en from "./en.json";
import zh from "./zh-CN.json";

export type Language = "en" | "zh-CN";
export type Key = keyof typeof en;
export type Words = (key: Key, values?: Readonly<Record<string, string>>) => string;

const TABLES: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, "zh-CN": zh };

/** The words of a language; `{name}` in a text is replaced by that value. */
export function wordsOf(language: Language): Words {
  return (key, values = {}) => TABLES[language][key].replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
