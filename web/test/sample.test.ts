import { describe, expect, it } from "vitest";
import type { Context } from "../src/context";
import { wordsOf } from "../src/i18n";
import { type Labels, labelOf } from "../src/labels";
import { type Chart, isChart, type View, wholeView } from "../src/layout";
import { lines } from "../src/marks/lines";
import type { MarkOf, Scales } from "../src/marks/mark";
import { points } from "../src/marks/points";
import { polygons } from "../src/marks/polygons";
import { drawPlot } from "../src/plot";
import { composePng } from "../src/png";
import { choose, shownTexts } from "../src/sample";
import { installCanvas, stubCanvas } from "./canvas";
import { goldenScene } from "./golden";

const ROWS = 20_000;
const COLUMNS = 3;
const FIRST = 4998; // 1,666 rows

const tensor = (data: Float32Array | Uint32Array | Uint8Array, shape = [data.length]) => ({ shape, data });

/** Points of many rows in three categories, spread along x by a golden ratio; each tenth has no place. */
function swarm(): MarkOf<"points"> {
  const size = ROWS * COLUMNS;
  const x = Float32Array.from({ length: size }, (_, i) => (i % 10 === 9 ? Number.NaN : (i * 0.6180339887) % 1));
  const y = Float32Array.from({ length: size }, (_, i) => i % COLUMNS);
  const column = (name: string, k: number) => ({ name, values: tensor(Float32Array.from({ length: ROWS }, (_, row) => row + k / 4)), texts: [], unit: "mm" });
  const labels = { pattern: "row {row}: {label}", rows: tensor(Uint32Array.from({ length: ROWS }, (_, i) => i + 1)), columns: ["a", "b", "c"].map(column), missing: "missing", together: false };
  const sample = { first: FIRST, most: 5000, count: size * 0.9, unit: "points", said: "4,498 of 54,000 points shown" };
  return { mark: "points", name: "", x: tensor(x), y: tensor(y), color: "series1", radius: 2, labels, values: null, scale: null, sample, links: [] };
}

function chart(mark: Chart["marks"][number]): Chart {
  const panel = goldenScene().panels[0]!;
  const y = { ...panel.y!, kind: "category" as const, domain: [-0.5, 2.5] as const, ticks: [0, 1, 2], tick_labels: ["a", "b", "c"], reverse: true };
  const made = { ...panel, marks: [mark], x: { ...panel.x!, domain: [0, 1] as const }, y };
  if (!isChart(made)) throw new Error("no axes");
  return made;
}

/** The places of all circles that are drawn. */
function circles(panel: Chart, view: View) {
  const found: (readonly [number, number])[] = [];
  const pen = Object.assign(stubCanvas(), { arc: (x: number, y: number) => found.push([x, y]) });
  return { found, ...drawPlot(pen, panel, { view, width: 800, tallest: null, theme: "light", locale: "en" }) };
}

const mark = swarm();
const panel = chart(mark);
const told = (view: View, language: "en" | "zh-CN" = "en"): string[] => {
  const { scales } = circles(panel, view);
  return shownTexts(panel, scales, () => points.shown!(mark, scales), language, wordsOf(language));
};

/** How many points of the data lie in a view: counted by hand. */
function count({ x, y }: View): number {
  return [...mark.x.data].filter((v, i) => v >= x[0] && v <= x[1] && mark.y.data[i]! >= y[0] && mark.y.data[i]! <= y[1]).length;
}

