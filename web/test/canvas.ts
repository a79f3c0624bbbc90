// A canvas that draws nothing but measures: seven pixels a letter.
export function stubCanvas(): CanvasRenderingContext2D {
  const state: Record<string, unknown> = {
    measureText: (text: string) => ({ width: 7 * [...text].length }),
    createImageData: (width: number, height: number) => ({ data: new Uint8ClampedArray(width * height * 4), width, height }),
    createLinearGradient: () => ({ addColorStop: () => undefined }),
  };
  const canvas = new Proxy(state, {
    get: (target, name: string) => (name in target ? target[name] : () => undefined),
    set: (target, name: string, value: unknown) => {
      target[name] = value;
      return true;
    },
  });
  return canvas as unknown as CanvasRenderingContext2D;
}

/** Lets every canvas of the page measure, and gives elements a width. */
export function installCanvas(width = 600): void {
  HTMLCanvasElement.prototype.getContext = (() => stubCanvas()) as unknown as HTMLCanvasElement["getContext"];
  Object.defineProperty(HTMLElement.prototype, "clientWidth", { configurable: true, get: () => width });
}
