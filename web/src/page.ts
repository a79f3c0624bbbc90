// The page of a report: heading, contents, findings and scenes, in one of its languages.
import type { Context, Mounted } from "./context";
import { make } from "./dom";
import { badgeElement, mountScene } from "./scene";
import type { Edition, Finding, Report, Scene, Section } from "./schema.gen";

export interface Page {
  readonly scenes: readonly { readonly scene: Scene; readonly mounted: Mounted<Scene> }[];
  readonly sections: ReadonlyMap<string, HTMLElement>;
  destroy(): void;
}

/** Puts one edition of a report on the page. */
export function mountPage(el: HTMLElement, report: Report, edition: Edition, context: Context, controls: HTMLElement): Page {
  const scenes: { scene: Scene; mounted: Mounted<Scene> }[] = [];
  const sections = new Map<string, HTMLElement>();
  const body = make("main", { class: "pl-body", id: "content", tabindex: "-1" }, intro(report, edition, context));
  const skip = make("a", { class: "pl-skip", href: "#content" }, context.words("skip"));
  skip.addEventListener("click", (event) => {
    event.preventDefault(); // the address holds the state of the page
    body.focus();
  });
  const page = make("div", { class: "pl-page", lang: edition.language }, skip, topBar(controls), navigation(edition, context), body);
  el.append(page);
  edition.sections.forEach((section, i) => {
    const element = sectionElement(section, i + 1, context);
    sections.set(section.id, element);
    body.append(element);
    for (const scene of section.scenes) scenes.push({ scene, mounted: mountScene(element, scene, context) });
  });
  body.append(...closing(report, edition, context));
  return {
    scenes,
    sections,
    destroy() {
      for (const { mounted } of scenes) mounted.destroy();
      page.remove();
    },
  };
}

function topBar(controls: HTMLElement): HTMLElement {
  const mark = make("span", { class: "pl-logo", "aria-hidden": "true" });
  return make("header", { class: "pl-top" }, make("span", { class: "pl-brand" }, mark, "Pellucid"), controls);
}

function navigation(edition: Edition, { words }: Context): HTMLElement {
  const list = make("ol", {});
  for (const section of edition.sections) {
    list.append(make("li", {}, make("a", { href: `#section=${encodeURIComponent(section.id)}`, "data-section": section.id }, section.heading)));
  }
  return make("nav", { class: "pl-nav", "aria-label": words("contents") }, make("h2", {}, words("contents")), list);
}

function intro(report: Report, edition: Edition, context: Context): HTMLElement {
  const head = make("header", { class: "pl-intro" }, make("h1", {}, edition.title), make("p", { class: "pl-date" }, dateText(report.created, context)));
  head.append(...edition.intro.map((text) => make("p", {}, text)));
  return head;
}

function sectionElement(section: Section, number: number, context: Context): HTMLElement {
  const heading = make("h2", {}, make("span", { class: "pl-ordinal", "aria-hidden": "true" }, String(number)), make("span", {}, section.heading));
  const element = make("section", { id: `section-${section.id}`, class: "pl-section", tabindex: "-1" }, heading);
  element.append(...section.findings.map((finding) => findingElement(finding, context)));
  return element;
}

function findingElement(finding: Finding, context: Context): HTMLElement {
  const paragraph = make("p", {}, finding.text);
  if (!finding.badge) return make("div", { class: "pl-finding pl-plain" }, paragraph);
  const { badge } = finding;
  const reasons = badge.reasons.length ? make("p", { class: "pl-why" }, badge.reasons.join(" · ")) : null;
  return make("div", { class: `pl-finding pl-${badge.level}` }, badgeElement(badge, context.words), paragraph, reasons);
}

function closing(report: Report, edition: Edition, context: Context): HTMLElement[] {
  const { words } = context;
  const foot = make("footer", { class: "pl-foot" }, make("p", {}, words("made", { date: dateText(report.created, context), version: report.version })));
  if (edition.disclosures.length === 0) return [foot];
  const list = make("ul", {}, ...edition.disclosures.map((text) => make("li", {}, text)));
  const box = make("section", { class: "pl-disclosures" }, make("h2", {}, words("disclosures")), make("p", {}, words("disclosuresHint")), list);
  return [box, foot];
}

function dateText(created: string, { language }: Context): string {
  const date = new Date(created);
  if (Number.isNaN(date.getTime())) return created;
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" }).format(date);
}
