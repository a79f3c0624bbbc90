import { describe, expect, it } from "vitest";
import { FrameError, readFrame } from "../src/frame";
import { bytesOf, goldenScene } from "./golden";

/** The same frame with a piece of its header replaced by one of equal length. */
function altered(from: string, to: string): Uint8Array {
  const bytes = bytesOf("scene").slice();
  const text = new TextDecoder("latin1").decode(bytes);
  expect(to.length).toBe(from.length);
  expect(text).toContain(from);
  const at = text.indexOf(from);
  for (let i = 0; i < to.length; i++) bytes[at + i] = to.charCodeAt(i);
  return bytes;
}

describe("a frame that Python wrote", () => {
  it("gives the scene with its arrays", () => {
    const scene = goldenScene();
    const [map, picture, line, , bars, points, text] = scene.panels[0]!.marks;
    expect(scene.language).toBe("zh-CN");
    if (map?.mark !== "image" || picture?.mark !== "image" || line?.mark !== "line" || bars?.mark !== "bars" || points?.mark !== "points") throw new Error("marks");
    expect(map.values?.shape).toEqual([2, 3]);
    expect([...map.values!.data]).toEqual([1.5, -2, Number.NaN, 0.25, 4, Infinity]);
    expect(map.opacity?.data).toBeInstanceOf(Float32Array);
    expect([...picture.pixels!.data]).toEqual([1, 2, 3, 250, 251, 252]);
    expect([...line.y.data]).toEqual([0, 0.0625, 0.25, 0.5625, 1]);
    expect([...bars.positions.data]).toEqual([0, 1]);
    expect(bars.labels).toEqual(["größe", "重量"]);
    expect(points.x.data).toBeInstanceOf(Float32Array);
    expect(text).toMatchObject({ mark: "text", text: "</script><b>no markup</b>" });
  });

  it("is read without a copy where it is aligned, and right where it is not", () => {
    const bytes = bytesOf("scene");
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const aligned = readFrame(bytes);
    const moved = readFrame(shifted.subarray(3));
    expect(moved).toEqual(aligned);
    const line = (content: typeof aligned) => (content.type === "Scene" ? content.content.panels[0]!.marks[2] : undefined);
    const [here, there] = [line(aligned), line(moved)];
    if (here?.mark !== "line" || there?.mark !== "line") throw new Error("marks");
    expect(here.x.data.buffer).toBe(bytes.buffer);
    expect(there.x.data.buffer).not.toBe(shifted.buffer);
  });

  it("stores what two editions share once", () => {
    const found = readFrame(bytesOf("report"));
    if (found.type !== "Report") throw new Error(found.type);
    const [en, zh] = found.content.editions.map((edition) => edition.sections[0]!.scenes[0]!.panels[0]!.marks[2]);
    if (en?.mark !== "line" || zh?.mark !== "line") throw new Error("marks");
    expect(en.x).toBe(zh.x);
  });
});

describe("a frame that must be refused", () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["cut short in its data", bytesOf("scene").slice(0, -8), /wrong length|damaged/],
    ["cut short in its header", bytesOf("scene").slice(0, 100), /cut short/],
    ["with bytes behind its end", new Uint8Array([...bytesOf("scene"), 0]), /damaged/],
    ["of another version", altered('\\"format\\": 1', '\\"format\\": 2'), /version 2/],
    ["of a type that no page shows", altered('\\"type\\": \\"Scene\\"', '\\"type\\": \\"Other\\"'), /not Other/],
    ["with an array that is not there", altered('\\"array\\": \\"a0\\"', '\\"array\\": \\"zz\\"'), /no array 'zz'/],
    ["with a wrong shape", altered('"shape":[2,3]', '"shape":[2,9]'), /wrong length/],
    ["with an unknown number type", altered('"F64"', '"X64"'), /can not be read/],
    ["that is a few bytes", new Uint8Array([1, 2, 3]), /not a Pellucid frame/],
  ];
  it.each(cases)("%s", (_, bytes, message) => {
    expect(() => readFrame(bytes)).toThrow(FrameError);
    expect(() => readFrame(bytes)).toThrow(message);
  });
});
