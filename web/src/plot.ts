// Draws the picture of one panel on any 2-D canvas: on the page, and for a download.
import { drawGrid, drawZero, writeAxes } from "./axes";
import { type Box, type Chart, type Layout, layOut, type View, wholeView } from "./layout";
import { drawer, type Hit, type Mark, type Scales } from "./marks";
import { axisScale, type Scale } from "./scales";
import { color, type Theme } from "./theme";
import type { TextBox } from "./writing";

export interface Drawn {
  readonly layout: Layout;
  readonly scales: Scales;
  readonly boxes: readonly TextBox[];
}

export interface PlotOptions {
  readonly view: View;
  readonly width: number;
  /** The height that is there; null: as high as the picture wants. */
  readonly tallest: number | null;
  readonly theme: Theme;
  readonly locale: string;
}

/** Measures and scales, without drawing. */
export function prepare(canvas: CanvasRenderingContext2D, panel: Chart, options: PlotOptions): Omit<Drawn, "boxes"> {
  const layout = layOut(canvas, panel, options.view, options.width, options.tallest, options.locale);
  const { left, top, width, height } = layout.plot;
  const [x, y] = [axisScale(panel.x, options.view.x, left, left + width), axisScale(panel.y, options.view.y, top + height, top)];
  return { layout, scales: { x, y, zoom: zoomOf(panel, x, y, layout.plot) } };
}

/** How many times closer than the whole picture this is: the mean of both directions. */
function zoomOf(panel: Chart, x: Scale, y: Scale, plot: Box): number {
  const whole = wholeView(panel);
  const [wide, high] = [Math.abs(x.at(whole.x[1]) - x.at(whole.x[0])), Math.abs(y.at(whole.y[1]) - y.at(whole.y[0]))];
  const zoom = Math.sqrt((wide / plot.width) * (high / plot.height));
  return zoom > 1 + 1e-9 ? zoom : 1;
}

export function drawPlot(canvas: CanvasRenderingContext2D, panel: Chart, options: PlotOptions): Drawn {
  const { layout, scales } = prepare(canvas, panel, options);
  const { plot } = layout;
  const { theme, view, locale } = options;
  drawGrid(canvas, panel, view, plot, scales, theme);
  canvas.save();
  canvas.beginPath();
  canvas.rect(plot.left, plot.top, plot.width, plot.height);
  canvas.clip();
  for (const mark of panel.marks) drawer(mark).draw(canvas, mark, scales, theme);
  if (panel.hatched) hatch(canvas, plot, theme);
  canvas.restore();
  drawZero(canvas, panel, view, plot, scales, theme);
  if (panel.equal) frame(canvas, plot, theme);
  const boxes = writeAxes(canvas, panel, view, layout, scales, theme, locale);
  // tick labels are at the left of the plot: a note must not run into them
  const within = [plot.left + 2, plot.left + plot.width - 2] as const;
  for (const mark of panel.marks) boxes.push(...(drawer(mark).write?.(canvas, mark, scales, theme, within) ?? []));
  return { layout, scales, boxes };
}

/** The element nearest to a pixel, over all marks; a later mark, drawn on top, wins a tie. */
export function nearest(panel: Chart, left: number, top: number, scales: Scales): { mark: Mark; hit: Hit } | null {
  let best: { mark: Mark; hit: Hit } | null = null;
  for (const mark of panel.marks) {
    const hit = drawer(mark).nearest(mark, left, top, scales);
    if (hit && hit.distance <= (best?.hit.distance ?? Infinity)) best = { mark, hit };
  }
  return best;
}

function hatch(canvas: CanvasRenderingContext2D, plot: Box, theme: Theme): void {
  canvas.save();
  canvas.beginPath();
  for (let at = plot.left - plot.height; at < plot.left + plot.width; at += 10) {
    canvas.moveTo(at, plot.top + plot.height);
    canvas.lineTo(at + plot.height, plot.top);
  }
  // a pale line beside a dark one: seen on every color
  for (const [role, shift] of [["surface", 1], ["muted", -1]] as const) {
    canvas.translate(shift, 0);
    canvas.strokeStyle = color(role, theme);
    canvas.globalAlpha = 0.7;
    canvas.lineWidth = 1;
    canvas.stroke();
  }
  canvas.restore();
}

function frame(canvas: CanvasRenderingContext2D, plot: Box, theme: Theme): void {
  canvas.save();
  canvas.lineWidth = 1;
  canvas.strokeStyle = color("line", theme);
  canvas.strokeRect(plot.left - 0.5, plot.top - 0.5, plot.width + 1, plot.height + 1);
  canvas.restore();
}
