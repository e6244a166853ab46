/**
 * `npm run bench:stream [-- --mode a|b|c] [--rounds N] [--only NAME,NAME] [--json]`
 *
 * CPU time (user and system) and wall time per token, and memory per stream, of effect-ollama, ollama-js and the bare transports.
 * Every measurement is a process of its own against a server in another. The contestants take turns, round after round, those of
 * which something is wanted beside what they are compared with, because the machine is now faster and now slower; the others are
 * there in every third round. A ratio is that of the totals over the rounds. Exit code 1 when a wanted ratio is missed.
 */
import { fork } from "node:child_process"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { median } from "../statistics.js"
import { build } from "./build.js"
import type { Result } from "./child.js"
import { type Mode, modes } from "./modes.js"

const { values: args } = parseArgs({
  options: {
    mode: { type: "string", multiple: true },
    rounds: { type: "string" },
    only: { type: "string" },
    json: { type: "boolean", default: false }
  }
})

const here = (file: string) => new URL(file, import.meta.url).pathname

/** Each beside the one it is compared with: without another, that is ollama-js. */
const contestants = [
  { key: "raw-fetch", title: "fetch, split, JSON.parse", file: "contestants/raw.ts", exported: "viaFetch" },
  { key: "raw-undici", title: "undici, split, JSON.parse", file: "contestants/raw.ts", exported: "viaUndici" },
  { key: "raw-stream", title: "the same in an Effect Stream", file: "contestants/raw.ts", exported: "viaStream" },
  {
    key: "forEachChunk",
    title: "chatStream, runForEachChunk",
    file: "contestants/effectOllama.ts",
    exported: "forEachChunk"
  },
  { key: "chat", title: "chat (folded)", file: "contestants/effectOllama.ts", exported: "chat" },
  { key: "ollama-js", title: "ollama-js, stream: true", file: "contestants/ollamaJs.ts", exported: "chatStream" },
  { key: "forEach", title: "chatStream, runForEach", file: "contestants/effectOllama.ts", exported: "forEach" },
  {
    key: "recorded",
    title: "records, metrics",
    file: "contestants/observed.ts",
    exported: "recorded",
    base: "forEach"
  },
  {
    key: "observed",
    title: "records, metrics, spans",
    file: "contestants/observed.ts",
    exported: "observed",
    base: "forEach"
  },
  {
    key: "tracer",
    title: "a tracer without spans",
    file: "contestants/observed.ts",
    exported: "tracer",
    base: "forEach"
  }
] as const
type Contestant = (typeof contestants)[number]

const baseOf = (one: Contestant): Contestant["key"] => ("base" in one ? one.base : "ollama-js")

/** Whether a round has it: always where something depends on it. */
const isIn = (one: Contestant, mode: Mode, round: number): boolean =>
  round % 3 === 0 ||
  mode.wanted[one.key] !== undefined ||
  contestants.some((other) => baseOf(other) === one.key && mode.wanted[other.key] !== undefined)

const only = args.only?.split(",")
const asked = contestants.filter(({ key }) => only === undefined || only.includes(key)).map(({ key }) => key)
const running = contestants.filter(
  (one) =>
    one.key === "ollama-js" ||
    asked.includes(one.key) ||
    contestants.some((other) => asked.includes(other.key) && baseOf(other) === one.key)
)
const chosen = modes.filter((mode) => args.mode === undefined || args.mode.includes(mode.key))

const measure = (compiled: (file: string) => string, host: string, mode: Mode, one: Contestant): Promise<Result> =>
  new Promise((resolve, reject) => {
    const memory = "memoryAfter" in mode.measure
    const child = fork(
      compiled("child.ts"),
      [
        compiled(one.file),
        one.exported,
        host,
        memory ? "memory" : "cpu",
        String(mode.streams),
        mode.model,
        String("memoryAfter" in mode.measure ? mode.measure.memoryAfter : mode.measure.cpu)
      ],
      { execArgv: ["--expose-gc"], stdio: ["ignore", "inherit", "inherit", "ipc"] }
    )
    let result: Result | undefined
    child.on("message", (message) => {
      result = message as Result
    })
    child.on("exit", (code) => {
      if (result === undefined) return reject(new Error(`${one.key} ended with code ${code} and no result`))
      const wrong = result.passes.find((pass) => pass.lines !== mode.lines)
      if (wrong !== undefined) {
        return reject(new Error(`${one.key} delivered ${wrong.lines} of ${mode.lines} tokens`))
      }
      if (result.memory !== undefined && result.memory.open !== mode.streams) {
        return reject(new Error(`${one.key} had ${result.memory.open} of ${mode.streams} streams open when weighed`))
      }
      resolve(result)
    })
  })