describe("a mark of more than can be drawn", () => {
  it("draws the first of the whole, at most 5,000, those that have a place", () => {
    const { found, scales } = circles(panel, wholeView(panel));
    const expected = [...mark.x.data].slice(0, FIRST).filter((v) => !Number.isNaN(v)).length;
    expect(found.length).toBe(expected);
    expect(found.length).toBeLessThanOrEqual(5000);
    expect(scales.zoom).toBe(1);
    expect(told(wholeView(panel))).toEqual(["4,498 of 54,000 points shown"]);
  });

  it("draws 5,000 of those inside a view that holds more, and says so", () => {
    const view: View = { x: [0.1, 0.6], y: [0.5, 2.5] };
    expect(circles(panel, view).found.length).toBe(5000);
    expect(told(view)).toEqual([`5,000 of the ${count(view).toLocaleString("en")} points in this view shown; closer, more of them`]);
    expect(told(view, "zh-CN")[0]).toContain(`${count(view).toLocaleString("en")} 个`.slice(0, 3));
  });

  it("draws all inside a view that holds no more: points that were not there before", () => {
    const view: View = { x: [0.2, 0.25], y: [0.5, 1.5] };
    const before = circles(panel, wholeView(panel));
    const after = circles(panel, view);
    expect(after.found.length).toBe(count(view));
    const outside = before.scales.x;
    const seen = before.found.filter(([left, top]) => outside.back(left) >= 0.2 && outside.back(left) <= 0.25 && Math.round(before.scales.y.back(top)) === 1);
    expect(seen.length).toBeLessThan(after.found.length / 5);
    expect(told(view)).toEqual([`all ${count(view)} points in this view shown`]);
  });

  it("keeps what is drawn in a view when that is looked at more closely", () => {
    const chosen = (view: View): Set<number> => {
      const { scales } = circles(panel, view);
      return new Set(points.shown!(mark, scales).elements!);
    };
    const near: View = { x: [0.3, 0.5], y: [0.5, 1.5] };
    const after = chosen(near);
    for (const i of chosen({ x: [0.2, 0.8], y: [0.5, 2.5] })) {
      if (mark.x.data[i]! >= 0.3 && mark.x.data[i]! <= 0.5 && mark.y.data[i] === 1) expect(after.has(i)).toBe(true);
    }
  });

  it("reads and reaches by keyboard what is drawn, column after column along x", () => {
    const { scales } = circles(panel, { x: [0.2, 0.25], y: [-0.5, 1.5] });
    const { elements } = points.order(mark, scales);
    if (typeof elements === "number") throw new Error("an order");
    expect(elements.length).toBe(count({ x: [0.2, 0.25], y: [-0.5, 1.5] }));
    const places = [...elements].map((i) => mark.y.data[i]! * 10 + mark.x.data[i]!);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    const last = elements.at(-1)!;
    expect(points.nearest(mark, scales.x.at(mark.x.data[last]!), scales.y.at(1), scales)?.index).toBe(last);
    const row = Math.floor(last / COLUMNS);
    expect(points.read(mark, last, scales, "en").name).toBe(`row ${row + 1}: b = ${(row + 0.25).toLocaleString("en", { maximumSignificantDigits: 4 })} mm`);
  });

  it("grows from few to most, and to no more", () => {
    const sample = { first: 60, most: 5000, count: 20_000, unit: "rows", said: "" };
    const elements = { sample, size: 20_000, placed: () => true, inside: (i: number) => i % 2 === 0 };
    const drawn = (zoom: number): number => choose(elements, zoom).elements!.length;
    expect([1, 2, 10, 1000].map(drawn)).toEqual([60, 120, 600, 5000]);
    expect(choose(elements, 10).count).toBe(10_000);
  });

  it("says so in a saved picture too", () => {
    installCanvas();
    const context: Context = { theme: "light", language: "en", words: wordsOf("en"), heading: "", badge: null };
    const with_ = composePng(panel, context, 500);
    const without = composePng(chart({ ...mark, sample: null, x: tensor(new Float32Array(3)), y: tensor(new Float32Array(3)) }), context, 500);
    expect(with_.height - without.height).toBe(40);
  });
});

