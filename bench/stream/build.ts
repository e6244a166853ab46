/**
 * Compiles the SDK as it is shipped (one file a module, deep imports) and the programs of a benchmark, which import it by name,
 * into a folder of their own: nothing is measured through a transpiling loader, and nothing measured is stale.
 */
import * as Esbuild from "esbuild"
import { readdirSync } from "node:fs"
import { basename, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../", import.meta.url))

const options: Esbuild.BuildOptions = {
  format: "esm",
  platform: "node",
  target: "es2022",
  logLevel: "warning",
  absWorkingDir: root
}

/** `effect-ollama` and its entry points are the compiled modules beside the program. */
const asShipped = (out: string): Esbuild.Plugin => ({
  name: "as-shipped",
  setup: (build) => {
    build.onResolve({ filter: /^effect-ollama(\/.*)?$/ }, ({ path }) => {
      const entry = path.slice("effect-ollama".length + 1)
      const file = entry === "" ? "index.js" : entry === "testing/node" ? "testing/node.js" : `${entry}/index.js`
      return { path: join(out, "dist", file), external: true }
    })
  }
})

/** Compiles into `.cache/NAME`; gives the path of each program by its name. */
export const build = async (name: string, programs: ReadonlyArray<string>): Promise<(program: string) => string> => {
  const out = join(root, ".cache", name)
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(root, "src", file))
  await Esbuild.build({ ...options, entryPoints: sources, outdir: join(out, "dist"), outbase: join(root, "src") })
  for (const program of programs) {
    await Esbuild.build({
      ...options,
      entryPoints: [relative(root, resolve(program))],
      outfile: join(out, basename(program).replace(/\.ts$/, ".js")),
      bundle: true,
      packages: "external",
      plugins: [asShipped(out)]
    })
  }
  return (program) => join(out, basename(program).replace(/\.ts$/, ".js"))
}
