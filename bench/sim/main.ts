/**
 * `npm run sim [-- --quick] [--seeds N] [--requests N] [--scenario steady-60,dead] [--policy "Fleet;Olla"] [--processes N]
 * [--json] [--svg]`: the Fleet and what others do, in the same scenarios with the same arrivals, on a virtual clock.
 *
 * The Fleet is the product's own, and talks to simulated servers over the simulator's HttpClient; so do the rivals. `--policy`
 * takes names or parts of them. The same seed gives the same result, byte for byte: `--json` says nothing of the machine. Exit code 1
 * when a line of the acceptance list does not hold.
 */
import { writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import * as chart from "./chart.js"
import * as field from "./field.js"
import type { Job } from "./job.js"
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

const started = performance.now()
let busy = 0
const results = await runAll(jobs, Number(args.processes ?? availableParallelism()), (job, _, seconds) => {
  busy += seconds
  if (!args.json && process.stderr.isTTY)
    process.stderr.write(`\r${job.scenario}, ${job.contestant}, ${job.seed}   \x1b[K`)
})
if (!args.json && process.stderr.isTTY) process.stderr.write("\r\x1b[K")
const found = report(jobs, results)

if (args.json) console.log(JSON.stringify({ seeds, requests, ...found }, undefined, 2))
else {
  const nameWidth = Math.max(...contestants.map(({ name }) => name.length)) + 1
  for (const { id, says } of chosen) {
    console.log(`\n${id}: ${says}\n${Table.header(nameWidth)}`)
    for (const row of found.rows) if (row.scenario === id) console.log(Table.row(row, nameWidth))
  }
  console.log(`\n${Table.legend}\n`)
  for (const line of found.acceptance) console.log(Table.line(line))
  const wall = (performance.now() - started) / 1000
  console.log(
    `\n${jobs.length} runs of ${requests} requests, ${seeds} seeds: ${wall.toFixed(0)} s, ${(busy / jobs.length).toFixed(2)} s a run`
  )
}
if (args.svg) {
  const file = new URL("../../docs/sim.svg", import.meta.url)
  writeFileSync(file, chart.draw(found.rows))
  console.error(`written: ${file.pathname}`)
}
if (found.acceptance.some(({ holds, worst }) => !holds && worst !== undefined)) process.exitCode = 1
