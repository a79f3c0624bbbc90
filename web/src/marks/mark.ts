// What every kind of mark can do.
import type { Scale } from "../scales";
import type { Shown } from "../sample";
import type { Panel } from "../schema.gen";
import type { Theme } from "../theme";
import type { TextBox } from "../writing";

export type Mark = Panel["marks"][number];
export type MarkOf<K extends Mark["mark"]> = Extract<Mark, { readonly mark: K }>;

export interface Scales {
  readonly x: Scale;
  readonly y: Scale;
  /** How many times closer than the whole picture this is; 1 where it is the whole. */
  readonly zoom: number;
}

/** The nearest element of a mark: its number, and how far away it counts, in pixels. */
export interface Hit {
  readonly index: number;
  readonly distance: number;
}

/** What hovering reads out. Rows are a label (axis or name; empty for the mark's own) and a number or a pair of numbers. */
export interface Reading {
  readonly name: string;
  readonly position: readonly { readonly axis: "x" | "y"; readonly value: number }[];
  readonly values: readonly { readonly label: string; readonly value: number; readonly to?: number }[];
  readonly left: number;
  readonly top: number;
  /** Half width and height of what is pointed at, in pixels. */
  readonly reach: readonly [number, number];
}

export interface Drawer<M extends Mark> {
  draw(canvas: CanvasRenderingContext2D, mark: M, scales: Scales, theme: Theme): void;
  /** Text that is drawn on top of everything; it stays between two pixels, the sides of the plot. */
  write?(canvas: CanvasRenderingContext2D, mark: M, scales: Scales, theme: Theme, within: readonly [number, number]): TextBox[];
  nearest(mark: M, left: number, top: number, scales: Scales): Hit | null;
  read(mark: M, index: number, scales: Scales, locale: string): Reading;
  /** The elements that can be read (a count: all of them, as they are), in the order of the keyboard, and how many make a row. */
  order(mark: M, scales: Scales): { readonly elements: number | Uint32Array; readonly row: number };
  /** What is drawn where not all may be. */
  shown?(mark: M, scales: Scales): Shown;
}
