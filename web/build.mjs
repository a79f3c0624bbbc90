// Builds each entry into one self-contained ES module in dist/; fails on a missing word and on a module that grew too large.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const ENTRIES = ["report", "notebook"];
const LARGEST = 150_000; // bytes, gzipped

checkWords();
for (const [i, entry] of ENTRIES.entries()) {
  await build({
    configFile: false,
    logLevel: "warn",
    build: {
      outDir: "dist",
      emptyOutDir: i === 0,
      target: "es2022",
      modulePreload: false,
      cssCodeSplit: false,
      reportCompressedSize: false,
      rollupOptions: {
        input: { [entry]: `src/${entry}.ts` },
        preserveEntrySignatures: "strict",
        output: { format: "es", entryFileNames: "[name].js", assetFileNames: `${entry}[extname]` },
      },
    },
  });
  const text = readFileSync(`dist/${entry}.js`);
  const packed = gzipSync(text).length;
  if (/\bimport\s*[("'{*]/.test(text.toString())) throw new Error(`${entry}.js is not self-contained: it imports another file.`);
  if (packed > LARGEST) throw new Error(`${entry}.js has ${packed} bytes gzipped, more than ${LARGEST}. Find what was added, or raise the limit with a reason.`);
  console.log(`front end: ${entry}.js ${(text.length / 1000).toFixed(1)} kB, ${(packed / 1000).toFixed(1)} kB gzipped`);
}

function checkWords() {
  const tables = ["en", "zh-CN"].map((language) => [language, JSON.parse(readFileSync(`src/i18n/${language}.json`, "utf8"))]);
  const keys = new Set(tables.flatMap(([, table]) => Object.keys(table)));
  const holes = tables.flatMap(([language, table]) => [...keys].filter((key) => !table[key]).map((key) => `${language}: ${key}`));
  if (holes.length) throw new Error(`Words are missing. What to do: add them to src/i18n. ${holes.join(", ")}`);
  const slots = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort().join();
  const [[, first], ...others] = tables;
  for (const [language, table] of others) {
    for (const key of keys) if (slots(first[key]) !== slots(table[key])) throw new Error(`The values in '${key}' differ between en and ${language}.`);
  }
}
