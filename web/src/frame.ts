// Reads the frame: a safetensors buffer whose metadata holds the JSON (docs/format.md).
import { FORMAT, type Report, type Scene } from "./schema.gen";

export type Numbers = Float64Array | Float32Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;

/** An array with its shape; row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

export type Content = { readonly type: "Scene"; readonly content: Scene } | { readonly type: "Report"; readonly content: Report };

export class FrameError extends Error {}

type Maker = readonly [size: number, make: (buffer: ArrayBuffer, offset: number, count: number) => Numbers];

const MAKERS: Readonly<Record<string, Maker>> = {
  F64: [8, (b, o, n) => new Float64Array(b, o, n)],
  F32: [4, (b, o, n) => new Float32Array(b, o, n)],
  // 64-bit integers become doubles: scenes count, they do not hold identifiers
  I64: [8, (b, o, n) => Float64Array.from(new BigInt64Array(b, o, n), Number)],
  U64: [8, (b, o, n) => Float64Array.from(new BigUint64Array(b, o, n), Number)],
  I32: [4, (b, o, n) => new Int32Array(b, o, n)],
  U32: [4, (b, o, n) => new Uint32Array(b, o, n)],
  I16: [2, (b, o, n) => new Int16Array(b, o, n)],
  U16: [2, (b, o, n) => new Uint16Array(b, o, n)],
  I8: [1, (b, o, n) => new Int8Array(b, o, n)],
  U8: [1, (b, o, n) => new Uint8Array(b, o, n)],
  BOOL: [1, (b, o, n) => new Uint8Array(b, o, n)],
};

/** The scene or report in a frame; its arrays are views into the buffer where it is aligned. */
export function readFrame(bytes: Uint8Array): Content {
  if (bytes.byteLength < 8) throw new FrameError(`This is not a Pellucid frame: ${bytes.byteLength} bytes.`);
  const size = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (size > BigInt(bytes.byteLength - 8)) throw new FrameError(`The frame is cut short: its header needs ${size} bytes.`);
  const start = 8 + Number(size);
  const header = parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  const metadata = header["__metadata__"];
  const text = isObject(metadata) ? metadata["pellucid"] : undefined;
  if (typeof text !== "string") throw new FrameError("This is not a Pellucid frame: its metadata has no entry 'pellucid'.");
  const message = parse(text);
  if (message["format"] !== FORMAT) {
    throw new FrameError(`This frame has format version ${String(message["format"])}; this page reads version ${FORMAT}.`);
  }
  const type = message["type"];
  if (type !== "Scene" && type !== "Report") throw new FrameError(`A page shows scenes and reports, not ${String(type)}.`);
  const content = resolve(message["content"], readArrays(header, bytes.subarray(start)));
  // the writer's dataclasses and this type come from the same hints
  return { type, content } as unknown as Content;
}

function readArrays(header: Record<string, unknown>, data: Uint8Array): ReadonlyMap<string, Tensor> {
  const arrays = new Map<string, Tensor>();
  let end = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [tensor, last] = readArray(name, entry, data);
    arrays.set(name, tensor);
    end = Math.max(end, last);
  }
  if (end !== data.byteLength) throw new FrameError(`The frame is damaged: arrays end at ${end}, the data at ${data.byteLength}.`);
  return arrays;
}

function readArray(name: string, entry: unknown, data: Uint8Array): [Tensor, number] {
  const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  const maker = typeof dtype === "string" && Object.hasOwn(MAKERS, dtype) ? MAKERS[dtype] : undefined;
  if (!maker || !isCounts(shape) || !isCounts(offsets)) throw new FrameError(`Array '${name}' of the frame can not be read (${String(dtype)}).`);
  const [size, make] = maker;
  const [from = 0, to = 0] = offsets;
  const count = shape.reduce((product, length) => product * length, 1);
  if (to - from !== count * size || to > data.byteLength) throw new FrameError(`Array '${name}' of the frame has the wrong length.`);
  const at = data.byteOffset + from;
  const view = at % size === 0 ? make(data.buffer as ArrayBuffer, at, count) : make(data.slice(from, to).buffer, 0, count);
  return [{ shape, data: view }, to];
}

/** The JSON with every `{"array": name}` replaced by that array. */
function resolve(value: unknown, arrays: ReadonlyMap<string, Tensor>): unknown {
  if (Array.isArray(value)) return value.map((entry) => resolve(entry, arrays));
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && typeof value["array"] === "string") {
    const tensor = arrays.get(value["array"]);
    if (!tensor) throw new FrameError(`The frame has no array '${value["array"]}'.`);
    return tensor;
  }
  return Object.fromEntries(keys.map((key) => [key, resolve(value[key], arrays)]));
}

function parse(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new FrameError("This is not a Pellucid frame: an object was expected.");
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
