import { describe, expect, it } from "vitest";
import { drawZero } from "../src/axes";
import { type Chart, isChart, layOut, ticksOf, wholeView } from "../src/layout";
import { composePng } from "../src/png";
import { wordsOf } from "../src/i18n";
import { line } from "../src/marks/line";
import { pointColors, points } from "../src/marks/points";
import { drawPlot, nearest } from "../src/plot";
import { readingRows } from "../src/reading";
import { chooseLanguage, readState, writeState } from "../src/state";
import { csv, tableElement } from "../src/table";
import { color, lookup, rgb } from "../src/theme";
import { shorten, type TextBox, wrap } from "../src/writing";
import { canZoom, isWhole, movedBy, zoomAt, zoomTo } from "../src/zoom";
import { installCanvas, stubCanvas } from "./canvas";
import { goldenScene } from "./golden";

const canvas = stubCanvas();

function chart(kinds: readonly string[], change: Partial<Chart> = {}): Chart {
  const panel = goldenScene().panels[0]!;
  const made = { ...panel, ...change, marks: panel.marks.filter((mark) => kinds.includes(mark.mark)) };
  if (!isChart(made)) throw new Error("no axes");
  return made;
}

function drawn(panel: Chart, width = 600) {
  return drawPlot(canvas, panel, { view: wholeView(panel), width, tallest: null, theme: "light", locale: "en" });
}

function overlaps(boxes: readonly TextBox[]): string[] {
  const apart = (a: TextBox, b: TextBox): boolean =>
    a.left + a.width <= b.left || b.left + b.width <= a.left || a.top + a.height <= b.top || b.top + b.height <= a.top;
  return boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b) => (apart(a, b) ? [] : [`${a.text} and ${b.text}`])));
}

describe("text on the canvas", () => {
  it("is seen when it overlaps (the guard can fail)", () => {
    const [first] = drawn(chart(["line"])).boxes;
    expect(overlaps([first!, { ...first!, left: first!.left + 5 }])).toHaveLength(1);
  });

  it("is shortened to its width and never beyond", () => {
    expect(shorten(canvas, "mean radius", 200)).toBe("mean radius");
    expect(shorten(canvas, "mean radius", 49)).toBe("mean r…");
    expect(shorten(canvas, "平均半径的误差", 28)).toBe("平均半…");
  });

  it("wraps at words and keeps a value at the end", () => {
    expect(wrap(canvas, "worst concave points", 100)).toEqual(["worst concave", "points"]);
    expect(wrap(canvas, "worst smoothness of the radius lengths = 0.16", 126)).toEqual(["worst smoothness", "of the rad… = 0.16"]);
    for (const line of wrap(canvas, "one_very_long_name_without_any_space_at_all = 3", 90)) expect(7 * [...line].length).toBeLessThanOrEqual(90);
  });

  it("has tick labels that do not overlap, at any width", () => {
    const panel = chart(["line"], { x: { ...chart([]).x, domain: [100000, 123456] } });
    for (let width = 120; width <= 1200; width += 60) {
      const { boxes } = drawn(panel, width);
      expect(overlaps(boxes), `at ${width}`).toEqual([]);
      for (const box of boxes) expect(box.left >= 0 && box.left + box.width <= width, `${box.text} at ${width}`).toBe(true);
    }
  });

  it("leaves out the ticks outside the part shown", () => {
    const axis = { ...chart([]).x, ticks: [0, 1, 2], tick_labels: ["a", "b", "c"] };
    expect(ticksOf(axis, [0.5, 2], 5, "en")).toEqual({ values: [1, 2], labels: ["b", "c"] });
  });
});

describe("the line at zero", () => {
  it("is drawn, but not through the cells of a map", () => {
    const starts = (kinds: readonly string[]): number => {
      const panel = chart(kinds, { y: { ...chart([]).y, kind: "linear", domain: [-0.5, 2.5] } });
      const { layout, scales } = drawn(panel);
      let lines = 0;
      const counting = Object.assign(stubCanvas(), { moveTo: () => lines++ });
      drawZero(counting, panel, wholeView(panel), layout.plot, scales, "light");
      return lines;
    };
    expect(starts(["bars"])).toBeGreaterThan(0);
    expect(starts(["image"])).toBe(0);
  });
});

describe("labels at the left", () => {
  it("have room whatever the height of the plot", () => {
    for (const top of [1, 3.34, 7, 9.6, 12]) {
      const panel = chart(["line"], { y: { ...chart([]).y, domain: [0, top], ticks: [], tick_labels: [] } });
      for (const width of [240, 420, 600, 900]) {
        expect(drawn(panel, width).boxes.filter((box) => box.text.includes("…")), `0 to ${top} at ${width}`).toEqual([]);
      }
    }
  });
});

