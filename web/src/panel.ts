// One panel: heading, tools, picture, key and data-table twin.
import { ChartView } from "./chart";
import type { Context, Mounted } from "./context";
import { iconButton, make, save } from "./dom";
import { type Chart, isChart } from "./layout";
import { legendElement } from "./legend";
import { mountListing } from "./listing";
import { composePng } from "./png";
import type { Panel } from "./schema.gen";
import { csv, tableElement } from "./table";

/** Puts a panel at the end of `el`. */
export function mount(el: HTMLElement, panel: Panel, context: Context): Mounted<Panel> {
  let shown = { panel, context };
  let built = build(el, panel, context, null);
  return {
    update(next, nextContext) {
      const same = next === shown.panel && nextContext.language === shown.context.language && nextContext.badge === shown.context.badge;
      shown = { panel: next, context: nextContext };
      if (same) built.chart?.update(nextContext);
      else built = build(el, next, nextContext, built);
    },
    destroy() {
      built.destroy();
    },
  };
}

interface Built {
  readonly figure: HTMLElement;
  readonly chart: ChartView | null;
  destroy(): void;
}

function build(el: HTMLElement, panel: Panel, context: Context, former: Built | null): Built {
  const stop = new AbortController();
  const tools = make("div", { class: "pl-tools" });
  const title = panel.title ? make("h4", {}, panel.title) : make("span");
  const subtitle = panel.subtitle ? make("p", {}, panel.subtitle) : null;
  const figure = make("figure", { class: "pl-panel" }, make("header", {}, title, tools, subtitle));
  const chart = isChart(panel) ? buildChart(panel, figure, tools, context, stop.signal) : null;
  const leave = chart ? null : buildTable(panel, figure, context);
  tools.append(iconButton("csv", context.words("saveCsv"), () => save(`${panel.id}.csv`, new Blob([csv(panel.table)], { type: "text/csv" })), stop.signal));
  if (document.fullscreenEnabled && chart) {
    tools.append(iconButton("expand", context.words("fullScreen"), () => toggleFullScreen(figure), stop.signal));
  }
  if (former) {
    former.figure.replaceWith(figure);
    former.destroy();
  } else el.append(figure);
  chart?.update(context);
  return {
    figure,
    chart,
    destroy() {
      stop.abort();
      leave?.();
      chart?.destroy();
      figure.remove();
    },
  };
}

function buildChart(panel: Chart, figure: HTMLElement, tools: HTMLElement, context: Context, signal: AbortSignal): ChartView {
  const { words, language } = context;
  const reset = iconButton("reset", words("resetZoom"), () => chart.reset(), signal);
  reset.hidden = true;
  const told = make("p", { class: "pl-told", role: "status", hidden: "" });
  const chart = new ChartView(panel, context, (shows) => {
    reset.hidden = !shows.zoomed;
    const text = shows.told.join(" · ");
    if (told.textContent !== text) told.textContent = text;
    told.hidden = !text;
  }, signal);
  figure.querySelector("header")?.append(told);
  const twin = tableBox(panel, context, "pl-table-box pl-twin");
  twin.hidden = true;
  const key = legendElement(panel, language, words);
  const toggle = iconButton("table", words("showTable"), () => {
    twin.hidden = !twin.hidden;
    chart.element.hidden = !twin.hidden;
    const label = words(twin.hidden ? "showTable" : "showChart");
    toggle.setAttribute("aria-label", label);
    toggle.title = label;
    toggle.setAttribute("aria-pressed", String(!twin.hidden));
  }, signal);
  toggle.setAttribute("aria-pressed", "false");
  const png = iconButton("image", words("savePng"), () => savePng(panel, figure), signal);
  const savePng = (chosen: Chart, within: HTMLElement): void => {
    const picture = composePng(chosen, chart.context, Math.max(640, within.clientWidth));
    picture.toBlob((blob) => blob && save(`${chosen.id}.png`, blob), "image/png");
  };
  tools.append(reset, toggle, png);
  figure.append(chart.element, twin, ...(key ? [key] : []));
  return chart;
}

/** A panel without a picture: a table, or code with its notes. */
function buildTable(panel: Panel, figure: HTMLElement, context: Context): (() => void) | null {
  const { table } = panel;
  if (table.code.length === 0) {
    figure.append(tableBox(panel, context, "pl-table-box"));
    return null;
  }
  const box = scrolling("pl-table-box pl-listing-box", panel.summary || panel.title);
  figure.append(box);
  return mountListing(box, table, context.language, context.words);
}

function tableBox(panel: Panel, context: Context, name: string): HTMLElement {
  const label = panel.summary || panel.title;
  const box = scrolling(name, label);
  box.append(tableElement(panel.table, label, context.language));
  return box;
}

/** What scrolls by itself where its content is too wide or too long; a keyboard can scroll it too. */
function scrolling(name: string, label: string): HTMLElement {
  return make("div", { class: name, tabindex: "0", role: "group", "aria-label": label });
}

function toggleFullScreen(figure: HTMLElement): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void figure.requestFullscreen();
}
