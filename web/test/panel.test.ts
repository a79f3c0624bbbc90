import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Context } from "../src/context";
import { wordsOf } from "../src/i18n";
import { mount } from "../src/panel";
import { mountScene } from "../src/scene";
import type { Panel } from "../src/schema.gen";
import { installCanvas } from "./canvas";
import { goldenScene } from "./golden";

const context: Context = { theme: "light", language: "en", words: wordsOf("en"), heading: "", badge: null };

/** Counts what a mounted thing holds outside its own elements. */
class Ledger {
  observers = 0;
  listeners = 0;
  frames = new Set<number>();

  constructor() {
    const ledger = this;
    vi.stubGlobal("ResizeObserver", class {
      private on = false;
      constructor(private readonly act: () => void) {}
      observe(): void { if (!this.on) ledger.observers++; this.on = true; this.act(); }
      unobserve(): void {}
      disconnect(): void { if (this.on) ledger.observers--; this.on = false; }
    });
    let next = 1;
    vi.stubGlobal("requestAnimationFrame", () => { ledger.frames.add(next); return next++; });
    vi.stubGlobal("cancelAnimationFrame", (id: number) => ledger.frames.delete(id));
    for (const target of [window, document]) {
      vi.spyOn(target, "addEventListener").mockImplementation(() => { ledger.listeners++; });
      vi.spyOn(target, "removeEventListener").mockImplementation(() => { ledger.listeners--; });
    }
  }

  get held(): readonly number[] {
    return [this.observers, this.listeners, this.frames.size, document.body.querySelectorAll("*").length];
  }
}

let ledger: Ledger;

