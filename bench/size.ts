/**
 * `npm run bench:size [-- --json]`: what the package adds to a program in a browser, minified and gzipped (level 9),
 * measured on the published files. Wanted: at most 15 KiB of our own code for `import { OllamaClient }`.
 */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"

const kibibyte = 1024
const limitKiB = 15
const root = fileURLToPath(new URL("..", import.meta.url))
const peers = ["effect", "@effect/platform"]

interface Measurement {
  readonly name: string
  readonly code: string
  /** Leaves out what a program with Effect has anyway. */
  readonly ownOnly: boolean
  /** KiB, gzipped. */
  readonly limit?: number
}

const client = `export { OllamaClient } from "effect-ollama"`
const measurements: ReadonlyArray<Measurement> = [
  { name: "{ OllamaClient }, our own code", code: client, ownOnly: true, limit: limitKiB },
  { name: "{ OllamaClient }, with effect and @effect/platform", code: client, ownOnly: false },
  {
    name: "layer and chatStream alone, our own code",
    code: `import { OllamaClient } from "effect-ollama"\nexport const { chatStream, layer } = OllamaClient`,
    ownOnly: true
  },
  { name: "{ Policy }, our own code", code: `export { Policy } from "effect-ollama"`, ownOnly: true },
  { name: "{ OllamaError }, our own code", code: `export { OllamaError } from "effect-ollama"`, ownOnly: true },
  { name: "everything, our own code", code: `export * from "effect-ollama"`, ownOnly: true }
]

const measure = async ({ code, limit, name, ownOnly }: Measurement) => {
  const result = await build({
    // A folder of the package, so that `effect-ollama` is the package itself, through its `exports`.
    stdin: { contents: code, resolveDir: root, loader: "js" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    tsconfigRaw: {},
    external: ownOnly ? peers.flatMap((peer) => [peer, `${peer}/*`]) : [],
    logLevel: "error"
  })
  const [output] = result.outputFiles
  if (output === undefined) throw new Error("esbuild wrote nothing")
  const gzipped = gzipSync(output.contents, { level: 9 }).length / kibibyte
  return {
    name,
    minifiedKiB: output.contents.length / kibibyte,
    gzippedKiB: gzipped,
    limitKiB: limit,
    pass: limit === undefined ? undefined : gzipped <= limit
  }
}

const line = (result: Awaited<ReturnType<typeof measure>>) => {
  const verdict = result.limitKiB === undefined ? "" : `  ${result.pass ? "PASS" : "FAIL"} (at most ${result.limitKiB})`
  const figure = (kib: number) => kib.toFixed(1).padStart(7)
  return `${result.name.padEnd(52)}${figure(result.minifiedKiB)}${figure(result.gzippedKiB)}${verdict}`
}

execFileSync(process.execPath, ["scripts/build.mjs", "--if-stale", "--no-check"], { cwd: root, stdio: "inherit" })
const results = await Promise.all(measurements.map(measure))
if (process.argv.includes("--json")) console.log(JSON.stringify(results, null, 2))
else {
  console.log(`${"KiB".padEnd(52)}${"minified".padStart(8)}${"gzipped".padStart(8)}`)
  for (const result of results) console.log(line(result))
}
process.exitCode = results.some(({ pass }) => pass === false) ? 1 : 0
