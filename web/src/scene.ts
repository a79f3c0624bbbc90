// A scene: title, verdict, panels in columns, notes and the code that makes it.
import type { Context, Mounted } from "./context";
import { make } from "./dom";
import type { Words } from "./i18n";
import { mount } from "./panel";
import type { Badge, Panel, Scene } from "./schema.gen";

/** Puts a scene at the end of `el`. */
export function mountScene(el: HTMLElement, scene: Scene, context: Context): Mounted<Scene> {
  let built = build(el, scene, context);
  let shown = { scene, language: context.language };
  return {
    update(next, nextContext) {
      if (next === shown.scene && nextContext.language === shown.language) {
        built.panels.forEach((panel, i) => panel.update(next.panels[i]!, within(next, nextContext)));
        return;
      }
      built.destroy();
      built = build(el, next, nextContext);
      shown = { scene: next, language: nextContext.language };
    },
    destroy() {
      built.destroy();
    },
  };
}

function within(scene: Scene, context: Context): Context {
  return { ...context, heading: scene.title, badge: scene.badge };
}

interface Built {
  readonly panels: readonly Mounted<Panel>[];
  destroy(): void;
}

function build(el: HTMLElement, scene: Scene, context: Context): Built {
  const stop = new AbortController();
  const card = make("article", { class: "pl-scene", "aria-label": scene.title, lang: scene.language }, sceneHead(scene, context.words));
  const grid = make("div", { class: "pl-grid" });
  grid.style.setProperty("--pl-columns", String(Math.max(1, scene.columns)));
  card.append(grid);
  if (scene.notes.length) card.append(make("ul", { class: "pl-notes" }, ...scene.notes.map((note) => make("li", {}, note))));
  if (scene.code) card.append(codeElement(scene.code, context.words, stop.signal));
  el.append(card);
  const panels = scene.panels.map((panel) => mount(grid, panel, within(scene, context)));
  if (lastIsAlone(scene)) grid.lastElementChild?.classList.add("pl-wide");
  return {
    panels,
    destroy() {
      stop.abort();
      for (const panel of panels) panel.destroy();
      card.remove();
    },
  };
}

/** Whether the last panel has a row for itself, and takes it: a picture with square pixels would only grow tall. */
function lastIsAlone({ panels, columns }: Scene): boolean {
  return columns > 1 && panels.length % columns === 1 && panels.at(-1)?.equal === false;
}

function sceneHead(scene: Scene, words: Words): HTMLElement {
  const title = make("div", { class: "pl-scene-title" }, make("h3", {}, scene.title));
  if (scene.subtitle) title.append(make("p", {}, scene.subtitle));
  const head = make("header", { class: "pl-scene-head" }, title);
  if (scene.badge) head.append(badgeElement(scene.badge, words));
  if (scene.badge?.reasons.length) {
    head.append(make("ul", { class: "pl-reasons" }, ...scene.badge.reasons.map((reason) => make("li", {}, reason))));
  }
  return head;
}

const SIGNS = { supported: "✓", weak: "~", refused: "✕", unchecked: "?" } as const;

/** The verdict as a badge; its level can be told without color. */
export function badgeElement(badge: Badge, words: Words): HTMLElement {
  return make(
    "span", { class: `pl-badge pl-${badge.level}` },
    make("span", { class: "pl-sign", "aria-hidden": "true" }, SIGNS[badge.level]),
    make("span", { class: "pl-hidden" }, `${words("verdict")}: `), badge.label,
  );
}

function codeElement(code: string, words: Words, signal: AbortSignal): HTMLElement {
  const text = make("code", {}, code);
  const copy = make("button", { type: "button", class: "pl-button" }, words("copy"));
  copy.addEventListener("click", () => void copyText(text).then((done) => (copy.textContent = words(done ? "copied" : "copyByHand"))), { signal });
  return make("details", { class: "pl-code" }, make("summary", {}, words("code")), make("div", {}, make("pre", { tabindex: "0" }, text), copy));
}

/** Copies; where the page may not (a sandboxed frame), the text is selected for the reader to copy. */
async function copyText(element: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(element.textContent ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return false;
  }
}
