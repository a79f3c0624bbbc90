// All text on a canvas goes through here: measured, shortened where it must be, and its box known.
import { FONT } from "./theme";

export interface TextBox {
  readonly text: string;
  /** The text before it was shortened. */
  readonly full: string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly color: string;
}

export interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly color: string;
  readonly align?: "left" | "center" | "right";
  readonly size?: number;
  readonly weight?: number;
  readonly maxWidth?: number;
  /** The label is moved so that it lies between these two pixels. */
  readonly within?: readonly [number, number];
  /** A rim of this color keeps the text readable on a picture. */
  readonly halo?: string;
}

export const SIZE = 12;
const WIDEST = 4096;

export function font(size = SIZE, weight = 400): string {
  return `${weight} ${size}px ${FONT}`;
}

export function measure(canvas: CanvasRenderingContext2D, text: string, size = SIZE, weight = 400): number {
  canvas.font = font(size, weight);
  return canvas.measureText(text).width;
}

/** The text, or its beginning and an ellipsis, not wider than `width`. */
export function shorten(canvas: CanvasRenderingContext2D, text: string, width: number): string {
  if (canvas.measureText(text).width <= width) return text;
  const letters = [...text];
  let [fits, over] = [0, letters.length];
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (canvas.measureText(`${letters.slice(0, middle).join("").trimEnd()}…`).width <= width) fits = middle;
    else over = middle;
  }
  return `${letters.slice(0, fits).join("").trimEnd()}…`;
}

// a line may end after a space, a hyphen or an underscore, and between Chinese or Japanese signs
const BREAK = /[\s\-_/]|[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]/;

// "feature = value": the value is worth more than the end of a long name
const VALUE = /\s=\s.{1,16}$/;

/** The text on one line if it fits, else on two; the second is shortened where it must be, but keeps a value at its end. */
export function wrap(canvas: CanvasRenderingContext2D, text: string, width: number): readonly string[] {
  if (canvas.measureText(text).width <= width) return [text];
  const letters = [...text];
  let fits = letters.length;
  while (fits > 1 && canvas.measureText(letters.slice(0, fits).join("").trimEnd()).width > width) fits--;
  let cut = fits;
  while (cut > 2 && !BREAK.test(letters[cut - 1]!)) cut--;
  const at = cut > 2 ? cut : fits;
  const rest = letters.slice(at).join("").trim();
  const value = canvas.measureText(rest).width > width ? (VALUE.exec(rest)?.[0] ?? "") : "";
  const name = value ? rest.slice(0, -value.length) : rest;
  return [letters.slice(0, at).join("").trim(), shorten(canvas, name, width - canvas.measureText(value).width) + value];
}

/** Where a label would stand; `y` is the middle of the line. */
export function place(canvas: CanvasRenderingContext2D, label: Label): TextBox {
  const size = label.size ?? SIZE;
  canvas.font = font(size, label.weight);
  const text = shorten(canvas, label.text, label.maxWidth ?? WIDEST);
  const width = canvas.measureText(text).width;
  const share = label.align === "center" ? 0.5 : label.align === "right" ? 1 : 0;
  const [low, high] = label.within ?? [-Infinity, Infinity];
  const left = Math.max(low, Math.min(label.x - width * share, high - width));
  return { text, full: label.text, left, top: label.y - size * 0.6, width, height: size * 1.2, color: label.color };
}

export function write(canvas: CanvasRenderingContext2D, label: Label): TextBox {
  const box = place(canvas, label);
  canvas.textAlign = "left";
  canvas.textBaseline = "middle";
  if (label.halo) {
    canvas.lineWidth = 4;
    canvas.lineJoin = "round";
    canvas.strokeStyle = label.halo;
    canvas.strokeText(box.text, box.left, label.y);
  }
  canvas.fillStyle = label.color;
  canvas.fillText(box.text, box.left, label.y);
  return box;
}
