/**
 * `npm run bench:fleet [-- --json]`: what the choice of a host costs, for each placement and 4, 16, 64 and 256 hosts.
 *
 * Hosts of all kinds (busy and idle, with the model and without, some blocked, of some nothing learned), a new question for
 * each choice, of which a tenth are second attempts. Processor time, so that other programs on the machine do not count; the
 * median of fifteen rounds, in microseconds a choice. The last two lines are what the fleet does before: it looks at its hosts,
 * most of which have calls, one having ended and one begun since the last time; and both together.
 */
import { Effect } from "effect"
import { cpuMicros } from "./cpu.js"
import * as FleetView from "./fleetView.js"
import { median } from "./statistics.js"
import { choose } from "../src/fleet/placement/choose.js"
import * as Memory from "../src/fleet/placement/memory.js"
import type { Own, Placement } from "../src/fleet/placement/value.js"
import type { HostView, Question, View } from "../src/fleet/placement/view.js"

const counts = [4, 16, 64, 256]
const rounds = 15
const microsPerRound = 20_000

/** What expected completion may cost, in microseconds. */
const wanted: Readonly<Record<number, number>> = { 16: 20, 256: 100 }

const placements: Readonly<Record<string, Placement | Own>> = {
  expectedCompletion: "expectedCompletion",
  leastInFlight: "leastInFlight",
  roundRobin: "roundRobin",
  weighted: "weighted",
  priority: "priority",
  sticky: "sticky",
  random: "random",
  "a function": (candidates) => candidates[0]
}

const residencies = ["resident", "absent", "loading", "absent", "resident", "unknown"] as const

const known = <A>(n: number, value: A): A | undefined => (n % 7 === 3 ? undefined : value)

const host = (n: number): HostView => ({
  host: `http://10.0.${n >> 8}.${n & 255}:11434`,
  weight: 1 + (n % 3),
  priority: n % 2,
  blocked: n % 11 === 5 ? "host" : undefined,
  blockedLeft: 0,
  residency: residencies[n % residencies.length] ?? "absent",
  loadingLeft: 4000 + n,
  otherLoadsLeft: n % 5 === 0 ? 3000 : 0,
  idleGigabytes: [6, 9],
  busyGigabytes: 6,
  capacity: n % 4 === 0 ? undefined : 24,
  loadRate: known(n, 1),
  promptRate: known(n, 800),
  generationRate: known(n, 40),
  parallelism: known(n, 2),
  workLeft: 500 * (n % 5),
  heldWork: 0,
  inFlight: n % 3,
  foreignQueue: 0,
  sinceRecovery: n % 13 === 0 ? 5000 : Number.POSITIVE_INFINITY,
  sessionTokens: n % 6 === 0 ? 300 : 0,
  slowness: 1
})

const questions = (hosts: ReadonlyArray<HostView>): ReadonlyArray<Question> =>
  Array.from({ length: 256 }, (_, n) => ({
    model: "llama3.2:latest",
    gigabytes: 6,
    promptTokens: 100 + 10 * n,
    answerTokens: 200,
    session: `session-${n}`,
    priority: "normal",
    waited: 0,
    remaining: 120_000,
    tried: n % 10 === 0 ? [hosts[n % hosts.length]?.host ?? ""] : [],
    excluded: [],
    random: (n * 0.618) % 1
  }))

const measured = (step: (n: number) => void): number => {
  const round = (times: number): number => {
    const begin = cpuMicros()
    for (let n = 0; n < times; n++) step(n)
    return (cpuMicros() - begin) / times
  }
  const estimate = Math.max(round(2000), 0.05)
  return median(Array.from({ length: rounds }, () => round(Math.ceil(microsPerRound / estimate))))
}

const microsPerChoice = (placement: Placement | Own, count: number): number => {
  const hosts = Array.from({ length: count }, (_, n) => host(n))
  const asked = questions(hosts)
  const memory = Memory.make()
  let now = 0
  return measured((n) => {
    const question = asked[n % asked.length]
    const view: View = { now: now++, hosts }
    if (question !== undefined) choose(placement, view, question, memory)
  })
}

const look = (count: number) =>
  Effect.map(FleetView.scene(count), ({ asked, happens, members }) => {
    const hosts: Array<HostView> = []
    let now = 10
    return (): ReadonlyArray<HostView> => {
      happens(now++)
      members.forEach((member, index) => {
        hosts[index] = member.look(asked, now)
      })
      return hosts
    }
  })

/** Looking alone, and looking with a choice by expected completion. */
const microsPerLook = (count: number, choosing: boolean): number =>
  Effect.runSync(
    Effect.scoped(
      Effect.map(look(count), (look) => {
        const asked = questions(look())
        const memory = Memory.make()
        return measured((n) => {
          const hosts = look()
          const question = asked[n % asked.length]
          if (choosing && question !== undefined) choose("expectedCompletion", { now: n, hosts }, question, memory)
        })
      })
    )
  )

const table = Object.entries(placements).map(([name, placement]) => ({
  name,
  micros: Object.fromEntries(counts.map((count) => [count, microsPerChoice(placement, count)]))
}))

const looks = [false, true].map((choosing) => ({
  name: choosing ? "look and choice" : "look",
  micros: Object.fromEntries(counts.map((count) => [count, microsPerLook(count, choosing)]))
}))

const cells = (name: string, values: ReadonlyArray<string>): string =>
  [name.padEnd(20), ...values.map((value) => value.padStart(9))].join("")

const completion = looks[1]?.micros ?? {}
const isHeld = Object.entries(wanted).every(([count, limit]) => (completion[count] ?? Number.NaN) < limit)

console.log(
  process.argv.includes("--json")
    ? JSON.stringify({
        microsPerChoice: Object.fromEntries([...table, ...looks].map(({ micros, name }) => [name, micros]))
      })
    : [
        cells(
          "microseconds",
          counts.map((count) => `${count} hosts`)
        ),
        ...[...table, ...looks].map(({ micros, name }) =>
          cells(
            name,
            counts.map((count) => (micros[count] ?? Number.NaN).toFixed(2))
          )
        ),
        `wanted of look and choice: under 20 at 16 hosts, under 100 at 256: ${isHeld ? "holds" : "does not hold"}`
      ].join("\n")
)
process.exitCode = isHeld ? 0 : 1
