/**
 * `npm run fuzz [-- --inputs N] [--seed N] [--from N] [--processes N] [--client N] [--json]`
 *
 * Mutated answers of real servers through the decoders, and one in `--client` (64) of them through the whole client: nothing
 * dies, hangs or leaks, what is delivered is what was sent, both forms agree, and every failure is one of ours. The same seed
 * gives the same inputs: `--seed 7 --from 1234 --inputs 1` is number 1234 alone. Exit code 1 when a property did not hold.
 */
import { type ChildProcess, fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import type { Finding, Tally } from "./run.js"

const { values: args } = parseArgs({
  options: {
    inputs: { type: "string", default: "10000000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    processes: { type: "string", default: String(Math.min(2, availableParallelism())) },
    client: { type: "string", default: "64" },
    json: { type: "boolean", default: false }
  }
})

const from = Number(args.from)
const inputs = Number(args.inputs)
const processes = Math.max(1, Math.min(Number(args.processes), inputs))

/** A process that says nothing for so long hangs: one input takes milliseconds. */
const hangs = 120_000

type Told = Tally & { readonly rss: number }

const path = new URL("child.ts", import.meta.url).pathname
const told: Array<Told | undefined> = Array.from({ length: processes })
const ends: Array<Finding> = []
const began = performance.now()

/** Ctrl-C, and `timeout`: what was found until then is told. */
const children = new Set<ChildProcess>()
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const child of children) child.kill("SIGKILL")
  })
}

const runOne = (nth: number): Promise<void> =>
  new Promise((resolve) => {
    const child = fork(path, [args.seed, String(from + nth), String(from + inputs), String(processes), args.client], {
      execArgv: ["--import=tsx"]
    })
    children.add(child)
    const over = (what: string): void => {
      const at = told[nth]
      ends.push({
        index: from + nth + (at?.inputs ?? 0) * processes,
        name: `process ${nth}, at or after this input`,
        what
      })
    }
    let timer = setTimeout(() => undefined, 0)
    const wait = (): void => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        over("it hangs")
        child.kill("SIGKILL")
      }, hangs)
    }
    wait()
    child.on("message", (message: Told) => {
      told[nth] = message
      wait()
    })
    child.on("exit", (code, signal) => {
      clearTimeout(timer)
      if (code !== 0 && signal !== "SIGKILL") over(`the process ended with ${code ?? signal}`)
      resolve()
    })
  })

const all = () => {
  const tallies = told.filter((tally) => tally !== undefined)
  const sum = (f: (tally: Told) => number): number => tallies.reduce((total, tally) => total + f(tally), 0)
  const names = new Set(tallies.flatMap((tally) => Object.keys(tally.ends)))
  const seconds = (performance.now() - began) / 1000
  const done = sum((tally) => tally.inputs)
  return {
    seed: Number(args.seed),
    inputs: done,
    throughClient: sum((tally) => tally.throughClient),
    seconds,
    perSecond: Math.round(done / seconds),
    ends: Object.fromEntries([...names].sort().map((name) => [name, sum((tally) => tally.ends[name] ?? 0)])),
    slowest: tallies.map((tally) => tally.slowest).sort((a, b) => b.millis - a.millis)[0],
    mostMemoryMiB: Math.round(Math.max(0, ...tallies.map((tally) => tally.rss)) / 1024 / 1024),
    found: sum((tally) => tally.found) + ends.length,
    findings: [...ends, ...tallies.flatMap((tally) => tally.findings)]
  }
}

const progress = setInterval(
  () => {
    const { found, inputs: done, perSecond } = all()
    console.error(`${done} of ${inputs}, ${perSecond} a second, ${found} found`)
  },
  process.stderr.isTTY ? 2000 : 30_000
)
await Promise.all(told.map((_, nth) => runOne(nth)))
clearInterval(progress)

const report = all()
if (args.json) console.log(JSON.stringify(report, null, 2))
else {
  const { ends: became, findings, found, mostMemoryMiB, perSecond, seconds, slowest, throughClient } = report
  console.log(`${report.inputs} inputs of seed ${args.seed} in ${Math.round(seconds)} s (${perSecond} a second)`)
  console.log(`${throughClient} of them through the whole client; at most ${mostMemoryMiB} MiB of memory`)
  console.log(`slowest: number ${slowest?.index} with ${slowest?.millis.toFixed(0)} ms`)
  for (const [name, count] of Object.entries(became)) console.log(`  ${name.padEnd(20)}${String(count).padStart(10)}`)
  for (const { index, name, what } of findings) console.log(`number ${index} (${name}): ${what}`)
  console.log(found === 0 ? "PASS: every property held" : `FAIL: ${found} properties did not hold`)
}
process.exitCode = report.found === 0 ? 0 : 1
