/**
 * The command `effect-ollama` as one file: our code, Effect and everything else that it needs are inside, so that the
 * package has no dependency for it.
 */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { relative, root } from "./paths.mjs"

const entry = path.join(root, "src", "cli", "effect-ollama.ts")

const banner = [
  "#!/usr/bin/env node",
  // what undici and other CommonJS packages ask for
  `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`
].join("\n")

/** The folder of the package that a file belongs to, and its name. */
const packageOf = (file) => /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(file)

/** Licences ask to be handed on with the code. */
const licences = (inputs) => {
  const packages = new Map()
  for (const input of inputs) {
    const found = packageOf(input)
    if (found !== null) packages.set(found[2], path.resolve(root, found[1]))
  }
  return [...packages].toSorted().map(([name, folder]) => {
    const { license, version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"))
    const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
    const text = file === undefined ? "" : readFileSync(path.join(folder, file), "utf8").trim()
    return `${name} ${version} (${license})\n\n${text}\n`
  })
}

/** Writes the command to `outfile`, and the licences of what is inside beside it. */
export const bundleCli = async (outfile) => {
  const { build } = await import("esbuild")
  const { metafile } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    minify: true,
    metafile: true,
    legalComments: "none",
    tsconfig: path.join(root, "tsconfig.json"),
    logLevel: "error",
    banner: { js: banner },
    // what is installed beside it is for other programs: everything has to be inside
    packages: "bundle"
  })
  chmodSync(outfile, 0o755)
  const [output] = Object.values(metafile.outputs)
  const inside = Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  writeFileSync(
    path.join(path.dirname(outfile), "LICENSES.txt"),
    `${relative(outfile)} holds code of these packages.\n\n${licences(inside.map(([input]) => input)).join("\n---\n\n")}`
  )
  return metafile
}

