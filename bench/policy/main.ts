/**
 * `npm run bench:policy [-- --rounds N] [--calls N] [--tokens N] [--only NAME,NAME] [--json]`
 *
 * CPU time (user and system) that each policy, and all together, add to a call of the bare client, and to a token of a stream;
 * beside cockatiel and opossum around the same call. The server is in memory and answers at once, so that nothing but the client
 * is measured. Every measurement is a process of its own, over the compiled modules, in which a contestant and its base take turns;
 * the contestants take turns too, round after round, and the medians are compared. Exit code 1 when a wanted figure is missed.
 */
import { execFile } from "node:child_process"
import { parseArgs, promisify } from "node:util"
import { build } from "../stream/build.js"
import { median, spread } from "../statistics.js"
import { calls } from "./contestants.js"

const { values: args } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    calls: { type: "string", default: "3000" },
    tokens: { type: "string", default: "2000000" },
    only: { type: "string" },
    json: { type: "boolean", default: false }
  }
})

const wanted = { allPerCall: 60, perToken: 1.05 }

const only = args.only?.split(",")
const asked = (names: ReadonlyArray<string>) =>
  names.filter((name) => only === undefined || name === "all" || only.includes(name))

const child = (await build("bench-policy", [new URL("child.ts", import.meta.url).pathname]))("child.ts")

interface Pair {
  /** Microseconds of CPU for each call or token. */
  readonly own: number
  readonly base: number
}

const baseOf = (name: string): string =>
  name.startsWith("promise") || /cockatiel|opossum/.test(name) ? "promise" : "bare"

const cpu = async (what: "calls" | "tokens", name: string, count: string): Promise<Pair> => {
  const { stdout } = await promisify(execFile)(process.execPath, [child, what, name, baseOf(name), count])
  const [own, base] = JSON.parse(stdout) as [number, number]
  return { own, base }
}

/** The figures of each contestant, a round at a time, in an order that changes. */
const measure = async (
  what: "calls" | "tokens",
  names: ReadonlyArray<string>,
  count: string
): Promise<ReadonlyMap<string, ReadonlyArray<Pair>>> => {
  const figures = new Map<string, Array<Pair>>(names.map((name) => [name, []]))
  for (let round = 0; round < Number(args.rounds); round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!
      figures.get(name)!.push(await cpu(what, name, count))
    }
  }
  return figures
}

const perCall = await measure("calls", asked(Object.keys(calls).filter((name) => name !== "bare")), args.calls)
const perToken = await measure("tokens", ["another bare one", "all"], args.tokens)

const callRows = [...perCall].map(([name, pairs]) => {
  const added = pairs.map(({ base, own }) => own - base)
  return { name, perCall: median(pairs.map(({ own }) => own)), added: median(added), spread: spread(added) }
})
const all = callRows.find(({ name }) => name === "all")!
const ratioOf = (name: string) => median(perToken.get(name)!.map(({ base, own }) => own / base))
const ofToken = {
  bare: median(perToken.get("all")!.map(({ base }) => base)),
  all: median(perToken.get("all")!.map(({ own }) => own)),
  ratio: ratioOf("all"),
  /** What comes out where nothing differs. */
  noise: ratioOf("another bare one")
}
const ratio = ofToken.ratio / Math.max(1, ofToken.noise)

if (args.json) {
  console.log(JSON.stringify({ calls: callRows, perToken: ofToken }, undefined, 2))
} else {
  const figure = (n: number) => n.toFixed(1).padStart(8)
  console.log(
    `CPU, microseconds per call: medians of ${args.rounds} rounds of ${args.calls} calls, added to the base in the same process\n`
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
    `a token of a stream: bare ${ofToken.bare.toFixed(2)}, with all policies ${ofToken.all.toFixed(2)} ` +
      `microseconds, ratio ${ofToken.ratio.toFixed(3)} (another bare one ${ofToken.noise.toFixed(3)}), wanted at most ${wanted.perToken} times that`
  )
}
if (all.added > wanted.allPerCall || ratio > wanted.perToken) process.exitCode = 1
