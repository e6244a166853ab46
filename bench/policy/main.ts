/**
 * `npm run bench:policy [-- --rounds N] [--calls N] [--tokens N] [--json]`
 *
 * CPU time (user and system) that each policy, and all together, add to a call of the bare client, and to a token of a stream;
 * beside cockatiel and opossum around the same call. The server is in memory and answers at once, so that nothing but the client
 * is measured. Every measurement is a process of its own; the contestants take turns, round after round, and the medians are
 * compared. Exit code 1 when a wanted figure is missed.
 */
import { execFile } from "node:child_process"
import { parseArgs, promisify } from "node:util"
import { calls, tokens } from "./contestants.js"
import { median, spread } from "./statistics.js"

const { values: args } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    calls: { type: "string", default: "10000" },
    tokens: { type: "string", default: "500000" },
    json: { type: "boolean", default: false }
  }
})

const wanted = { allPerCall: 60, perToken: 1.05 }

const child = new URL("child.ts", import.meta.url).pathname

/** Microseconds of CPU for each of `count`. */
const cpu = async (what: "calls" | "tokens", name: string, count: string): Promise<number> => {
  const node = ["--import=tsx", "--conditions=development", "--expose-gc", child, what, name, count]
  return Number((await promisify(execFile)(process.execPath, node)).stdout)
}

/** The figures of each contestant, a round at a time, in an order that changes. */
const measure = async (
  what: "calls" | "tokens",
  names: ReadonlyArray<string>,
  count: string
): Promise<ReadonlyMap<string, ReadonlyArray<number>>> => {
  const figures = new Map<string, Array<number>>(names.map((name) => [name, []]))
  for (let round = 0; round < Number(args.rounds); round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!
      figures.get(name)!.push(await cpu(what, name, count))
    }
  }
  return figures
}

/** What is added to the base in the same round. */
const over = (figures: ReadonlyMap<string, ReadonlyArray<number>>, name: string, base: string): ReadonlyArray<number> =>
  figures.get(name)!.map((figure, round) => figure - figures.get(base)![round]!)

const perCall = await measure("calls", Object.keys(calls), args.calls)
const perToken = await measure("tokens", Object.keys(tokens), args.tokens)

const baseOf = (name: string): string =>
  name.startsWith("promise") || /cockatiel|opossum/.test(name) ? "promise" : "bare"

const callRows = Object.keys(calls).map((name) => {
  const added = over(perCall, name, baseOf(name))
  return { name, perCall: median(perCall.get(name)!), added: median(added), spread: spread(added) }
})
const all = callRows.find(({ name }) => name === "all")!
const ratio = median(perToken.get("all")!.map((figure, round) => figure / perToken.get("bare")![round]!))

if (args.json) {
  console.log(
    JSON.stringify({ calls: callRows, perToken: { bare: median(perToken.get("bare")!), ratio } }, undefined, 2)
  )
} else {
  const figure = (n: number) => n.toFixed(1).padStart(8)
  console.log(
    `CPU, microseconds per call: medians of ${args.rounds} rounds of ${args.calls} calls, added in the same round\n`
  )
  console.log(`${"".padEnd(34)}   whole    added   (quartiles)`)
  for (const { added, name, perCall, spread } of callRows) {
    console.log(
      `${name.padEnd(34)}${figure(perCall)} ${figure(added)}   (${spread.map((n) => n.toFixed(1)).join(" to ")})`
    )
  }
  console.log(
    `\nall policies together: ${all.added.toFixed(1)} microseconds per call, wanted at most ${wanted.allPerCall}`
  )
  console.log(
    `a token of a stream: bare ${median(perToken.get("bare")!).toFixed(2)}, with all policies ${median(perToken.get("all")!).toFixed(2)} ` +
      `microseconds, ratio ${ratio.toFixed(3)}, wanted at most ${wanted.perToken}`
  )
}
if (all.added > wanted.allPerCall || ratio > wanted.perToken) process.exitCode = 1
