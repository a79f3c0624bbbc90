// Grid, axis lines, tick labels and axis labels.
import { type Box, type Chart, type Layout, spacing, tickCount, type Ticks, ticksOf, type View } from "./layout";
import type { Scales } from "./marks";
import type { Scale } from "./scales";
import { color, type Theme } from "./theme";
import { font, place, type TextBox, wrap, write } from "./writing";

const APART = 8; // pixels between neighboring labels
const ROOM = 44; // pixels that a long category needs at least; it is shortened to what there is
const LINE = 15; // pixels between the two lines of a wrapped label
const TWO_LINES = 32; // pixels between ticks that leave room for them

export function drawGrid(canvas: CanvasRenderingContext2D, panel: Chart, view: View, plot: Box, scales: Scales, theme: Theme): void {
  canvas.save();
  canvas.lineWidth = 1;
  canvas.strokeStyle = color("line", theme);
  canvas.beginPath();
  if (!panel.x.hidden && panel.x.kind !== "category" && !panel.equal) {
    for (const value of ticksOf(panel.x, view.x, xCount(plot), "en").values) {
      const at = Math.round(scales.x.at(value)) + 0.5;
      canvas.moveTo(at, plot.top);
      canvas.lineTo(at, plot.top + plot.height);
    }
  }
  if (!panel.y.hidden && panel.y.kind !== "category" && !panel.equal) {
    for (const value of ticksOf(panel.y, view.y, tickCount(plot.height), "en").values) {
      const at = Math.round(scales.y.at(value)) + 0.5;
      canvas.moveTo(plot.left, at);
      canvas.lineTo(plot.left + plot.width, at);
    }
  }
  canvas.stroke();
  canvas.restore();
}

/** The line at zero, on top of the marks so that the sign of a bar can be seen; a map has none, whose cells of number 0 it would strike out. */
export function drawZero(canvas: CanvasRenderingContext2D, panel: Chart, view: View, plot: Box, scales: Scales, theme: Theme): void {
  if (panel.marks.some((mark) => mark.mark === "image")) return;
  const crosses = (shown: readonly [number, number]): boolean => Math.min(...shown) <= 0 && Math.max(...shown) >= 0;
  canvas.save();
  canvas.lineWidth = 1;
  canvas.strokeStyle = color("muted", theme);
  canvas.beginPath();
  if (!panel.x.hidden && panel.x.kind === "linear" && !panel.equal && crosses(view.x)) {
    const at = Math.round(scales.x.at(0)) + 0.5;
    canvas.moveTo(at, plot.top);
    canvas.lineTo(at, plot.top + plot.height);
  }
  if (!panel.y.hidden && panel.y.kind === "linear" && !panel.equal && crosses(view.y)) {
    const at = Math.round(scales.y.at(0)) + 0.5;
    canvas.moveTo(plot.left, at);
    canvas.lineTo(plot.left + plot.width, at);
  }
  canvas.stroke();
  canvas.restore();
}

/** Tick and axis labels; returns where each text stands. */
export function writeAxes(
  canvas: CanvasRenderingContext2D, panel: Chart, view: View, layout: Layout, scales: Scales, theme: Theme, locale: string,
): TextBox[] {
  const { plot, width, height } = layout;
  const boxes: TextBox[] = [];
  const [ink, muted] = [color("ink", theme), color("muted", theme)];
  if (!panel.x.hidden) {
    const category = panel.x.kind === "category";
    const ticks = ticksOf(panel.x, view.x, xCount(plot), locale);
    boxes.push(...writeX(canvas, ticks, scales.x, plot, width, category, category ? ink : muted));
    if (panel.x.label) {
      const x = plot.left + plot.width / 2;
      boxes.push(write(canvas, { text: panel.x.label, x, y: height - 9, color: muted, align: "center", within: [0, width], maxWidth: width }));
    }
  }
  if (!panel.y.hidden) {
    const category = panel.y.kind === "category";
    boxes.push(...writeY(canvas, ticksOf(panel.y, view.y, tickCount(plot.height), locale), scales.y, plot, category ? ink : muted));
    if (panel.y.label) boxes.push(write(canvas, { text: panel.y.label, x: 0, y: 9, color: muted, maxWidth: width }));
  }
  return boxes;
}

function writeX(
  canvas: CanvasRenderingContext2D, ticks: Ticks, scale: Scale, plot: Box, width: number, category: boolean, ink: string,
): TextBox[] {
  const gap = spacing(ticks, scale);
  canvas.font = font();
  const widest = Math.max(0, ...ticks.labels.map((text) => canvas.measureText(text).width));
  const every = category ? Math.max(1, Math.ceil(Math.min(ROOM, widest + APART) / gap)) : 1;
  const boxes: TextBox[] = [];
  let taken = -Infinity;
  const order = ticks.values.map((value, i) => [scale.at(value), ticks.labels[i]!] as const).sort((a, b) => a[0] - b[0]);
  order.forEach(([x, text], i) => {
    if (i % every) return;
    const maxWidth = category ? Math.min(width, gap * every - APART) : width;
    const label = { text, x, y: plot.top + plot.height + 16, color: ink, align: "center" as const, within: [0, width] as const, maxWidth };
    const box = place(canvas, label);
    if (box.left < taken + APART) return;
    taken = box.left + box.width;
    boxes.push(write(canvas, label));
  });
  return boxes;
}

function writeY(canvas: CanvasRenderingContext2D, ticks: Ticks, scale: Scale, plot: Box, ink: string): TextBox[] {
  const gap = spacing(ticks, scale);
  const every = Math.max(1, Math.ceil(16 / gap));
  // labels end at the plot; those of a centered picture may use the free room at its left
  const maxWidth = Math.max(0, plot.left - 8);
  return ticks.values.flatMap((value, i) => {
    if (i % every) return [];
    canvas.font = font();
    const lines = gap * every >= TWO_LINES ? wrap(canvas, ticks.labels[i]!, maxWidth) : [ticks.labels[i]!];
    const first = scale.at(value) - ((lines.length - 1) * LINE) / 2;
    const cut = lines.join("").includes("…");
    return lines.map((text, k) => {
      const box = write(canvas, { text, x: plot.left - 8, y: first + k * LINE, color: ink, align: "right", maxWidth });
      return cut ? { ...box, full: ticks.labels[i]! } : box;
    });
  });
}

function xCount(plot: Box): number {
  return Math.max(4, Math.floor(plot.width / 64));
}

