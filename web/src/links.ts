// What different pictures of a page show of the same thing, and the way from one to the other.

/** A side from which and to which links lead: the points of a picture, or the rows of a listing. */
export interface End {
  readonly side: "picture" | "listing";
  /** The keys of each element. */
  readonly keys: readonly (readonly string[])[];
  /** Brings an element into view and marks it. */
  reveal(element: number): void;
  /** Another end has come or gone. */
  refresh(): void;
}

interface Place {
  readonly end: End;
  readonly element: number;
}

const ends = new Set<End>();

/** Makes an end known; what is returned makes it unknown again. */
export function join(end: End): () => void {
  ends.add(end);
  for (const one of ends) one.refresh();
  return () => {
    ends.delete(end);
    for (const one of ends) one.refresh();
  };
}

/** Whether an element of `from` is shown on the other side too. */
export function leads(from: End, element: number): boolean {
  return target(from, element) !== null;
}

/** Shows on the other side what an element of `from` stands for. */
export function follow(from: End, element: number): void {
  const found = target(from, element);
  found?.end.reveal(found.element);
}

/** The element of the other side that is about the same and as little else as possible. */
function target(from: End, element: number): Place | null {
  const wanted = new Set(from.keys[element] ?? []);
  let best: (Place & { readonly apart: number }) | null = null;
  for (const end of ends) {
    if (end.side === from.side || wanted.size === 0) continue;
    end.keys.forEach((keys, at) => {
      const shared = keys.filter((key) => wanted.has(key)).length;
      const apart = 1 - shared / (keys.length + wanted.size - shared);
      if (shared > 0 && (!best || apart < best.apart)) best = { end, element: at, apart };
    });
  }
  return best;
}

export function keysOf(links: readonly string[]): string[][] {
  return links.map((text) => text.split(" ").filter((key) => key !== ""));
}
