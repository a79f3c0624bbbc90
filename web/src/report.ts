// Entry of the offline report: opens the frame inside the page and shows its report, or its one scene.
import "./print.css";
import "./style.css";
import type { Context } from "./context";
import { make } from "./dom";
import { readFrame } from "./frame";
import { type Key, type Language, wordsOf } from "./i18n";
import { mountPage, type Page } from "./page";
import { mountScene } from "./scene";
import type { Report, Scene } from "./schema.gen";
import { chooseLanguage, readState, type State, writeState } from "./state";
import { applyTheme, type Theme } from "./theme";

const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", "zh-CN": "简体中文" };
const THEMES: readonly (readonly [Theme | "auto", Key])[] = [["auto", "themeAuto"], ["light", "themeLight"], ["dark", "themeDark"]];

const dark = matchMedia("(prefers-color-scheme: dark)");

async function inflate(text: string): Promise<Uint8Array> {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const opened = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(opened).arrayBuffer());
}

function themeOf(state: State): Theme {
  return state.theme ?? (dark.matches ? "dark" : "light");
}

/** Holds the state of the page and shows it. */
class ReportPage {
  private state = readState(location.hash);
  private page: Page | null = null;
  private language: Language = "en";

  constructor(private readonly el: HTMLElement, private readonly report: Report) {
    window.addEventListener("hashchange", () => this.go(readState(location.hash)));
    dark.addEventListener("change", () => this.paint(themeOf(this.state)));
    // paper is white
    window.addEventListener("beforeprint", () => this.paint("light"));
    window.addEventListener("afterprint", () => this.paint(themeOf(this.state)));
    this.show();
    this.follow();
  }

  private go(state: State): void {
    const [moved, spoken] = [state.section !== this.state.section, state.lang !== this.state.lang];
    // a link to a section names only that; language and theme stay as they are
    this.state = { ...state, lang: state.lang ?? this.state.lang, theme: state.theme ?? this.state.theme, debug: this.state.debug || state.debug };
    if (spoken && state.lang) this.show();
    else this.paint(themeOf(this.state));
    if (moved) this.follow();
  }

  private set(change: Partial<State>): void {
    const before = this.state;
    this.state = { ...before, ...change };
    history.replaceState(null, "", writeState(this.state) || location.pathname);
    if (before.lang !== this.state.lang) this.show();
    else this.paint(themeOf(this.state));
  }

  private show(): void {
    const { editions } = this.report;
    this.language = chooseLanguage(this.state.lang, editions.map((edition) => edition.language), navigator.languages);
    const edition = editions.find((entry) => entry.language === this.language);
    if (!edition) return;
    document.documentElement.lang = edition.language;
    document.title = edition.title;
    applyTheme(document.documentElement, themeOf(this.state));
    this.page?.destroy();
    this.page = mountPage(this.el, this.report, edition, this.context(themeOf(this.state)), this.controls());
    for (const link of this.el.querySelectorAll<HTMLAnchorElement>("a[data-section]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.set({ section: link.dataset["section"] ?? null });
        this.follow();
      });
    }
  }

  private paint(theme: Theme): void {
    applyTheme(document.documentElement, theme);
    for (const { scene, mounted } of this.page?.scenes ?? []) mounted.update(scene, this.context(theme));
  }

  private follow(): void {
    for (const link of this.el.querySelectorAll<HTMLAnchorElement>("a[data-section]")) {
      if (link.dataset["section"] === this.state.section) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const target = this.page?.sections.get(this.state.section ?? "");
    target?.scrollIntoView();
    target?.focus({ preventScroll: true });
  }

  private context(theme: Theme): Context {
    return { theme, language: this.language, words: wordsOf(this.language), heading: "", badge: null };
  }

  private controls(): HTMLElement {
    const words = wordsOf(this.language);
    const languages = this.report.editions.map(({ language }) => [language, LANGUAGE_NAMES[language]] as const);
    const themes = THEMES.map(([theme, key]) => [theme, words(key)] as const);
    const box = make("div", { class: "pl-controls" });
    if (languages.length > 1) box.append(select(words("language"), languages, this.language, (lang) => this.set({ lang })));
    box.append(select(words("theme"), themes, this.state.theme ?? "auto", (theme) => this.set({ theme: theme === "auto" ? null : theme })));
    return box;
  }
}

function select<T extends string>(label: string, options: readonly (readonly [T, string])[], chosen: T, act: (value: T) => void): HTMLElement {
  const group = make("div", { class: "pl-switch", role: "group", "aria-label": label });
  for (const [value, text] of options) {
    const button = make("button", { type: "button", "aria-pressed": String(value === chosen) }, text);
    if (value === "en" || value === "zh-CN") button.lang = value;
    button.addEventListener("click", () => {
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
      act(value);
    });
    group.append(button);
  }
  return group;
}

function showScene(el: HTMLElement, scene: Scene): void {
  const context = (): Context => ({ theme: dark.matches ? "dark" : "light", language: scene.language, words: wordsOf(scene.language), heading: "", badge: null });
  applyTheme(document.documentElement, context().theme);
  document.documentElement.classList.add("pl-single");
  const main = make("main", {});
  el.append(main);
  const mounted = mountScene(main, scene, context());
  dark.addEventListener("change", () => {
    applyTheme(document.documentElement, context().theme);
    mounted.update(scene, context());
  });
}

async function start(): Promise<void> {
  const el = document.getElementById("pellucid");
  const frame = document.getElementById("pellucid-frame");
  if (!el || !frame) return;
  el.replaceChildren();
  if (readState(location.hash).debug) window.__pellucid = { textBoxes: new Map() };
  try {
    const found = readFrame(await inflate(frame.textContent ?? ""));
    if (found.type === "Report") new ReportPage(el, found.content);
    else showScene(el, found.content);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    el.append(make("p", { class: "pl-broken", role: "alert" }, wordsOf(chooseLanguage(null, ["en", "zh-CN"], navigator.languages))("broken", { reason })));
    throw error;
  }
}

void start();
