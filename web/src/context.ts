// What a panel must know of the page around it.
import type { Language, Words } from "./i18n";
import type { Badge } from "./schema.gen";
import type { Theme } from "./theme";
import type { TextBox } from "./writing";

export interface Context {
  readonly theme: Theme;
  readonly language: Language;
  readonly words: Words;
  /** Title and verdict of the scene around a panel: a saved picture bears them. */
  readonly heading: string;
  readonly badge: Badge | null;
}

/** What a host holds of something mounted. `destroy` leaves nothing behind. */
export interface Mounted<T> {
  update(value: T, context: Context): void;
  destroy(): void;
}

declare global {
  interface Window {
    /** Only there when a test asks for it (#debug): where each canvas has text. */
    __pellucid?: { readonly textBoxes: Map<HTMLCanvasElement, readonly TextBox[]> };
  }
}

export function recordText(canvas: HTMLCanvasElement, boxes: readonly TextBox[]): void {
  window.__pellucid?.textBoxes.set(canvas, boxes);
}

export function forgetText(canvas: HTMLCanvasElement): void {
  window.__pellucid?.textBoxes.delete(canvas);
}