interface Figure {
  readonly name: string
  readonly unit: string
  readonly of: (result: Result) => number
}

/** what is compared in a mode: the cold and the warm pass, or the two ways to weigh a stream */
const figures = (mode: Mode): ReadonlyArray<Figure> =>
  "memoryAfter" in mode.measure
    ? [
        { name: "resident", unit: "KiB a stream", of: (result) => result.memory!.rss / mode.streams / 1024 },
        { name: "heap", unit: "KiB a stream", of: (result) => result.memory!.heap / mode.streams / 1024 }
      ]
    : ["cold", "warm"].map((name, pass) => ({
        name,
        unit: "µs a token",
        of: (result) => result.passes[pass]!.cpu / mode.lines
      }))

interface Row {
  readonly mode: string
  readonly contestant: string
  readonly figure: string
  readonly unit: string
  readonly median: number
  readonly lowest: number
  readonly highest: number
  readonly wallSeconds: number
  readonly ratio: number
  readonly wanted?: number
  readonly pass?: boolean
}

const total = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0)

/** By contestant, what each round gave that had it. */
type Results = ReadonlyMap<string, ReadonlyMap<number, Result>>

const table = (mode: Mode, results: Results): ReadonlyArray<Row> => {
  return running.flatMap((one) =>
    figures(mode).map((figure, i): Row => {
      const base = results.get(baseOf(one))!
      const rounds = results.get(one.key)!
      const mine = [...rounds.values()]
      const values = mine.map(figure.of)
      const ratio = total(values) / total([...rounds.keys()].map((round) => figure.of(base.get(round)!)))
      const wanted = mode.wanted[one.key]?.[i]
      const walls = mine.map((result) => (result.passes[i] ?? result.passes[0]!).wall / 1e6)
      return {
        mode: mode.key,
        contestant: one.key,
        figure: figure.name,
        unit: figure.unit,
        median: median(values),
        lowest: Math.min(...values),
        highest: Math.max(...values),
        wallSeconds: median(walls),
        ratio,
        ...(wanted === undefined ? {} : { wanted, pass: ratio <= wanted })
      }
    })
  )
}

const print = (mode: Mode, rounds: number, rows: ReadonlyArray<Row>) => {
  console.log(`\n(${mode.key}) ${mode.title}; medians of ${rounds} rounds, a third of them without a limit`)
  console.log(
    `${"".padEnd(30)}${"".padEnd(10)}${"median".padStart(8)}${"range".padStart(15)}${"wall s".padStart(8)}${"ratio".padStart(8)}  wanted`
  )
  for (const row of rows) {
    const one = contestants.find((contestant) => contestant.key === row.contestant)!
    const range = `${row.lowest.toFixed(1)}-${row.highest.toFixed(1)}`
    const verdict = row.wanted === undefined ? "" : `<= ${row.wanted.toFixed(2)} ${row.pass === true ? "PASS" : "FAIL"}`
    console.log(
      `${one.title.padEnd(30)}${row.figure.padEnd(10)}${row.median.toFixed(1).padStart(8)}${range.padStart(15)}` +
        `${row.wallSeconds.toFixed(2).padStart(8)}${row.ratio.toFixed(2).padStart(8)}  ${verdict}`
    )
  }
}

const compiled = await build("bench-stream", [
  here("server.ts"),
  here("child.ts"),
  ...new Set(running.map((one) => here(one.file)))
])
const server = fork(
  compiled(here("server.ts")),
  modes.map((mode) => mode.model),
  {
    stdio: ["ignore", "pipe", "inherit", "ipc"]
  }
)
const port = await new Promise<string>((resolve) => server.stdout!.once("data", (data) => resolve(String(data).trim())))
const host = `http://127.0.0.1:${port}`

if (!args.json) {
  console.log(
    `Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}; ratios are to ollama-js (of a tracer, records and spans: to runForEach), lower is better`
  )
}
const rows: Array<Row> = []
for (const mode of chosen) {
  const rounds = args.rounds === undefined ? mode.rounds : Number(args.rounds)
  const results = new Map(running.map((one) => [one.key, new Map<number, Result>()]))
  for (let round = 0; round < rounds; round++) {
    // every other round in reverse, so that nobody always follows the same one
    for (const one of round % 2 === 0 ? running : running.toReversed()) {
      if (isIn(one, mode, round)) results.get(one.key)!.set(round, await measure(compiled, host, mode, one))
    }
  }
  const made = table(mode, results)
  rows.push(...made)
  if (!args.json) print(mode, rounds, made)
}
server.disconnect()
if (args.json) console.log(JSON.stringify({ node: process.version, rows }, undefined, 2))
process.exitCode = rows.some((row) => row.pass === false) ? 1 : 0
