import { describe, expect, it } from "vitest";
import { formatTicks, formatValue } from "../src/format";
import { paintValues } from "../src/marks/image";
import { axisScale, logTicks, makeScale, roundTicks } from "../src/scales";
import { contrast, type Theme } from "../src/theme";
import { golden } from "./golden";

describe("numbers", () => {
  it.each(golden.numbers)("%d reads as Python's decimal arithmetic says", (value, text) => {
    expect(formatValue(Number(value), "en")).toBe(text);
  });

  it("says what is no number", () => {
    expect(formatValue(Number.NaN, "en")).toBe("–");
    expect(formatValue(-Infinity, "en")).toBe("−∞");
  });

  it("gives ticks the decimals of their step", () => {
    expect(formatTicks([0, 0.5, 1], "en")).toEqual(["0.0", "0.5", "1.0"]);
    expect(formatTicks([0, 0.25, 0.5], "en")).toEqual(["0.00", "0.25", "0.50"]);
    expect(formatTicks([0, 0.02, 0.04], "en")).toEqual(["0.00", "0.02", "0.04"]);
    expect(formatTicks([-2000, 0, 2000], "en")).toEqual(["−2,000", "0", "2,000"]);
    expect(formatTicks([0, 2e-6], "en")).toEqual(["0", "2e−6"]);
  });
});

describe("colors", () => {
  const { domain, values, rgb } = golden.colors;
  it.each(Object.entries(rgb))("%s map: Python's colors, to one step of 255", (name, expected) => {
    const [kind, theme] = name.split(" ") as ["diverging" | "sequential", Theme];
    const out = new Uint8ClampedArray(values.length * 4);
    paintValues(out, values.map((v) => v ?? Number.NaN), { kind, domain: [domain[0]!, domain[1]!], label: "" }, theme);
    expected.forEach((color, i) => color.forEach((part, c) => expect(Math.abs(out[i * 4 + c]! - part)).toBeLessThanOrEqual(1)));
  });

  it("have the contrast that WCAG defines", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 10);
    expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.478, 3);
  });
});

describe("scales", () => {
  it("go to pixels and back", () => {
    const scale = makeScale([-2, 6], 100, 500, false);
    expect(scale.at(0)).toBe(200);
    expect(scale.back(200)).toBe(0);
    const log = makeScale([0.01, 100], 0, 400, true);
    expect(log.at(1)).toBeCloseTo(200, 9);
    expect(log.back(300)).toBeCloseTo(10, 9);
  });

  it("turn a reversed axis around", () => {
    const axis = { label: "", domain: [0, 10] as const, ticks: [], tick_labels: [], kind: "linear" as const, reverse: true, hidden: false };
    expect(axisScale(axis, axis.domain, 300, 100).at(0)).toBe(100);
    expect(axisScale({ ...axis, reverse: false }, axis.domain, 300, 100).at(0)).toBe(300);
  });

  it("have round ticks inside the domain", () => {
    expect(roundTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(roundTicks(-0.13, 0.34, 5)).toEqual([-0.1, 0, 0.1, 0.2, 0.3]);
    expect(roundTicks(5, 5, 5)).toEqual([5]);
    expect(roundTicks(-0.47, 0.47, 4), "never one alone").toEqual([-0.4, -0.2, 0, 0.2, 0.4]);
    for (const [low, high] of [[1e-9, 7e-9], [-3e8, 2e9], [0.999, 1.001]] as const) {
      const ticks = roundTicks(low, high, 6);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(8);
      expect(Math.min(...ticks)).toBeGreaterThanOrEqual(low - Math.abs(low) * 1e-9);
      expect(Math.max(...ticks)).toBeLessThanOrEqual(high + Math.abs(high) * 1e-9);
    }
  });

  it("have powers of ten on a log axis", () => {
    expect(logTicks(0.005, 200)).toEqual([0.01, 0.1, 1, 10, 100]);
    expect(logTicks(2, 8)).toEqual([2, 4, 6, 8]);
  });
});