describe("categories", () => {
  const axis = { ...chart([]).y, kind: "category" as const, ticks: [0, 1, 2, 3], tick_labels: ["a", "b", "c", "d"] };

  it("are named wherever a good part of their band is shown", () => {
    expect(ticksOf(axis, [-0.5, 3.5], 5, "en").labels).toEqual(["a", "b", "c", "d"]);
    expect(ticksOf(axis, [0.6, 2.2], 5, "en")).toEqual({ values: [1, 2], labels: ["b", "c"] });
    expect(ticksOf(axis, [1.1, 2.2], 5, "en")).toEqual({ values: [1.3, 2], labels: ["b", "c"] });
    expect(ticksOf(axis, [1.4, 2.2], 5, "en").labels, "too little of b").toEqual(["c"]);
  });

  it("keep the room of their names when some leave the view", () => {
    const panel = chart(["line"], { y: { ...axis, domain: [-0.5, 3.5], tick_labels: ["a", "b", "c", "a very long name"] } });
    const left = (y: readonly [number, number]): number => layOut(canvas, panel, { x: panel.x.domain, y }, 600, null, "en").plot.left;
    expect(left([-0.5, 1.5])).toBe(left([-0.5, 3.5]));
  });
});

describe("layout", () => {
  it("keeps pixels square", () => {
    const panel = chart(["image"], { equal: true });
    const { plot } = layOut(canvas, panel, wholeView(panel), 600, null, "en");
    expect(plot.width / 3).toBeCloseTo(plot.height / 6, 0);
  });
});

describe("points with colors of their own", () => {
  const marks = goldenScene().panels[0]!.marks.filter((mark) => mark.mark === "points");
  const colored = marks[1]!;

  it("take them from the scale, its ends beyond it, and the unknown's where there is no value", () => {
    const table = lookup("sequential", "light");
    const of = (at: number): string => `rgb(${[...table.slice(3 * at, 3 * at + 3)].join(" ")})`;
    const [lowest, middle, highest, beyond, unknown] = [0, 1, 2, 3, 4].map(pointColors(colored, "light")!);
    expect([lowest, middle, highest, beyond]).toEqual([of(0), of(512), of(1023), of(1023)]);
    expect(unknown).toBe(`rgb(${rgb(color("line", "light")).join(" ")})`);
    expect(pointColors(marks[0]!, "light")).toBeNull();
  });

  it("read their value out under the scale's name", () => {
    const plain = { domain: [0, 1] as const, log: false, at: (v: number) => v, back: (v: number) => v };
    const scales = { x: plain, y: plain, zoom: 1 };
    expect(points.read(colored, 1, scales, "en").values).toEqual([{ label: "worth", value: 0 }]);
    expect(points.read(colored, 4, scales, "en").values).toEqual([]);
    expect(points.read(marks[0]!, 1, scales, "en").values).toEqual([]);
  });

  it("beside a category are read as that category", () => {
    const panel = chart(["points"], { y: { ...chart([]).y, kind: "category", ticks: [0, 1], tick_labels: ["first", "second"] } });
    const reading = { name: "", position: [{ axis: "y" as const, value: 1.2 }], values: [], left: 0, top: 0, reach: [1, 1] as const };
    expect(readingRows(panel, reading, "en", wordsOf("en"))).toEqual([["y", "second"]]);
    expect(readingRows({ ...panel, y: { ...panel.y, label: "" } }, reading, "en", wordsOf("en"))).toEqual([["at", "second"]]);
    expect(readingRows(panel, { ...reading, name: "row 1: second = 3" }, "en", wordsOf("en")), "not told twice").toEqual([]);
  });
});

