/**
 * Programs of this repository as one file each. Loading Effect's hundreds of modules one by one takes seconds, a bundle
 * is loaded in a quarter of one; making it takes less than a second, and only when a source has changed.
 */
import * as path from "node:path"
import { cache, filesUnder, isStale, relative, root } from "./paths.mjs"

const folder = path.join(cache, "run")

const outputOf = (entry) => path.join(folder, relative(entry).replaceAll("/", ".").replace(/\.ts$/, ".mjs"))

/** Bundles the programs (absolute paths) that are older than the sources; gives the files to run, in the same order. */
export const bundle = async (entries) => {
  const sources = [
    ...["src", "examples", "scripts"].flatMap((name) => filesUnder(path.join(root, name))),
    path.join(root, "package-lock.json")
  ]
  const stale = entries.filter((entry) => isStale(outputOf(entry), [entry, ...sources]))
  if (stale.length > 0) {
    const { build } = await import("esbuild")
    await build({
      entryPoints: stale.map((entry) => ({ in: entry, out: path.basename(outputOf(entry), ".mjs") })),
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20.19",
      sourcemap: "linked",
      tsconfig: path.join(root, "tsconfig.json"),
      logLevel: "error",
      // What undici and other CommonJS packages ask for.
      banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` }
    })
  }
  return entries.map(outputOf)
}
