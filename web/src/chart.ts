// The picture of a panel: canvas, hover, keyboard and zoom.
import { type Context, forgetText, recordText } from "./context";
import { make } from "./dom";
import { type Chart, type View, wholeView } from "./layout";
import { type End, follow, join, keysOf, leads } from "./links";
import { drawer, type Mark, type Scales } from "./marks";
import { type Drawn, drawPlot, nearest, prepare } from "./plot";
import { readingElement, readingRows } from "./reading";
import { shownTexts } from "./sample";
import { canZoom, isWhole, movedBy, zoomAt, zoomTo } from "./zoom";

/** What a drawing shows: whether a part only, and what is to be said of marks that are not all drawn. */
export interface Shows {
  readonly zoomed: boolean;
  readonly told: readonly string[];
}

interface Chosen {
  readonly mark: Mark;
  readonly index: number;
}

const NEAR_ENOUGH = 60; // pixels; beyond that nothing is read out
const GAP = 8; // between what is pointed at and the read-out
const PUSH = 0.2; // of the view, at one key
const SMALLEST_BOX = 8; // a shorter drag is a click

export class ChartView {
  readonly element: HTMLDivElement;
  private readonly canvas = make("canvas", { "aria-hidden": "true" });
  private readonly readout = make("div", { class: "pl-readout", role: "status", hidden: "" });
  private readonly marker = make("div", { class: "pl-marker", hidden: "" });
  private readonly box = make("div", { class: "pl-box", hidden: "" });
  private readonly observer: ResizeObserver;
  private view: View;
  private drawn: Drawn | null = null;
  private chosen: Chosen | null = null;
  private drag: readonly [number, number] | null = null;
  private hand: Scales | null = null; // what was shown when a drag that moves the view began
  private boxed = false; // whether the last drag was more than a click
  private pending = 0;
  private width = 0;
  private readonly ends = new Map<Mark, End>();
  private readonly leave: readonly (() => void)[];

