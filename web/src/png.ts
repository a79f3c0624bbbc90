// A panel as a picture that can stand alone: title, verdict, plot, legend, color bar.
import type { Context } from "./context";
import { formatValue } from "./format";
import { type Chart, wholeView } from "./layout";
import { endsOf } from "./legend";
import { drawPlot, prepare } from "./plot";
import { color, type Theme } from "./theme";
import { MAPS } from "./palette.gen";
import { write } from "./writing";

const MARGIN = 20;
const RATIO = 2; // device pixels per pixel of the picture

/** Draws the whole picture on a fresh canvas, `width` pixels wide before scaling. */
export function composePng(panel: Chart, context: Context, width: number): HTMLCanvasElement {
  const surface = document.createElement("canvas");
  const canvas = surface.getContext("2d");
  if (!canvas) throw new Error("This browser gives no 2-D canvas.");
  const { theme, language: locale } = context;
  const options = { view: wholeView(panel), width: width - 2 * MARGIN, tallest: null, theme, locale };
  const lines = headLines(panel, context);
  const plotTop = MARGIN + lines.length * 20 + 8;
  const keyTop = plotTop + prepare(canvas, panel, options).layout.height + 16;
  const height = keyTop + panel.legend.length * 20 + (panel.scale ? 54 : 0) + MARGIN;
  surface.width = width * RATIO;
  surface.height = height * RATIO;
  canvas.scale(RATIO, RATIO);
  canvas.fillStyle = color("surface", theme);
  canvas.fillRect(0, 0, width, height);
  lines.forEach(([text, role, size, weight], i) => {
    write(canvas, { text, x: MARGIN, y: MARGIN + 8 + i * 20, color: color(role, theme), size, weight, maxWidth: width - 2 * MARGIN });
  });
  canvas.save();
  canvas.translate(MARGIN, plotTop);
  drawPlot(canvas, panel, options);
  canvas.restore();
  drawKey(canvas, panel, theme, locale, keyTop, width);
  return surface;
}

type Line = readonly [text: string, role: string, size: number, weight: number];

function headLines(panel: Chart, { badge, words }: Context): Line[] {
  const lines: Line[] = [[panel.title, "ink", 15, 600]];
  if (panel.subtitle) lines.push([panel.subtitle, "muted", 12, 400]);
  if (badge) lines.push([`${words("verdict")}: ${[badge.label, ...badge.reasons].join(" · ")}`, badge.level, 12, 600]);
  return lines;
}

function drawKey(canvas: CanvasRenderingContext2D, panel: Chart, theme: Theme, locale: string, top: number, width: number): void {
  const maxWidth = width - 2 * MARGIN;
  let y = top;
  for (const entry of panel.legend) {
    canvas.fillStyle = color(entry.color, theme);
    const thick = entry.shape === "line" || entry.shape === "dashed" ? 3 : 10;
    canvas.fillRect(MARGIN, y - thick / 2, 14, thick);
    write(canvas, { text: entry.label, x: MARGIN + 22, y, color: color("ink", theme), maxWidth: maxWidth - 22 });
    y += 20;
  }
  if (!panel.scale) return;
  const { scale } = panel;
  write(canvas, { text: scale.label, x: MARGIN, y, color: color("muted", theme), maxWidth });
  const gradient = canvas.createLinearGradient(MARGIN, 0, MARGIN + 240, 0);
  const stops = MAPS[scale.kind][theme];
  stops.forEach((stop, i) => gradient.addColorStop(i / (stops.length - 1), stop));
  canvas.fillStyle = gradient;
  canvas.fillRect(MARGIN, y + 10, 240, 10);
  const ends = endsOf(scale);
  ends.forEach((value, i) => {
    const align = i === 0 ? "left" : i === ends.length - 1 ? "right" : "center";
    write(canvas, { text: formatValue(value, locale), x: MARGIN + (i / (ends.length - 1)) * 240, y: y + 32, color: color("muted", theme), align });
  });
}
