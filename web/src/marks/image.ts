// A map of values, or a picture.
import type { ColorScale } from "../schema.gen";
import { color, lookup, rgb, type Theme } from "../theme";
import type { Drawer, MarkOf, Scales } from "./mark";

type Image = MarkOf<"image">;

// a cell gives way to points and lines that are nearer than this, in pixels
const BEHIND = 8;
// pictures smaller than this keep their pixels visible
const SMOOTH_FROM = 48;

const surfaces = new WeakMap<Image, Map<Theme, HTMLCanvasElement>>();

export const image: Drawer<Image> = {
  draw(canvas, mark, scales, theme) {
    const surface = raster(mark, theme);
    if (!surface) return;
    const { left, top, right, bottom } = corners(mark, scales);
    canvas.save();
    canvas.imageSmoothingEnabled = mark.pixels !== null && surface.width >= SMOOTH_FROM;
    canvas.imageSmoothingQuality = "high";
    canvas.translate(left, top);
    canvas.scale((right - left) / surface.width, (bottom - top) / surface.height);
    canvas.drawImage(surface, 0, 0);
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    if (!mark.name || !mark.values) return null;
    const [rows, columns] = shape(mark);
    const box = corners(mark, scales);
    const column = Math.floor(((left - box.left) / (box.right - box.left)) * columns);
    const row = Math.floor(((top - box.top) / (box.bottom - box.top)) * rows);
    if (column < 0 || row < 0 || column >= columns || row >= rows) return null;
    return { index: row * columns + column, distance: BEHIND };
  },

  read(mark, index, scales) {
    const [rows, columns] = shape(mark);
    const [row, column] = [Math.floor(index / columns), index % columns];
    const [left, right, top, bottom] = mark.extent;
    const x = left + ((column + 0.5) / columns) * (right - left);
    const y = top + ((row + 0.5) / rows) * (bottom - top);
    const box = corners(mark, scales);
    const value = mark.values?.data[index] ?? Number.NaN;
    return {
      name: mark.texts[value] ?? mark.name,
      position: [
        { axis: "x", value: x },
        { axis: "y", value: y },
      ],
      values: mark.told ? [{ label: mark.name, value: mark.told.data[index]! }] : [{ label: "", value }],
      left: scales.x.at(x),
      top: scales.y.at(y),
      reach: [Math.abs(box.right - box.left) / columns / 2, Math.abs(box.bottom - box.top) / rows / 2],
    };
  },

  order(mark) {
    const [rows, columns] = shape(mark);
    return mark.name && mark.values ? { elements: rows * columns, row: columns } : { elements: 0, row: 1 };
  },
};

function shape(mark: Image): readonly [number, number] {
  const [rows = 0, columns = 0] = (mark.values ?? mark.pixels)?.shape ?? [];
  return [rows, columns];
}

function corners(mark: Image, scales: Scales): { left: number; right: number; top: number; bottom: number } {
  const [left, right, top, bottom] = mark.extent;
  return { left: scales.x.at(left), right: scales.x.at(right), top: scales.y.at(top), bottom: scales.y.at(bottom) };
}

/** The image at one canvas pixel per cell; kept as long as the mark, for it is drawn again at every size. */
function raster(mark: Image, theme: Theme): HTMLCanvasElement | null {
  const known = surfaces.get(mark) ?? new Map<Theme, HTMLCanvasElement>();
  surfaces.set(mark, known);
  const found = known.get(theme);
  if (found) return found;
  const [rows, columns] = shape(mark);
  if (rows * columns === 0) return null;
  const surface = document.createElement("canvas");
  surface.width = columns;
  surface.height = rows;
  const canvas = surface.getContext("2d");
  if (!canvas) return null;
  const picture = canvas.createImageData(columns, rows);
  if (mark.values && mark.roles.length) paintRoles(picture.data, mark.values.data, mark.roles, theme);
  else if (mark.values && mark.scale) paintValues(picture.data, mark.values.data, mark.scale, theme);
  else if (mark.pixels) paintPixels(picture.data, mark.pixels.data);
  if (mark.opacity) mark.opacity.data.forEach((share, i) => (picture.data[i * 4 + 3] = share * 255));
  canvas.putImageData(picture, 0, 0);
  known.set(theme, surface);
  return surface;
}

export function paintValues(out: Uint8ClampedArray, values: ArrayLike<number>, scale: ColorScale, theme: Theme): void {
  const table = lookup(scale.kind, theme);
  const last = table.length / 3 - 1;
  const [low, high] = scale.domain;
  const unknown = rgb(color("line", theme));
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const place = Math.round(Math.max(0, Math.min(1, (value - low) / (high - low || 1))) * last) * 3;
    for (let c = 0; c < 3; c++) out[i * 4 + c] = Number.isFinite(value) ? table[place + c]! : unknown[c]!;
    out[i * 4 + 3] = 255;
  }
}

function paintRoles(out: Uint8ClampedArray, values: ArrayLike<number>, roles: readonly string[], theme: Theme): void {
  const colors = roles.map((role) => rgb(color(role, theme)));
  for (let i = 0; i < values.length; i++) out.set([...colors[values[i]!]!, 255], i * 4);
}

function paintPixels(out: Uint8ClampedArray, pixels: ArrayLike<number>): void {
  for (let i = 0; i * 3 < pixels.length; i++) {
    for (let c = 0; c < 3; c++) out[i * 4 + c] = pixels[i * 3 + c]!;
    out[i * 4 + 3] = 255;
  }
}