describe("many lines", () => {
  const y = Float32Array.from([0, 0, 0, 1, 1, 1, 2, 0, 2, 2, 2, 0]);
  const bundle: MarkOf<"lines"> = {
    mark: "lines", name: "", x: tensor(Float32Array.from([0, 0.5, 1])), y: tensor(y, [4, 3]), roles: ["positive", "negative"], role: tensor(Uint8Array.from([0, 1, 0, 1])), strength: null,
    labels: [], sample: { first: 3, most: 5000, count: 4, unit: "rows", said: "3 of 4" },
  };
  const inView = (x: View["x"], yView: View["y"]): number[] => {
    const { scales } = circles(chart(bundle), { x, y: yView });
    return [...lines.shown!(bundle, scales).elements!];
  };

  it("are in a view where a stretch of them passes through it, whether or not one of its ends lies there", () => {
    expect(inView([0.2, 0.3], [0.9, 1.1])).toEqual([1, 2]); // the third falls from 2 to 0 through it
    expect(inView([0.7, 0.8], [-0.1, 0.1])).toEqual([0]);
    expect(inView([0.6, 0.9], [0.3, 1.9])).toEqual([1, 2, 3]);
    expect(inView([0, 1], [-0.5, 2.5])).toEqual([0, 1, 2]);
  });
});

describe("areas side by side", () => {
  const areas: MarkOf<"polygons"> = {
    mark: "polygons", name: "", roles: ["positive"], role: tensor(new Uint8Array(3)), strength: tensor(Float32Array.from([1, 0.5, 0])), labels: [],
    x: tensor(Float32Array.from([0, 1, 1, 0, 1, 2, 1, 1, 2, 3, 3, 2]), [3, 4]), y: tensor(Float32Array.from([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]), [3, 4]),
    sample: { first: 2, most: 5000, count: 3, unit: "areas", said: "2 of 3" },
  };
  const scalesOf = (x: View["x"], y: View["y"]): Scales => circles(chart(areas), { x, y }).scales;

  it("are in a view that they reach into, and come back when it is zoomed", () => {
    expect([...polygons.shown!(areas, scalesOf([2.2, 2.4], [0.2, 0.4])).elements!]).toEqual([2]);
    expect([...polygons.shown!(areas, scalesOf([0.9, 1.1], [0.2, 0.4])).elements!]).toEqual([0, 1]);
  });

  it("are pointed at where they lie, whatever repeats at their corners", () => {
    const scales = scalesOf([0, 1.9], [0, 1]);
    const at = (x: number, y: number): number | undefined => polygons.nearest(areas, scales.x.at(x), scales.y.at(y), scales)?.index;
    expect([at(0.5, 0.5), at(1.3, 0.3), at(1.8, 0.6)]).toEqual([0, 1, undefined]);
  });
});

describe("labels of many", () => {
  const values = Float32Array.from([17.99, Number.NaN]);
  const rows = tensor(Uint32Array.from([12345, 2]));
  const column = { name: "radius", values: tensor(values), texts: [] as string[], unit: "" };
  const labels = (change: Partial<typeof column>): Labels => ({ pattern: "row {row}: {label}", rows, columns: [{ ...column, ...change }], missing: "missing", together: false });

  it("are written from a number with its unit, a category, or the name alone", () => {
    expect(labelOf(labels({ unit: "mm" }), 0, "en")).toBe("row 12345: radius = 17.99 mm");
    expect(labelOf(labels({}), 1, "en")).toBe("row 2: radius = missing");
    expect(labelOf(labels({ values: tensor(Uint8Array.from([1, 0])), texts: ["red", "blue {row}"] }), 0, "en")).toBe("row 12345: radius = blue {row}");
    expect(labelOf(labels({ values: tensor(new Float32Array()) }), 0, "en")).toBe("row 12345: radius");
    expect(labelOf(labels({ name: "" }), 0, "en")).toBe("row 12345: 17.99");
    expect(labelOf(["a"], 0, "en") + labelOf([], 3, "en")).toBe("a");
  });
});
