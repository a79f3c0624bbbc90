// A panel as a picture that can stand alone: title, verdict, plot, legend, color bar.
import type { Context } from "./context";
import { formatValue } from "./format";
import { type Chart, wholeView } from "./layout";
import { endsOf, entriesOf } from "./legend";
import { drawPlot, prepare } from "./plot";
import { color } from "./theme";
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
  const height = keyTop + entriesOf(panel, context.words).length * 20 + (panel.scale ? 54 : 0) + MARGIN;
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
  drawKey(canvas, panel, context, keyTop, width);
  return surface;
}

type Line = readonly [text: string, role: string, size: number, weight: number];

function headLines(panel: Chart, { badge, words, heading }: Context): Line[] {
  const lines: Line[] = heading && heading !== panel.title ? [[heading, "ink", 15, 650]] : [];
  if (panel.title) lines.push([panel.title, "ink", lines.length ? 13 : 15, 600]);
  if (panel.subtitle) lines.push([panel.subtitle, "muted", 12, 400]);
  for (const mark of panel.marks) if ("sample" in mark && mark.sample) lines.push([mark.sample.said, "muted", 12, 400]);
  if (badge) lines.push([`${words("verdict")}: ${badge.label}`, badge.level, 12, 650]);
  for (const reason of badge?.reasons ?? []) lines.push([`– ${reason}`, "muted", 12, 400]);
  return lines;
}

function drawKey(canvas: CanvasRenderingContext2D, panel: Chart, context: Context, top: number, width: number): void {
  const { theme, language: locale } = context;
  const maxWidth = width - 2 * MARGIN;
  let y = top;
  for (const [label, role, shape] of entriesOf(panel, context.words)) {
    drawSwatch(canvas, color(role, theme), shape, y);
    write(canvas, { text: label, x: MARGIN + 22, y, color: color("ink", theme), maxWidth: maxWidth - 22 });
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

function drawSwatch(canvas: CanvasRenderingContext2D, fill: string, shape: string, y: number): void {
  canvas.save();
  canvas.strokeStyle = canvas.fillStyle = fill;
  canvas.lineWidth = shape === "hatched" ? 1 : 2.5;
  canvas.beginPath();
  if (shape === "line" || shape === "dashed") {
    canvas.setLineDash(shape === "dashed" ? [4, 3] : []);
    canvas.moveTo(MARGIN, y);
    canvas.lineTo(MARGIN + 16, y);
    canvas.stroke();
  } else if (shape === "hatched") {
    for (let x = 0; x <= 12; x += 4) {
      canvas.moveTo(MARGIN + x, y + 5);
      canvas.lineTo(MARGIN + x + 5, y - 5);
    }
    canvas.stroke();
  } else if (shape === "point") {
    canvas.arc(MARGIN + 7, y, 4.5, 0, 2 * Math.PI);
    canvas.fill();
  } else canvas.fillRect(MARGIN, y - 6, 12, 12);
  canvas.restore();
}
