// Elements in one line; text goes in as text, never as HTML.
export type Child = Node | string | null;

/** An element with attributes and children; `class` and `aria-*` are attributes like any other. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Readonly<Record<string, string>> = {}, ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

const ICONS = {
  table: "M3 4h14v12H3zM3 8.5h14M8 4v12",
  image: "M10 3v9m0 0 3.5-3.5M10 12 6.5 8.5M4 16h12",
  csv: "M5 3h7l3 3v11H5zM8 9h4M8 12h4",
  expand: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  reset: "M4 10a6 6 0 1 0 2-4.5M6 2v4h4",
  copy: "M7 7h9v10H7zM4 13V3h9",
} as const;

/** A small button with an icon; its label is its name and its tool tip. */
export function iconButton(icon: keyof typeof ICONS, label: string, act: () => void, signal: AbortSignal): HTMLButtonElement {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 20 20");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[icon]);
  drawing.append(path);
  const button = make("button", { type: "button", class: "pl-icon", "aria-label": label, title: label });
  button.append(drawing);
  button.addEventListener("click", act, { signal });
  return button;
}

/** Offers a file for saving. */
export function save(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
