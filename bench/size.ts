/**
 * `npm run bench:size [-- --json]`: what the package adds to a program in a browser, minified and gzipped (level 9),
 * measured on the published files. Each has a budget, which `npm run check` holds: what was measured on 29 November 2026,
 * and 5 % more. A change that is worth more raises it here. Wanted: at most 15 KiB of our own code for
 * `import { OllamaClient }`.
 *
 * "Our own code" is a bundle without effect and @effect/platform; it still has their `import` statements (as "imports"
 * says) and calls them as `a.flatMap`. A program that bundles effect has neither: what such a program grows by is
 * "added to effect", the bundle with everything less one of the same parts of effect alone.
 */
import { execFileSync } from "node:child_process"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build, type BuildOptions, type Plugin } from "esbuild"

const kibibyte = 1024
const root = fileURLToPath(new URL("..", import.meta.url))
const peers = [
  "effect",
  "@effect/platform",
  "@effect/platform-node",
  "@effect/ai",
  "@effect/experimental",
  "@effect/rpc"
]

interface Measurement {
  readonly name: string
  readonly code: string
  /** Leaves out what a program with Effect has anyway. */
  readonly ownOnly: boolean
  /** KiB, gzipped, at most. */
  readonly budget?: number
  readonly platform?: "browser" | "node"
}

interface Size {
  readonly minified: number
  readonly gzipped: number
}

const client = `export { OllamaClient } from "effect-ollama"`
const entry = (name: string, budget: number, platform: Measurement["platform"] = "browser"): Measurement => ({
  name: `${name}, our own code`,
  code: `export * from "${name}"`,
  ownOnly: true,
  budget,
  platform
})
const measurements: ReadonlyArray<Measurement> = [
  { name: "{ OllamaClient }, our own code", code: client, ownOnly: true, budget: 88.3 },
  { name: "{ OllamaClient }, with effect and @effect/platform", code: client, ownOnly: false, budget: 177.2 },
  {
    name: "layer and chatStream alone, our own code",
    code: `import { OllamaClient } from "effect-ollama"\nexport const { chatStream, layer } = OllamaClient`,
    ownOnly: true,
    budget: 88.3
  },
  { name: "{ Policy }, our own code", code: `export { Policy } from "effect-ollama"`, ownOnly: true, budget: 16.8 },
  {
    name: "{ OllamaError }, our own code",
    code: `export { OllamaError } from "effect-ollama"`,
    ownOnly: true,
    budget: 2.95
  },
  entry("effect-ollama", 151.2),
  entry("effect-ollama/ai", 7.6),
  entry("effect-ollama/shared", 0.6),
  entry("effect-ollama/testing", 28.7),
  entry("effect-ollama/node", 116.6, "node"),
  entry("effect-ollama/testing/node", 28.2, "node")
]

const options = (code: string, ownOnly: boolean, platform: "browser" | "node") =>
  ({
    // A folder of the package, so that `effect-ollama` is the package itself, through its `exports`.
    stdin: { contents: code, resolveDir: root, loader: "js" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform,
    target: "es2022",
    tsconfigRaw: {},
    external: ownOnly ? peers.flatMap((peer) => [peer, `${peer}/*`]) : [],
    logLevel: "error"
  }) satisfies BuildOptions

const bundle = async (
  code: string,
  ownOnly: boolean,
  platform: Measurement["platform"] = "browser",
  plugins: Array<Plugin> = []
) => {
  const result = await build({ ...options(code, ownOnly, platform), plugins })
  const [output] = result.outputFiles
  if (output === undefined) throw new Error("esbuild wrote nothing")
  return output.text
}

const sizeOf = (text: string): Size => ({
  minified: Buffer.byteLength(text),
  gzipped: gzipSync(text, { level: 9 }).length
})

const less = (whole: Size, part: Size): Size => ({
  minified: whole.minified - part.minified,
  gzipped: whole.gzipped - part.gzipped
})

const importStatement = /import(?:\*as ([\w$]+) |\{([^}]*)\})from"([^"]*)";?/g