  constructor(
    private readonly panel: Chart, public context: Context, private readonly onDrawn: (state: Shows) => void, signal: AbortSignal,
  ) {
    this.view = wholeView(panel);
    const help = context.words(canZoom(panel) ? "plotHelp" : "readHelp");
    this.element = make("div", { class: "pl-plot", role: "img", tabindex: "0", "aria-label": `${panel.summary} ${help}` }, this.canvas);
    this.element.append(this.marker, this.box, this.readout);
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.element);
    this.listen(signal);
    this.leave = panel.marks.flatMap((mark) => (mark.mark === "points" && mark.links.length > 0 ? [this.join(mark, mark.links)] : []));
  }

  /** Draws anew, in another theme if the context has one. */
  update(context: Context): void {
    this.context = context;
    this.draw();
  }

  reset(): void {
    this.show(wholeView(this.panel));
  }

  destroy(): void {
    for (const leave of this.leave) leave();
    this.observer.disconnect();
    cancelAnimationFrame(this.pending);
    forgetText(this.canvas);
    this.element.remove();
  }

  /** Makes the points of a mark known to what else on the page shows the same. */
  private join(mark: Mark, links: readonly string[]): () => void {
    const end: End = { side: "picture", keys: keysOf(links), reveal: (index) => this.reveal({ mark, index }), refresh: () => undefined };
    this.ends.set(mark, end);
    return join(end);
  }

  private reveal(chosen: Chosen): void {
    this.show(wholeView(this.panel));
    this.element.focus({ preventScroll: true });
    this.choose(chosen);
    this.marker.scrollIntoView({ block: "center" });
  }

  /** Goes to what else on the page shows the chosen element, if anything does. */
  private follow(): boolean {
    const { mark, index } = this.chosen ?? {};
    const end = mark && this.ends.get(mark);
    if (!end || index === undefined || !leads(end, index)) return false;
    follow(end, index);
    return true;
  }

  private listen(signal: AbortSignal): void {
    const { element } = this;
    element.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    element.addEventListener("pointerleave", () => this.choose(null), { signal });
    element.addEventListener("blur", () => this.choose(null), { signal });
    element.addEventListener("keydown", (event) => this.onKey(event), { signal });
    element.addEventListener("click", (event) => this.onClick(event), { signal });
    if (!canZoom(this.panel)) return;
    element.classList.add("pl-zooms");
    element.addEventListener("pointerdown", (event) => this.onDown(event), { signal });
    element.addEventListener("pointerup", (event) => this.onUp(event), { signal });
    element.addEventListener("pointercancel", () => this.endDrag(), { signal });
    element.addEventListener("dblclick", () => this.reset(), { signal });
    element.addEventListener("wheel", (event) => this.onWheel(event), { signal, passive: false });
  }

  /** One drawing per frame, and only when the width has changed. */
  private schedule(): void {
    cancelAnimationFrame(this.pending);
    this.pending = requestAnimationFrame(() => {
      if (Math.abs(this.element.clientWidth - this.width) >= 1 || document.fullscreenElement) this.draw();
    });
  }

  private draw(): void {
    this.width = this.element.clientWidth;
    const canvas = this.canvas.getContext("2d");
    if (!canvas || this.width < 1) return;
    const full = document.fullscreenElement?.contains(this.element) ?? false;
    const tallest = full ? Math.max(200, window.innerHeight - 200) : null;
    const options = { view: this.view, width: this.width, tallest, theme: this.context.theme, locale: this.context.language };
    // the height follows from the labels' widths; a canvas that changes size is wiped, so it is sized before it is drawn on
    this.size(prepare(canvas, this.panel, options).layout.height);
    this.drawn = this.paint(canvas, options);
    recordText(this.canvas, this.drawn.boxes);
    this.onDrawn({ zoomed: !isWhole(this.panel, this.view), told: this.told(this.drawn.scales) });
    this.choose(this.chosen);
  }

  private told(scales: Scales): string[] {
    return shownTexts(this.panel, scales, (mark) => drawer(mark).shown!(mark, scales), this.context.language, this.context.words);
  }

  private paint(canvas: CanvasRenderingContext2D, options: Parameters<typeof drawPlot>[2]): Drawn {
    const ratio = this.ratio();
    canvas.setTransform(1, 0, 0, 1, 0, 0);
    canvas.clearRect(0, 0, this.canvas.width, this.canvas.height);
    canvas.setTransform(ratio, 0, 0, ratio, 0, 0);
    return drawPlot(canvas, this.panel, options);
  }

  private size(height: number): void {
    const ratio = this.ratio();
    const [wide, high] = [Math.round(this.width * ratio), Math.round(height * ratio)];
    if (this.canvas.width === wide && this.canvas.height === high) return;
    this.canvas.width = wide;
    this.canvas.height = high;
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${height}px`;
  }

  private ratio(): number {
    return window.devicePixelRatio || 1;
  }

  private onMove(event: PointerEvent): void {
    const [left, top] = this.point(event);
    if (this.drag && this.hand) this.show(movedBy(this.panel, this.hand, left - this.drag[0], top - this.drag[1]));
    else if (this.drag) this.stretch(this.drag, [left, top]);
    if (this.drag) return;
    this.readAt(left, top);
  }

  private readAt(left: number, top: number): void {
    const shortened = this.drawn?.boxes.find((b) => b.text !== b.full && left >= b.left && left <= b.left + b.width && Math.abs(top - b.top - b.height / 2) < 12);
    const found = this.drawn && nearest(this.panel, left, top, this.drawn.scales);
    if (shortened && !this.inside(left)) this.tell(shortened.full, left, top);
    else this.choose(found && found.hit.distance <= NEAR_ENOUGH && this.inside(left) ? { mark: found.mark, index: found.hit.index } : null);
  }

  private inside(left: number): boolean {
    const plot = this.drawn?.layout.plot;
    return plot !== undefined && left >= plot.left - 4 && left <= plot.left + plot.width + 4;
  }

  private onDown(event: PointerEvent): void {
    if (event.button !== 0 || event.pointerType === "touch") return;
    this.drag = this.point(event);
    this.hand = event.shiftKey ? (this.drawn?.scales ?? null) : null;
    this.element.setPointerCapture(event.pointerId);
  }

  private onUp(event: PointerEvent): void {
    const [from, to, moved] = [this.drag, this.point(event), this.hand !== null];
    this.endDrag();
    this.boxed = from !== null && Math.hypot(to[0] - from[0], to[1] - from[1]) >= SMALLEST_BOX;
    if (!from || !this.drawn || !this.boxed || moved) return;
    this.show(zoomTo(this.panel, this.drawn.scales, from, to));
  }

  /** What is clicked on is followed; the end of a drag is no click. */
  private onClick(event: MouseEvent): void {
    if (!this.boxed) {
      this.readAt(...this.point(event));
      this.follow();
    }
    this.boxed = false;
  }

  private endDrag(): void {
    this.drag = this.hand = null;
    this.box.hidden = true;
  }

  private stretch(from: readonly [number, number], to: readonly [number, number]): void {
    this.choose(null);
    this.box.hidden = false;
    this.box.style.left = `${Math.min(from[0], to[0])}px`;
    this.box.style.top = `${Math.min(from[1], to[1])}px`;
    this.box.style.width = `${Math.abs(to[0] - from[0])}px`;
    this.box.style.height = `${Math.abs(to[1] - from[1])}px`;
  }

  /** The wheel belongs to the page until the picture has the focus, and again when there is nothing left to zoom out of. */
  private onWheel(event: WheelEvent): void {
    const mine = event.ctrlKey || event.metaKey || document.activeElement === this.element;
    const out = event.deltaY > 0;
    if (!mine || !this.drawn || (out && isWhole(this.panel, this.view))) return;
    event.preventDefault();
    const [left, top] = this.point(event);
    this.show(zoomAt(this.panel, this.drawn.scales, left, top, out ? 1 / 1.2 : 1.2));
  }

  private onKey(event: KeyboardEvent): void {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (step && event.shiftKey && canZoom(this.panel)) this.push(-step[0]!, -step[1]!);
    else if (step) this.move(step[0]!, step[1]!);
    else if (event.key === "Escape") this.choose(null);
    else if (event.key === "Enter" && this.follow()) return event.preventDefault();
    else if (!canZoom(this.panel) || !this.zoomKey(event.key)) return;
    event.preventDefault();
  }

  /** Moves the view by a part of its size. */
  private push(right: number, down: number): void {
    if (!this.drawn) return;
    const { layout: { plot }, scales } = this.drawn;
    this.show(movedBy(this.panel, scales, right * PUSH * plot.width, down * PUSH * plot.height));
  }

  private zoomKey(key: string): boolean {
    if (key === "0") this.reset();
    if (!this.drawn || !["+", "=", "-"].includes(key)) return key === "0";
    const { layout: { plot }, scales } = this.drawn;
    const chosen = this.chosen;
    const at = chosen ? drawer(chosen.mark).read(chosen.mark, chosen.index, scales, this.context.language) : null;
    const [left, top] = at ? [at.left, at.top] : [plot.left + plot.width / 2, plot.top + plot.height / 2];
    this.show(zoomAt(this.panel, scales, left, top, key === "-" ? 1 / 1.5 : 1.5));
    this.choose(key === "-" ? null : chosen); // what is looked at more closely stays in view
    return true;
  }

  /** Right and left go along a mark; down and up along the rows of an image, else from mark to mark. */
  private move(along: number, across: number): void {
    const scales = this.drawn?.scales;
    const orders = scales ? this.panel.marks.map((mark) => ({ mark, ...drawer(mark).order(mark, scales) })) : [];
    const kept = orders.filter(({ elements }) => lengthOf(elements) > 0);
    const first = kept.at(-1);
    if (!first) return;
    const here = kept.findIndex(({ mark }) => mark === this.chosen?.mark);
    const place = this.chosen && here >= 0 ? placeIn(kept[here]!.elements, this.chosen.index) : -1;
    if (place < 0) {
      this.choose({ mark: first.mark, index: elementAt(first.elements, 0) });
      return;
    }
    const turn = across && kept[here]!.row === 1 ? across : 0; // to the next mark, where there is one
    const { mark, elements, row } = kept[(here + turn + kept.length) % kept.length]!;
    const wanted = turn && kept.length > 1 ? place : place + along + across * row;
    this.choose({ mark, index: elementAt(elements, Math.max(0, Math.min(lengthOf(elements) - 1, wanted))) });
  }

  private choose(chosen: Chosen | null): void {
    this.chosen = chosen;
    this.readout.hidden = this.marker.hidden = chosen === null;
    if (chosen === null) this.element.classList.remove("pl-leads");
    if (!chosen || !this.drawn) return;
    const reading = drawer(chosen.mark).read(chosen.mark, chosen.index, this.drawn.scales, this.context.language);
    const rows = readingRows(this.panel, reading, this.context.language, this.context.words);
    const end = this.ends.get(chosen.mark);
    const linked = end !== undefined && leads(end, chosen.index);
    this.readout.replaceChildren(...readingElement(reading.name, rows, linked ? this.context.words("showCode") : ""));
    this.element.classList.toggle("pl-leads", linked);
    const [wide, high] = reading.reach.map((r) => Math.max(3, r)) as [number, number];
    this.marker.style.left = `${reading.left - wide}px`;
    this.marker.style.top = `${reading.top - high}px`;
    this.marker.style.width = `${2 * wide}px`;
    this.marker.style.height = `${2 * high}px`;
    this.put(reading.left, reading.top, wide, high);
  }

  /** Shows a shortened label in full. */
  private tell(text: string, left: number, top: number): void {
    this.chosen = null;
    this.marker.hidden = true;
    this.readout.hidden = false;
    this.readout.replaceChildren(...readingElement(text, []));
    this.put(left, top, 0, 0);
  }

  /** Puts the read-out beside what it speaks of: right, left, else below or above, so that it does not cover it. */
  private put(left: number, top: number, aside: number, high: number): void {
    const { offsetWidth: width, offsetHeight: height } = this.readout;
    const [right, before] = [left + aside + GAP, left - aside - GAP - width];
    const beside = right + width <= this.width ? right : before >= 0 ? before : null;
    const below = top + high + GAP;
    const roomBelow = this.element.getBoundingClientRect().top + below + height <= window.innerHeight;
    const x = beside ?? Math.max(0, Math.min(left - width / 2, this.width - width));
    const y = beside === null ? (roomBelow ? below : top - high - GAP - height) : Math.max(0, Math.min(top - height / 2, this.element.clientHeight - height));
    this.readout.style.left = `${x}px`;
    this.readout.style.top = `${y}px`;
  }

  private show(view: View): void {
    this.view = view;
    this.chosen = null;
    this.draw();
  }

  private point(event: MouseEvent): readonly [number, number] {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }
}

type Elements = number | Uint32Array;

function lengthOf(elements: Elements): number {
  return typeof elements === "number" ? elements : elements.length;
}

function elementAt(elements: Elements, place: number): number {
  return typeof elements === "number" ? place : elements[place]!;
}

function placeIn(elements: Elements, index: number): number {
  return typeof elements === "number" ? (index < elements ? index : -1) : elements.indexOf(index);
}
