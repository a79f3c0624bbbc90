// Many thin curves, each a row of numbers.
import { labelOf } from "../labels";
import { type Elements, shownOf } from "../sample";
import { color, mixer } from "../theme";
import type { Drawer, MarkOf, Scales } from "./mark";

type Lines = MarkOf<"lines">;

const TOLD_APART = 120;
const PALEST = 0.08;
// pixels, the widths of lines of no and of all strength
const [FAINT, BOLD] = [0.4, 2.2];

export const lines: Drawer<Lines> = {
  draw(canvas, mark, scales, theme) {
    const steps = stepsOf(mark);
    const [x, y] = [placer(mark.x.data, mark.x.shape.length > 1, steps, scales.x.at), placer(mark.y.data, mark.y.shape.length > 1, steps, scales.y.at)];
    const colors = mark.roles.map((role) => color(role, theme));
    const [strength, mixed] = [mark.strength?.data, mixer(mark.roles, theme)];
    canvas.save();
    canvas.lineWidth = 1;
    canvas.lineJoin = "round";
    const drawn = drawnLines(mark, scales);
    canvas.globalAlpha = strength ? 1 : opacity(drawn.length);
    for (const line of strength ? drawn.toReversed() : drawn) {
      canvas.beginPath();
      const role = mark.role?.data[line] ?? 0;
      canvas.strokeStyle = strength ? mixed(role, strength[line]!) : colors[role]!;
      if (strength) canvas.lineWidth = FAINT + (BOLD - FAINT) * strength[line]!;
      let pen = false;
      for (let k = 0; k < steps; k++) {
        const [left, top] = [x(line, k), y(line, k)];
        if (!Number.isFinite(left + top)) pen = false;
        else if (pen) canvas.lineTo(left, top);
        else {
          canvas.moveTo(left, top);
          pen = true;
        }
      }
      canvas.stroke();
    }
    canvas.restore();
  },

  nearest(mark, left, top, scales) {
    const steps = stepsOf(mark);
    const [x, y] = [placer(mark.x.data, mark.x.shape.length > 1, steps, scales.x.at), placer(mark.y.data, mark.y.shape.length > 1, steps, scales.y.at)];
    let best: { index: number; distance: number } | null = null;
    for (const line of drawnLines(mark, scales)) {
      for (let k = 0; k < steps; k++) {
        const distance = Math.hypot(x(line, k) - left, y(line, k) - top);
        if (distance < (best?.distance ?? Infinity)) best = { index: line * steps + k, distance };
      }
    }
    return best;
  },

  read(mark, index, scales, locale) {
    const steps = stepsOf(mark);
    const [x, y] = [numberAt(mark.x, index, steps), numberAt(mark.y, index, steps)];
    return {
      name: labelOf(mark.labels, Math.floor(index / steps), locale) || mark.name,
      position: [
        { axis: "x", value: x },
        { axis: "y", value: y },
      ],
      values: [],
      left: scales.x.at(x),
      top: scales.y.at(y),
      reach: [4, 4],
    };
  },

  order(mark, scales) {
    const steps = stepsOf(mark);
    const lines = drawnLines(mark, scales);
    return { elements: Uint32Array.from({ length: lines.length * steps }, (_, i) => lines[Math.floor(i / steps)]! * steps + (i % steps)), row: steps };
  },

  shown: (mark, scales) => shownOf(mark, scales, () => elementsOf(mark, scales)),
};

/** Where there are more lines than can be told apart, how many lie upon one another can be seen. */
function opacity(count: number): number {
  return count <= TOLD_APART ? 1 : Math.max(PALEST, (TOLD_APART / count) ** 0.75);
}

function stepsOf(mark: Lines): number {
  return mark.x.shape.at(-1) ?? 0;
}

function countOf(mark: Lines): number {
  return mark.x.shape.length > 1 ? mark.x.shape[0]! : mark.y.shape.length > 1 ? mark.y.shape[0]! : 1;
}

function numberAt({ shape, data }: Lines["x"], index: number, steps: number): number {
  return data[shape.length > 1 ? index : index % steps]!;
}

/** Where a line's step lies along one axis; what all lines share is worked out once. */
function placer(data: ArrayLike<number>, own: boolean, steps: number, at: (value: number) => number): (line: number, step: number) => number {
  if (own) return (line, step) => at(data[line * steps + step]!);
  const shared = Float64Array.from(data, at);
  return (_, step) => shared[step]!;
}

function drawnLines(mark: Lines, scales: Scales): Uint32Array {
  return lines.shown!(mark, scales).elements ?? Uint32Array.from({ length: countOf(mark) }, (_, i) => i);
}

function elementsOf(mark: Lines, { x, y }: Scales): Elements {
  const steps = stepsOf(mark);
  const [left, right, low, high] = [Math.min(...x.domain), Math.max(...x.domain), Math.min(...y.domain), Math.max(...y.domain)];
  return {
    sample: mark.sample,
    size: countOf(mark),
    placed: () => true,
    inside(line) {
      for (let k = 1; k < steps; k++) {
        const at = line * steps + k;
        const [a, b, c, d] = [numberAt(mark.x, at - 1, steps), numberAt(mark.y, at - 1, steps), numberAt(mark.x, at, steps), numberAt(mark.y, at, steps)];
        if (crosses(a, b, c, d, left, right, low, high)) return true;
      }
      return false;
    },
  };
}

/** Whether the stretch from (a, b) to (c, d) passes through a box: what of it lies between the box's low and high side, left and right. */
function crosses(a: number, b: number, c: number, d: number, left: number, right: number, low: number, high: number): boolean {
  if (Math.max(b, d) < low || Math.min(b, d) > high || Math.max(a, c) < left || Math.min(a, c) > right) return false;
  const along = (level: number): number => (d === b ? 0 : Math.max(0, Math.min(1, (level - b) / (d - b))));
  const [from, to] = d === b ? [0, 1] : [along(low), along(high)];
  const [u, v] = [a + from * (c - a), a + to * (c - a)];
  return Math.max(u, v) >= left && Math.min(u, v) <= right;
}