describe("a long curve", () => {
  /** The points that drawing a line visits. */
  function visited(x: readonly number[], y: readonly number[]): (readonly [string, number, number])[] {
    const steps: (readonly [string, number, number])[] = [];
    const pen = stubCanvas();
    Object.assign(pen, {
      moveTo: (a: number, b: number) => steps.push(["move", a, b]),
      lineTo: (a: number, b: number) => steps.push(["line", a, b]),
    });
    const plain = { domain: [0, 1] as const, log: false, at: (v: number) => v, back: (v: number) => v };
    const tensor = (data: readonly number[]) => ({ shape: [data.length], data: Float64Array.from(data) });
    const mark = { mark: "line", name: "", x: tensor(x), y: tensor(y), color: "ink", dashed: false } as const;
    line.draw(pen, mark, { x: plain, y: plain, zoom: 1 }, "light");
    return steps;
  }

  it("keeps the first, lowest, highest and last point of each pixel column", () => {
    expect(visited([0, 0.1, 0.2, 0.3, 0.4, 1.5], [5, 9, 1, 4, 6, 0])).toEqual([
      ["move", 0, 5], ["line", 0.1, 9], ["line", 0.2, 1], ["line", 0.4, 6], ["line", 1.5, 0],
    ]);
  });

  it("keeps every point where there is room, and its gaps", () => {
    expect(visited([0, 2, 4, 6], [1, 2, Number.NaN, 3])).toEqual([["move", 0, 1], ["line", 2, 2], ["move", 6, 3]]);
  });

  it("visits no more points than the picture has columns", () => {
    const x = Array.from({ length: 100_000 }, (_, i) => i / 200);
    expect(visited(x, x.map((v) => Math.sin(v * 1e4))).length).toBeLessThanOrEqual(4 * 500);
  });
});

describe("pointing", () => {
  it("finds the nearest element of all marks", () => {
    const panel = chart(["line", "points", "image"]);
    const { scales } = drawn(panel);
    const at = (x: number, y: number) => nearest(panel, scales.x.at(x), scales.y.at(y), scales);
    expect(at(0.75, 0.75)).toMatchObject({ mark: { mark: "points" }, hit: { index: 3 } });
    expect(at(0.75, 0.5625)).toMatchObject({ mark: { mark: "line" }, hit: { index: 3 } });
    expect(at(2.5, 1.5)).toMatchObject({ mark: { mark: "image" }, hit: { index: 5 } });
  });
});

describe("zoom", () => {
  const panel = chart(["line"]);
  const { scales } = drawn(panel);

  it("keeps what is under the pointer in its place", () => {
    const view = zoomAt(panel, scales, scales.x.at(1), scales.y.at(1), 2);
    expect(view.x[1] - view.x[0]).toBeCloseTo(1.5, 9);
    expect((1 - view.x[0]) / (view.x[1] - view.x[0])).toBeCloseTo(1 / 3, 9);
  });

  it("never goes beyond the whole", () => {
    expect(isWhole(panel, zoomAt(panel, scales, 0, 0, 0.5))).toBe(true);
    const view = zoomTo(panel, scales, [scales.x.at(-9), scales.y.at(3)], [scales.x.at(1), scales.y.at(1)]);
    expect(view.x[0]).toBeGreaterThanOrEqual(0);
    expect(view.y).toEqual([expect.closeTo(1, 9), expect.closeTo(3, 9)]);
  });

  it("of categories shows one at least, and all of those in the box", () => {
    const axis = { ...panel.y, kind: "category", domain: [-0.5, 7.5], reverse: true, ticks: [...Array(8).keys()], tick_labels: [..."abcdefgh"] } as const;
    const rows = { ...panel, y: axis };
    const { scales } = drawn(rows);
    const box = (from: number, to: number) => zoomTo(rows, scales, [scales.x.at(0.5), scales.y.at(from)], [scales.x.at(1.5), scales.y.at(to)]);
    expect(box(1.6, 3.4).y).toEqual([1.5, 3.5]);
    expect(box(1.4, 3.6).y, "a sliver of a category is not meant").toEqual([1.5, 3.5]);
    expect(box(2.1, 2.2).y).toEqual([1.5, 2.5]);
    expect(box(1.6, 3.4).x.map((v) => v.toFixed(6))).toEqual(["0.500000", "1.500000"]);
    const near = zoomAt(rows, scales, scales.x.at(1), scales.y.at(2), 100);
    expect(near.y, "all of the one that is pointed at").toEqual([1.5, 2.5]);
    expect(near.x[1] - near.x[0]).toBeCloseTo(0.03, 9);
  });

  it("moves along as far as the whole reaches, categories by whole ones", () => {
    const axis = { ...panel.y, kind: "category", domain: [-0.5, 7.5], reverse: true, ticks: [...Array(8).keys()], tick_labels: [..."abcdefgh"] } as const;
    const rows = { ...panel, y: axis };
    const whole = drawn(rows);
    expect(isWhole(rows, movedBy(rows, whole.scales, 50, 50)), "the whole stays where it is").toBe(true);
    const view = { x: [1, 2], y: [1.5, 3.5] } as const;
    const near = drawPlot(canvas, rows, { view, width: 600, tallest: null, theme: "light", locale: "en" });
    const { plot } = near.layout;
    const to = movedBy(rows, near.scales, plot.width / 4, -plot.height / 2.2);
    expect(to.x.map((v) => v.toFixed(6))).toEqual(["0.750000", "1.750000"]);
    expect(to.y).toEqual([2.5, 4.5]);
    const far = movedBy(rows, near.scales, 1e6, 1e6);
    expect(far.x[0]).toBeCloseTo(rows.x.domain[0], 9);
    expect(far.x[1] - far.x[0]).toBeCloseTo(1, 9);
    expect(far.y).toEqual([-0.5, 1.5]);
  });

  it("of square cells shows one at least, and stays square", () => {
    const names = { kind: "category", ticks: [0, 1, 2], tick_labels: ["a", "b", "c"], domain: [-0.5, 2.5] } as const;
    const grid = chart(["image"], { equal: true, x: { ...panel.x, ...names }, y: { ...panel.y, ...names, reverse: true } });
    const { scales } = drawn(grid);
    const view = zoomTo(grid, scales, [scales.x.at(0.9), scales.y.at(1)], [scales.x.at(1), scales.y.at(1.1)]);
    expect([view.x, view.y].map(([a, b]) => Number((b - a).toFixed(9)))).toEqual([1, 1]);
    expect(ticksOf(grid.x, view.x, 3, "en").labels).toContain("b");
  });

  it("leaves out the notes that lie outside", () => {
    const noted = chart(["text", "line"]);
    const texts = (x: readonly [number, number]): string[] =>
      drawPlot(canvas, noted, { view: { ...wholeView(noted), x }, width: 600, tallest: null, theme: "light", locale: "en" }).boxes.map((box) => box.text);
    expect(texts(noted.x.domain)).toContain("</script><b>no markup</b>");
    expect(texts([0.4, 0.6])).toContain("</script><b>no markup</b>");
    expect(texts([1, 2])).not.toContain("</script><b>no markup</b>");
  });

  it("is not offered for bars", () => {
    expect(canZoom(panel)).toBe(true);
    expect(canZoom(chart(["line", "bars"]))).toBe(false);
  });
});