/** A program that uses the same parts of effect as a minified bundle of our own code, and nothing else. */
const sameOfEffect = (own: string): string =>
  [...own.matchAll(importStatement)]
    .map(([, namespace, names = "", from], i) => {
      const reads = new RegExp(`(?<![\\w$.])${namespace?.replaceAll("$", "\\$")}\\.(\\w+)`, "g")
      const members =
        namespace === undefined
          ? names.split(",").map((name) => name.replace(/ as .*/, ""))
          : [...own.matchAll(reads)].map(([, member]) => member)
      return `import * as m${i} from "${from}"\nuse(${members.map((member) => `m${i}.${member}`).join()})`
    })
    .join("\n")

/** Whose modules are counted together; each is bundled without the others, so that their sum is more than the whole. */
const rooms: ReadonlyArray<readonly [name: string, files: RegExp]> = [
  ["wire, API, failures", /^dist\/(internal|api)\/|^dist\/[^/]*$/],
  ["calls, loads, places", /^dist\/client\//],
  ["policies", /^dist\/policy\//],
  ["records, verdicts", /^dist\/record\//]
]

/** What each room has of the bundle of the client. */
const measureRooms = async () => {
  const { metafile } = await build({ ...options(client, true, "browser"), metafile: true })
  const all = Object.keys(metafile.inputs).filter((file) => file.startsWith("dist/"))
  const others = (own: ReadonlySet<string>): Plugin => ({
    name: "others",
    setup: (bundler) => {
      bundler.onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) =>
        own.has(relative(root, join(resolveDir, path))) ? undefined : { path, external: true }
      )
    }
  })
  return Promise.all(
    rooms.map(async ([name, files]) => {
      const own = all.filter((file) => files.test(file))
      const code = own.map((file, i) => `export * as m${i} from "./${file}"`).join("\n")
      const text = await bundle(code, true, "browser", [others(new Set(own))])
      return inKiB(`{ OllamaClient }, ${name}`, sizeOf(text))
    })
  )
}

const inKiB = (name: string, { gzipped, minified }: Size, budget?: number) => ({
  name,
  minifiedKiB: minified / kibibyte,
  gzippedKiB: gzipped / kibibyte,
  budgetKiB: budget,
  pass: budget === undefined ? undefined : gzipped / kibibyte <= budget
})

const measure = async ({ budget, code, name, ownOnly, platform }: Measurement) =>
  inKiB(name, sizeOf(await bundle(code, ownOnly, platform)), budget)

const measureAdded = async () => {
  const own = await bundle(client, true)
  const [whole, effect] = await Promise.all([bundle(client, false), bundle(sameOfEffect(own), false)])
  return [
    inKiB("{ OllamaClient }, its imports of effect", less(sizeOf(own), sizeOf(own.replace(importStatement, "")))),
    inKiB("{ OllamaClient }, added to effect", less(sizeOf(whole), sizeOf(effect)))
  ]
}

const line = (result: ReturnType<typeof inKiB>) => {
  const verdict =
    result.budgetKiB === undefined ? "" : `  ${result.pass ? "PASS" : "FAIL"} (at most ${result.budgetKiB})`
  const figure = (kib: number) => kib.toFixed(1).padStart(7)
  return `${result.name.padEnd(52)}${figure(result.minifiedKiB)}${figure(result.gzippedKiB)}${verdict}`
}

execFileSync(process.execPath, ["scripts/build.mjs", "--if-stale", "--no-check"], { cwd: root, stdio: "inherit" })
const results = [
  ...(await Promise.all(measurements.map(measure))),
  ...(await measureAdded()),
  ...(await measureRooms())
]
if (process.argv.includes("--json")) console.log(JSON.stringify(results, null, 2))
else {
  console.log(`${"KiB".padEnd(52)}${"minified".padStart(8)}${"gzipped".padStart(8)}`)
  for (const result of results) console.log(line(result))
}
process.exitCode = results.some(({ pass }) => pass === false) ? 1 : 0
