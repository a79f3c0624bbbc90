// Axis units to pixels and back, and the ticks between.
import type { Axis } from "./schema.gen";

export interface Scale {
  readonly domain: readonly [number, number];
  readonly log: boolean;
  /** Pixel of a value. */
  at(value: number): number;
  /** Value at a pixel. */
  back(pixel: number): number;
}

/** A scale from `domain` to the pixels `from` (low end) .. `to` (high end). */
export function makeScale(domain: readonly [number, number], from: number, to: number, log: boolean): Scale {
  const forward = log ? (v: number): number => Math.log10(Math.max(v, Number.MIN_VALUE)) : (v: number): number => v;
  const backward = log ? (v: number): number => 10 ** v : (v: number): number => v;
  const low = forward(domain[0]);
  const span = forward(domain[1]) - low || 1;
  return {
    domain,
    log,
    at: (value) => from + ((forward(value) - low) / span) * (to - from),
    back: (pixel) => backward(low + ((pixel - from) / (to - from || 1)) * span),
  };
}

/** The scale of an axis between two pixels, the low end at the first unless the axis is reversed. */
export function axisScale(axis: Axis, domain: readonly [number, number], from: number, to: number): Scale {
  return axis.reverse ? makeScale(domain, to, from, axis.kind === "log") : makeScale(domain, from, to, axis.kind === "log");
}

/** Round numbers inside a domain, about `count` of them, and at least two: one alone says nothing of the scale. */
export function roundTicks(low: number, high: number, count: number): number[] {
  const [from, to] = low <= high ? [low, high] : [high, low];
  if (!(to > from) || !Number.isFinite(to - from)) return [from];
  const raw = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => raw <= factor * power * (1 + 1e-9)) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  if (last - first < 1) return roundTicks(from, to, 2 * Math.max(1, count));
  // integer multiples divided by the inverse step keep 0.3 from becoming 0.30000000000000004
  const inverse = Math.round(1 / step);
  const whole = step < 1 && Math.abs(inverse * step - 1) < 1e-9;
  return Array.from({ length: last - first + 1 }, (_, i) => (whole ? (first + i) / inverse : (first + i) * step));
}

/** Powers of ten inside a domain; round numbers where there are fewer than two. */
export function logTicks(low: number, high: number): number[] {
  const from = Math.ceil(Math.log10(low) - 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  if (!(low > 0) || to - from < 1) return roundTicks(low, high, 4);
  const every = Math.ceil((to - from + 1) / 8);
  return Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, i) => 10 ** (from + i * every));
}