beforeEach(() => {
  document.body.replaceChildren();
  installCanvas();
  ledger = new Ledger();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("mounting and destroying", () => {
  it("a hundred times leaves nothing", () => {
    const scene = goldenScene();
    for (let i = 0; i < 100; i++) {
      const mounted = mountScene(document.body, scene, context);
      expect(document.querySelectorAll("canvas").length).toBe(1);
      mounted.update(scene, { ...context, theme: "dark" });
      mounted.update({ ...scene }, { ...context, language: "zh-CN", words: wordsOf("zh-CN") });
      mounted.destroy();
    }
    expect(ledger.held).toEqual([0, 0, 0, 0]);
  });

  it("is seen when something is left (the guard can fail)", () => {
    mountScene(document.body, goldenScene(), context);
    const [observers, , frames, elements] = ledger.held;
    expect(observers).toBe(1);
    expect(frames).toBe(1);
    expect(elements).toBeGreaterThan(10);
    window.addEventListener("resize", () => undefined);
    expect(ledger.held[1]).toBe(1);
  });
});

function plotOf(panel: Panel): HTMLElement {
  mount(document.body, panel, context);
  return document.querySelector<HTMLElement>(".pl-plot")!;
}

function press(el: HTMLElement, ...keys: readonly string[]): void {
  for (const key of keys) el.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

function readout(): string {
  const el = document.querySelector<HTMLElement>(".pl-readout")!;
  return el.hidden ? "" : [...el.querySelectorAll("strong, dt, dd")].map((e) => e.textContent).join("|");
}

describe("a panel", () => {
  const panel = goldenScene().panels[0]!;
  const listing = (links: string[]): Panel => ({
    ...panel, table: { columns: ["line", "code", "note"], rows: [["1", "    x = f(x)  # <b>", "sum"]], code: [1], links }, x: null, y: null, marks: [],
  });
  const only = (kind: string): Panel => ({ ...panel, marks: panel.marks.filter((mark) => mark.mark === kind) });

  it("names itself and is reached by keyboard", () => {
    const plot = plotOf(panel);
    expect(plot.getAttribute("aria-label")).toContain("Every mark once.");
    expect(plot.tabIndex).toBe(0);
  });

  it("reads out an image row by row with the arrow keys", () => {
    const plot = plotOf({ ...only("image"), marks: only("image").marks.slice(0, 1) });
    press(plot, "ArrowRight");
    expect(readout()).toBe("map|x|0.5|y|0.5|value|1.5");
    press(plot, "ArrowRight", "ArrowDown");
    expect(readout()).toBe("map|x|1.5|y|1.5|value|4");
    press(plot, "ArrowRight", "ArrowUp");
    expect(readout()).toBe("map|x|2.5|y|0.5|value|no value");
    press(plot, "Escape");
    expect(readout()).toBe("");
  });

  it("reads out bars, bands and points", () => {
    press(plotOf(only("bars")), "ArrowRight", "ArrowRight");
    expect(readout()).toBe("重量|bars|−2");
    document.body.replaceChildren();
    press(plotOf(only("band")), "ArrowRight");
    expect(readout()).toBe("band|x|0|y|−0.1 to 0.1");
    document.body.replaceChildren();
    press(plotOf({ ...only("points"), marks: only("points").marks.slice(0, 1) }), "ArrowRight", "ArrowRight");
    expect(readout()).toBe("b|x|0.25|y|0.25");
    document.body.replaceChildren();
    press(plotOf(only("points")), "ArrowRight", "ArrowRight"); // of two that lie upon one another, the upper
    expect(readout()).toBe("colored|x|0.25|y|0.25|worth|0");
  });

  it("reads out lines along their steps and from line to line, those drawn only", () => {
    const plot = plotOf(only("lines"));
    press(plot, "ArrowRight", "ArrowRight");
    expect(readout()).toBe("row 4: size = 1.5 mm|x|1.5|y|1");
    press(plot, "ArrowDown", "ArrowRight");
    expect(readout()).toBe("row 1: size = missing|x|3|y|0");
    press(plot, "ArrowDown", "ArrowDown");
    expect(readout(), "the third line is not drawn").toBe("row 1: size = missing|x|3|y|0");
  });

  it("reads out the areas that are drawn, by all that is known of them", () => {
    const plot = plotOf(only("polygons"));
    press(plot, "ArrowRight");
    expect(readout()).toBe("area 7: kind = rough, size = 1|x|0.5|y|0.5");
    press(plot, "ArrowRight", "ArrowRight");
    expect(readout(), "the third area is not drawn").toBe("area 8: kind = calm, size = 0.5|x|1.25|y|0.5");
  });

  it("reads out a map of kinds by their names", () => {
    const plot = plotOf({ ...only("image"), marks: only("image").marks.slice(-1) });
    press(plot, "ArrowRight");
    expect(readout()).toBe("against|x|0.5|y|0.5|share|0.75");
  });

  it("says how many are drawn, anew when it is zoomed", () => {
    const told = (): string | null => document.querySelector(".pl-told")!.textContent;
    const plot = plotOf(only("lines"));
    expect(told()).toBe("2 of 4 rows shown");
    press(plot, "+");
    expect(told()).toBe("all 3 rows in this view shown"); // the fourth lies outside
    press(plot, "0");
    expect(told()).toBe("2 of 4 rows shown");
  });

  it("zooms with the keyboard and back, but not where there are bars", () => {
    const reset = (): HTMLElement => document.querySelector<HTMLElement>('[aria-label="Reset zoom"]')!;
    const plot = plotOf(only("line"));
    expect(reset().hidden).toBe(true);
    press(plot, "+");
    expect(reset().hidden).toBe(false);
    press(plot, "0");
    expect(reset().hidden).toBe(true);
    document.body.replaceChildren();
    press(plotOf(only("bars")), "+");
    expect(reset().hidden).toBe(true);
  });

  it("shows its table twin instead of the picture, and back", () => {
    const plot = plotOf(panel);
    const toggle = document.querySelector<HTMLElement>('[aria-label="Show the data as a table"]')!;
    toggle.click();
    expect(plot.hidden).toBe(true);
    expect(document.querySelector("td")?.textContent).toBe("=1+1");
    expect(toggle.getAttribute("aria-label")).toBe("Show the picture");
    toggle.click();
    expect(plot.hidden).toBe(false);
  });

  it("is its table where it has no axes", () => {
    mount(document.body, { ...panel, x: null, y: null, marks: [] }, context);
    expect(document.querySelector("canvas")).toBeNull();
    expect(document.querySelectorAll("tbody tr").length).toBe(2);
  });

  it("keeps the spaces of code, and takes it for text", () => {
    mount(document.body, listing([]), context);
    expect(document.querySelector(".pl-listing code")?.textContent).toBe("    x = f(x)  # <b>");
    expect(document.querySelector(".pl-side")?.textContent).toBe("note: sum");
    expect(document.querySelector("b")).toBeNull();
  });

  it("leads from a line to its point and back, while both are there", () => {
    const points = panel.marks.find((mark) => mark.mark === "points")!;
    const linked = { ...points, links: Array.from(points.x.data, (_, i) => (i === 0 ? "a.1 a.2" : "")) };
    mount(document.body, listing(["a.1"]), context);
    const button = (): HTMLElement | null => document.querySelector(".pl-line-number button");
    expect(button()).toBeNull();
    const picture = mount(document.body, { ...panel, marks: [linked] }, context);
    button()!.click();
    const plot = document.querySelector<HTMLElement>(".pl-plot")!;
    expect(document.activeElement).toBe(plot);
    expect(document.querySelector<HTMLElement>(".pl-marker")!.hidden).toBe(false);
    plot.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    expect(document.querySelector(".pl-found code")).not.toBeNull();
    picture.destroy();
    expect(button()).toBeNull();
  });

  it("puts text on the page as text", () => {
    mount(document.body, { ...panel, title: "<img src=x>", x: null, y: null }, context);
    expect(document.querySelector("h4")?.textContent).toBe("<img src=x>");
    expect(document.querySelector("img")).toBeNull();
  });
});
