/**
 * The command `effect-ollama` as one file: our code, Effect and everything else that it needs are inside, so that the
 * package has no dependency for it.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { cache, filesUnder, isStale, root } from "./paths.mjs"

const entry = path.join(root, "src", "cli", "effect-ollama.ts")

const banner = [
  "#!/usr/bin/env node",
  // what undici and other CommonJS packages ask for
  `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`
].join("\n")

/** Writes the command to `outfile`; gives the files that it is made of. */
const bundle = async (outfile) => {
  const { build } = await import("esbuild")
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    packages: "bundle",
    platform: "node",
    format: "esm",
    target: "node20.19",
    minify: true,
    metafile: true,
    legalComments: "none",
    tsconfig: path.join(root, "tsconfig.json"),
    logLevel: "error",
    banner: { js: banner }
  })
  chmodSync(outfile, 0o755)
  const [{ inputs }] = Object.values(metafile.outputs)
  return Object.keys(inputs).filter((input) => inputs[input].bytesInOutput > 0)
}

/** The packages that files belong to: their folders, by name. */
const packagesOf = (files) =>
  new Map(
    files
      .map((file) => /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(file))
      .filter((found) => found !== null)
      .map(([, folder, name]) => [name, path.resolve(root, folder)])
  )

/** Licences ask to be handed on with the code. */
const licenceOf = ([name, folder]) => {
  const { license, version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"))
  const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
  const text = file === undefined ? "" : readFileSync(path.join(folder, file), "utf8").trim()
  return `${name} ${version} (${license})\n\n${text}\n`
}

/** Writes the command to `outfile`, and the licences of what is inside to `LICENSES.txt` beside it. */
export const bundleCli = async (outfile) => {
  const packages = packagesOf(await bundle(outfile))
  const texts = [...packages].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(licenceOf)
  writeFileSync(
    path.join(path.dirname(outfile), "LICENSES.txt"),
    `${path.basename(outfile)} holds code of these packages.\n\n${texts.join("\n---\n\n")}`
  )
}

/** The command for tests, made when a source has changed; several processes may ask at once. */
export const currentCli = async () => {
  const outfile = path.join(cache, "cli", "effect-ollama.mjs")
  const sources = [
    ...filesUnder(path.join(root, "src"), [".ts"]),
    path.join(root, "scripts", "lib", "cli.mjs"),
    path.join(root, "package-lock.json")
  ]
  if (isStale(outfile, sources)) {
    mkdirSync(path.dirname(outfile), { recursive: true })
    const own = `${outfile}.${process.pid}`
    await bundle(own)
    renameSync(own, outfile)
  }
  return outfile
}
