// What Python wrote (tests/web/golden.py).
import { type Content, readFrame } from "../src/frame";
import type { Scene } from "../src/schema.gen";
import golden from "./golden/golden.json";

export { golden };

export function bytesOf(name: keyof typeof golden.frames): Uint8Array {
  return Uint8Array.from(atob(golden.frames[name]), (letter) => letter.charCodeAt(0));
}

export function sceneOf(content: Content): Scene {
  if (content.type !== "Scene") throw new Error(content.type);
  return content.content;
}

export function goldenScene(): Scene {
  return sceneOf(readFrame(bytesOf("scene")));
}