describe("tables", () => {
  it("indent a cell by the spaces at its beginning", () => {
    const table = { ...goldenScene().panels[0]!.table, columns: ["layer"], rows: [["encoder"], ["    self attention"]] };
    const cells = [...tableElement(table, "layers", "en").querySelectorAll("td")].map((cell) => cell.textContent);
    expect(cells).toEqual(["encoder", "\u00a0\u00a0\u00a0\u00a0self attention"]);
  });
});

describe("downloads", () => {
  it("CSV quotes, and disarms what a spreadsheet would run", () => {
    expect(csv(goldenScene().panels[0]!.table)).toBe('\ufeffname,value\r\n\'=1+1,2.5\r\n"a ""quoted"", name",-1\r\n');
  });

  it("a PNG has room for title, verdict, plot and key", () => {
    installCanvas();
    const context = { theme: "light", language: "en", words: wordsOf("en"), heading: "Golden", badge: goldenScene().badge } as const;
    const scale = { kind: "diverging", domain: [-4, 4], label: "value" } as const;
    const [bare, full] = [chart(["image"]), chart(["image"], { scale, legend: [{ label: "a", color: "positive", shape: "square" }] })];
    const [small, large] = [composePng(bare, { ...context, heading: "", badge: null }, 500), composePng(full, context, 500)];
    expect(small.width).toBe(1000);
    expect(large.height - small.height).toBe(2 * (20 * 3 + 20 + 54));
  });
});

describe("the address of the page", () => {
  it("holds its state", () => {
    const state = { lang: "zh-CN", theme: "dark", section: "检验 1", debug: false } as const;
    expect(readState(writeState(state))).toEqual(state);
    expect(readState("#lang=xx&theme=pink")).toEqual({ lang: null, theme: null, section: null, debug: false });
    expect(writeState(readState(""))).toBe("");
  });

  it("opens the edition that is asked for, else preferred, else the first", () => {
    expect(chooseLanguage("zh-CN", ["en", "zh-CN"], ["en-US"])).toBe("zh-CN");
    expect(chooseLanguage(null, ["en", "zh-CN"], ["fr", "zh-TW"])).toBe("zh-CN");
    expect(chooseLanguage("zh-CN", ["en"], ["zh"])).toBe("en");
  });
});

describe("words", () => {
  it("take values", () => {
    expect(wordsOf("zh-CN")("range", { low: "1", high: "2" })).toBe("1 至 2");
  });
});
