/** The programs that run at the places of a lab, each bundled into one file: loading Effect module by module is slow. */
import { Effect } from "effect"
import * as Esbuild from "esbuild"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Owned from "./owned.js"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const folder = fileURLToPath(new URL("programs/", import.meta.url))

const names = ["client", "server", "dns", "relay"] as const

export type Program = (typeof names)[number]

const bundle = async (): Promise<string> => {
  const out = Owned.folder()
  await Esbuild.build({
    entryPoints: names.map((name) => join(folder, `${name}.ts`)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    tsconfig: join(root, "tsconfig.json"),
    logLevel: "error",
    // what undici and other CommonJS packages ask for
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` }
  })
  return out
}

let bundled: Promise<string> | undefined

/** The command that runs a program. */
export const command = (name: Program): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Effect.promise(() => (bundled ??= bundle())),
    (out) => [process.execPath, join(out, `${name}.mjs`)]
  )
