// Entry of the notebook widget: one module without a style file, as anywidget loads it.
import type { Context, Mounted } from "./context";
import { readFrame } from "./frame";
import { type Language, wordsOf } from "./i18n";
import { mountScene } from "./scene";
import type { Scene } from "./schema.gen";
import style from "./style.css?inline";
import { applyTheme, type Theme } from "./theme";

/** What the widget needs of anywidget's model: `frame` is the frame of a scene. */
interface Model {
  get(name: "frame"): DataView | Uint8Array;
  on(event: "change:frame", act: () => void): void;
  off(event: "change:frame", act: () => void): void;
}

interface Arguments {
  readonly model: Model;
  readonly el: HTMLElement;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

function sceneOf(model: Model): Scene {
  const frame = model.get("frame");
  const found = readFrame(new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength));
  if (found.type !== "Scene") throw new Error(`A notebook shows a Scene, not a ${found.type}.`);
  return found.content;
}

/** JupyterLab, VS Code and marimo each mark a dark page in their own way; else the system decides. */
function themeOf(): Theme {
  const { body, documentElement } = document;
  const jupyter = body.dataset["jpThemeLight"];
  if (jupyter) return jupyter === "false" ? "dark" : "light";
  if (body.classList.contains("vscode-dark") || documentElement.classList.contains("dark")) return "dark";
  if (body.classList.contains("vscode-light") || documentElement.classList.contains("light")) return "light";
  return dark.matches ? "dark" : "light";
}

/** Styles go where the element lives: marimo gives each output a shadow root. */
function addStyle(el: HTMLElement): void {
  const root = el.getRootNode();
  const place = root instanceof ShadowRoot ? root : document.head;
  if (place.querySelector("style[data-pellucid]")) return;
  const element = document.createElement("style");
  element.dataset["pellucid"] = "";
  element.textContent = style;
  place.append(element);
}

function render({ model, el }: Arguments): () => void {
  addStyle(el);
  const box = document.createElement("div");
  box.className = "pl-widget";
  el.append(box);
  const context = (language: Language): Context => ({ theme: themeOf(), language, words: wordsOf(language), heading: "", badge: null });
  const first = sceneOf(model);
  applyTheme(box, themeOf());
  const mounted: Mounted<Scene> = mountScene(box, first, context(first.language));
  const change = (): void => {
    const scene = sceneOf(model);
    applyTheme(box, themeOf());
    mounted.update(scene, context(scene.language));
  };
  model.on("change:frame", change);
  dark.addEventListener("change", change);
  return () => {
    model.off("change:frame", change);
    dark.removeEventListener("change", change);
    mounted.destroy();
    box.remove();
  };
}

export default { render };
