// Filled areas side by side.
import { labelOf } from "../labels";
import { type Elements, shownOf } from "../sample";
import type { Scale } from "../scales";
import { mixer } from "../theme";
import type { Drawer, MarkOf, Scales } from "./mark";

type Polygons = MarkOf<"polygons">;

// an area gives way to points and lines that are nearer than this, in pixels
const BEHIND = 8;

export const polygons: Drawer<Polygons> = {
  draw(canvas, mark, scales, theme) {
    canvas.save();
    canvas.lineWidth = 0.5;
    canvas.lineJoin = "round";
    const mixed = mixer(mark.roles, theme);
    for (const polygon of drawnPolygons(mark, scales)) {
      canvas.beginPath();
      for (let k = 0; k < placesOf(mark); k++) canvas.lineTo(...at(mark, polygon, k, scales));
      canvas.closePath();
      canvas.fillStyle = canvas.strokeStyle = mixed(mark.role.data[polygon]!, mark.strength.data[polygon]!);
      canvas.fill();
      canvas.stroke(); // closes the seam that smoothing leaves between two
    }
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    for (const polygon of drawnPolygons(mark, scales)) if (holds(mark, polygon, left, top, scales)) return { index: polygon, distance: BEHIND };
    return null;
  },

  read(mark, index, scales, locale) {
    const [x, y] = middle(mark, index);
    const corners = Array.from({ length: placesOf(mark) }, (_, k) => at(mark, index, k, scales));
    const [left, right] = seen(corners.map(([a]) => a), scales.x);
    const [top, bottom] = seen(corners.map(([, b]) => b), scales.y);
    return {
      name: labelOf(mark.labels, index, locale) || mark.name,
      position: [
        { axis: "x", value: x },
        { axis: "y", value: y },
      ],
      values: [],
      left: (left + right) / 2,
      top: (top + bottom) / 2,
      reach: [(right - left) / 2, (bottom - top) / 2],
    };
  },

  order: (mark, scales) => ({ elements: drawnPolygons(mark, scales), row: 1 }),

  shown: (mark, scales) => shownOf(mark, scales, () => elementsOf(mark, scales)),
};

function placesOf(mark: Polygons): number {
  return mark.x.shape.at(-1) ?? 0;
}

function at(mark: Polygons, polygon: number, place: number, { x, y }: Scales): [number, number] {
  const number = polygon * placesOf(mark) + place;
  return [x.at(mark.x.data[number]!), y.at(mark.y.data[number]!)];
}

/** From where to where pixels reach, of what lies in the view; all of it where nothing does. */
function seen(pixels: readonly number[], { domain, at: place }: Scale): readonly [number, number] {
  const [low, high] = [Math.min(...pixels), Math.max(...pixels)];
  const [a, b] = [place(domain[0]), place(domain[1])];
  const [first, last] = [Math.max(low, Math.min(a, b)), Math.min(high, Math.max(a, b))];
  return first <= last ? [first, last] : [low, high];
}

function middle(mark: Polygons, polygon: number): [number, number] {
  const places = placesOf(mark);
  let [x, y] = [0, 0];
  for (let k = 0; k < places; k++) {
    x += mark.x.data[polygon * places + k]! / places;
    y += mark.y.data[polygon * places + k]! / places;
  }
  return [x, y];
}

/** Whether a pixel lies inside: a ray from it to the right meets the sides an odd number of times. */
function holds(mark: Polygons, polygon: number, left: number, top: number, scales: Scales): boolean {
  const places = placesOf(mark);
  let inside = false;
  for (let k = 0, before = places - 1; k < places; before = k++) {
    const [a, b] = at(mark, polygon, k, scales);
    const [c, d] = at(mark, polygon, before, scales);
    if (b > top !== d > top && left < a + ((top - b) / (d - b)) * (c - a)) inside = !inside;
  }
  return inside;
}

function drawnPolygons(mark: Polygons, scales: Scales): Uint32Array {
  return polygons.shown!(mark, scales).elements ?? Uint32Array.from({ length: mark.x.shape[0] ?? 0 }, (_, i) => i);
}

function elementsOf(mark: Polygons, { x, y }: Scales): Elements {
  const places = placesOf(mark);
  const reaches = (data: ArrayLike<number>, polygon: number, domain: readonly number[]): boolean => {
    let [low, high] = [Infinity, -Infinity];
    for (let k = polygon * places; k < (polygon + 1) * places; k++) [low, high] = [Math.min(low, data[k]!), Math.max(high, data[k]!)];
    return high >= Math.min(...domain) && low <= Math.max(...domain);
  };
  return {
    sample: mark.sample,
    size: mark.x.shape[0] ?? 0,
    placed: () => true,
    inside: (polygon) => reaches(mark.x.data, polygon, x.domain) && reaches(mark.y.data, polygon, y.domain),
  };
}
