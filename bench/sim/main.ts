/**
 * `npm run sim [-- --quick] [--seeds N] [--requests N] [--scenario steady-60,dead] [--policy "Fleet;Olla"] [--processes N]
 * [--keep FILE] [--json] [--svg]`: the Fleet and what others do, in the same scenarios with the same arrivals, on a virtual
 * clock. `--keep` writes what each run gave into a file, and leaves out what stands there: a long simulation goes on where it
 * was ended. It knows nothing of changes of the code.
 *
 * The Fleet is the product's own, and talks to simulated servers over the simulator's HttpClient; so do the rivals. `--policy`
 * takes names or parts of them. The same seed gives the same result, byte for byte: `--json` says nothing of the machine. Exit code 1
 * when a line of the acceptance list does not hold in a scenario, and `reasons.ts` does not say why.
 */
import { writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { unexplained } from "./acceptance.js"
import * as chart from "./chart.js"
import * as field from "./field.js"
import type { Job } from "./job.js"
import * as Kept from "./kept.js"
import type { Figures } from "./metrics.js"
import { runAll } from "./pool.js"
import { report } from "./report.js"
import { scenarios } from "./scenarios.js"
import * as Table from "./table.js"

const { values: args } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seeds: { type: "string" },
    requests: { type: "string" },
    scenario: { type: "string" },
    policy: { type: "string" },
    processes: { type: "string" },
    keep: { type: "string" },
    json: { type: "boolean", default: false },
    svg: { type: "boolean", default: false }
  }
})

const seeds = Number(args.seeds ?? (args.quick ? 3 : 20))
const requests = Number(args.requests ?? (args.quick ? 150 : 1000))
/** A whole name, or a part of names. */
const wanted = (list: string | undefined, name: string): boolean =>
  list === undefined ||
  list.split(";").some((part) => (field.find(part) === undefined ? name.includes(part) : name === part))

const chosen = scenarios.filter(({ id }) => args.scenario === undefined || args.scenario.split(",").includes(id))
const contestants = field.all.filter(({ name }) => wanted(args.policy, name))
if (chosen.length === 0 || contestants.length === 0) {
  console.error(
    `scenarios: ${scenarios.map(({ id }) => id).join(", ")}\npolicies: ${field.all.map(({ name }) => name).join("; ")}`
  )
  process.exit(2)
}

const jobs = chosen.flatMap(({ id: scenario }) =>
  contestants.flatMap(({ name: contestant }) =>
    Array.from({ length: seeds }, (_, index): Job => ({ scenario, contestant, seed: index + 1, requests }))
  )
)

const known = args.keep === undefined ? new Map<string, Figures>() : Kept.read(args.keep)
const missing = jobs.filter((job) => !known.has(Kept.keyOf(job)))
const started = performance.now()
let busy = 0

const rowsOf = (scenario: string) => {
  const own = jobs.filter((job) => job.scenario === scenario)
  return report(own, resultsOf(own)).rows
}

const resultsOf = (own: ReadonlyArray<Job>): ReadonlyArray<Figures> => own.map((job) => known.get(Kept.keyOf(job))!)

const isDone = (scenario: string): boolean =>
  jobs.every((job) => job.scenario !== scenario || known.has(Kept.keyOf(job)))

const nameWidth = Math.max(...contestants.map(({ name }) => name.length)) + 1
const waiting = chosen.map(({ id }) => id)

/** Scenarios in their order, each as soon as all of it is there. */
const print = (): void => {
  for (let id = waiting[0]; id !== undefined && isDone(id); id = waiting[0]) {
    waiting.shift()
    const says = chosen.find((scenario) => scenario.id === id)?.says
    console.log(`\n${id}: ${says}\n${Table.header(nameWidth)}`)
    for (const row of rowsOf(id)) console.log(Table.row(row, nameWidth))
  }
}

if (!args.json) print()
await runAll(missing, Number(args.processes ?? availableParallelism()), (job, figures, seconds) => {
  busy += seconds
  known.set(Kept.keyOf(job), figures)
  if (args.keep !== undefined) Kept.add(args.keep, job, figures)
  if (!args.json) print()
})
const found = report(jobs, resultsOf(jobs))

if (args.json) console.log(JSON.stringify({ seeds, requests, ...found }, undefined, 2))
else {
  console.log(`\n${Table.legend}\n`)
  for (const line of found.acceptance) console.log(Table.line(line))
  const wall = (performance.now() - started) / 1000
  console.log(
    `\n${missing.length} runs of ${requests} requests, ${seeds} seeds: ${wall.toFixed(0)} s, ${(busy / Math.max(1, missing.length)).toFixed(2)} s a run`
  )
}
if (args.svg) {
  const file = new URL("../../docs/sim.svg", import.meta.url)
  writeFileSync(file, chart.draw(found.rows))
  console.error(`written: ${file.pathname}`)
}
if (unexplained(found.acceptance).length > 0) process.exitCode = 1
