// Color roles and maps of the palette, for the canvas and, as CSS variables, for the page.
import { MAPS, ROLES } from "./palette.gen";
import type { ColorScale } from "./schema.gen";

export type Theme = "light" | "dark";

export const FONT =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", ' +
  '"WenQuanYi Zen Hei", sans-serif';

const roles: Readonly<Record<string, Readonly<Record<Theme, string>>>> = ROLES;

/** The color of a role; a role that the palette does not have is drawn in ink. */
export function color(role: string, theme: Theme): string {
  return (roles[role] ?? ROLES.ink)[theme];
}

/** The color of a role for text: ink where the role would be too pale to read. */
export function textColor(role: string, theme: Theme): string {
  const wanted = color(role, theme);
  return contrast(wanted, ROLES.surface[theme]) >= 4.5 ? wanted : ROLES.ink[theme];
}

/** Puts the palette on an element as CSS variables (--pl-ink, --pl-map-diverging ...). */
export function applyTheme(element: HTMLElement, theme: Theme): void {
  element.dataset["theme"] = theme;
  element.style.colorScheme = theme;
  for (const role of Object.keys(roles)) element.style.setProperty(`--pl-${role}`, color(role, theme));
  for (const kind of ["diverging", "sequential"] as const) {
    element.style.setProperty(`--pl-map-${kind}`, `linear-gradient(to right, ${MAPS[kind][theme].join(", ")})`);
  }
}

/** `size` colors (r, g, b each) from the low to the high end of a map. */
export function lookup(kind: ColorScale["kind"], theme: Theme, size = 1024): Uint8ClampedArray {
  const stops = MAPS[kind][theme].map(rgb);
  const table = new Uint8ClampedArray(size * 3);
  for (let i = 0; i < size; i++) {
    const place = (i / (size - 1)) * (stops.length - 1);
    const left = Math.min(Math.floor(place), stops.length - 2);
    const [from, to] = [stops[left]!, stops[left + 1]!];
    for (let c = 0; c < 3; c++) table[i * 3 + c] = from[c]! + (to[c]! - from[c]!) * (place - left);
  }
  return table;
}

export function rgb(hex: string): readonly [number, number, number] {
  const part = (at: number): number => Number.parseInt(hex.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}

/** How so much (0..1) of one of these roles' colors over the surface looks. */
export function mixer(names: readonly string[], theme: Theme): (role: number, share: number) => string {
  const surface = rgb(color("surface", theme));
  const colors = names.map((name) => rgb(color(name, theme)));
  return (role, share) => {
    const own = colors[role] ?? surface;
    return `rgb(${surface.map((under, i) => Math.round(under + share * (own[i]! - under))).join(",")})`;
  };
}

/** The contrast ratio of two colors (WCAG 2). */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

function luminance(hex: string): number {
  const [r, g, b] = rgb(hex).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
