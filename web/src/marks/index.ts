// The marks by name: one more mark is one more file and one more line here.
import { band } from "./band";
import { bars } from "./bars";
import { image } from "./image";
import { line } from "./line";
import { lines } from "./lines";
import type { Drawer, Mark, MarkOf } from "./mark";
import { points } from "./points";
import { polygons } from "./polygons";
import { text } from "./text";

const DRAWERS: { readonly [K in Mark["mark"]]: Drawer<MarkOf<K>> } = { image, line, lines, polygons, band, bars, points, text };

/** The drawer that belongs to a mark. */
export function drawer<M extends Mark>(mark: M): Drawer<M> {
  // the table pairs each name with its own mark; TypeScript can not follow that through a union
  return DRAWERS[mark.mark] as unknown as Drawer<M>;
}

export type { Hit, Mark, Reading, Scales } from "./mark";
