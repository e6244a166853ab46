/** Hosts and questions of which only what matters is said. */
import * as FastCheck from "effect/FastCheck"
import { choose } from "../../../src/fleet/placement/choose.js"
import * as Memory from "../../../src/fleet/placement/memory.js"
import type { Own, Placement } from "../../../src/fleet/placement/value.js"
import type { Answer, Choice, HostView, Question, View } from "../../../src/fleet/placement/view.js"

export const host = (name: string, known: Partial<HostView> = {}): HostView => ({
  host: name,
  weight: 1,
  priority: 0,
  blocked: undefined,
  blockedLeft: 0,
  residency: "resident",
  loadingLeft: 0,
  otherLoadsLeft: 0,
  idleGigabytes: [],
  busyGigabytes: 0,
  capacity: undefined,
  loadRate: 1,
  promptRate: 1000,
  generationRate: 50,
  parallelism: 2,
  workLeft: 0,
  heldWork: 0,
  inFlight: 0,
  foreignQueue: 0,
  sinceRecovery: Number.POSITIVE_INFINITY,
  sessionTokens: 0,
  slowness: 1,
  ...known
})

export const view = (...hosts: ReadonlyArray<HostView>): View => ({ now: 0, hosts })

export const question = (asked: Partial<Question> = {}): Question => ({
  model: "llama3.2:latest",
  gigabytes: 10,
  promptTokens: 500,
  answerTokens: 100,
  session: undefined,
  priority: "normal",
  waited: 0,
  remaining: Number.POSITIVE_INFINITY,
  tried: [],
  excluded: [],
  random: 0.5,
  ...asked
})

/** Without a memory of earlier choices. */
export const ask = (placement: Placement | Own, hosts: View, asked: Partial<Question> = {}): Answer =>
  choose(placement, hosts, question(asked), Memory.make())

/** The name of the host that was chosen, or why there is none. */
export const named = (answer: Answer): string =>
  answer._tag === "Choice" ? answer.host : answer._tag === "Refusal" ? answer.reason : `later ${answer.host}`

export const choiceOf = (answer: Answer): Choice => {
  if (answer._tag !== "Choice") throw new Error(`no choice: ${named(answer)}`)
  return answer
}

const rate = (max: number) => FastCheck.option(FastCheck.double({ min: 0.1, max, noNaN: true }), { nil: undefined })
const millis = FastCheck.oneof(FastCheck.constant(0), FastCheck.double({ min: 0, max: 60_000, noNaN: true }))

const anyHost = (name: string): FastCheck.Arbitrary<HostView> =>
  FastCheck.record({
    host: FastCheck.constant(name),
    weight: FastCheck.constantFrom(0, 1, 1, 2, 5),
    priority: FastCheck.constantFrom(0, 0, 1, 2),
    blocked: FastCheck.constantFrom(undefined, undefined, undefined, "model", "host", "closed"),
    blockedLeft: millis,
    residency: FastCheck.constantFrom("resident", "loading", "absent", "unknown", "missing"),
    loadingLeft: millis,
    otherLoadsLeft: millis,
    idleGigabytes: FastCheck.array(FastCheck.constantFrom(2, 6, 9), { maxLength: 3 }),
    busyGigabytes: FastCheck.constantFrom(0, 6, 16),
    capacity: FastCheck.constantFrom(undefined, 16, 24),
    loadRate: rate(5),
    promptRate: rate(5000),
    generationRate: rate(200),
    parallelism: FastCheck.constantFrom(undefined, 1, 2, 4),
    workLeft: millis,
    heldWork: millis,
    inFlight: FastCheck.integer({ min: 0, max: 6 }),
    foreignQueue: millis,
    sinceRecovery: FastCheck.constantFrom(Number.POSITIVE_INFINITY, 5_000),
    sessionTokens: FastCheck.constantFrom(0, 0, 300),
    slowness: FastCheck.constantFrom(1, 1, 3)
  })

/** One to eight hosts of any kind. */
export const anyView: FastCheck.Arbitrary<View> = FastCheck.integer({ min: 1, max: 8 })
  .chain((count) => FastCheck.tuple(...Array.from({ length: count }, (_, n) => anyHost(`host-${n}`))))
  .map((hosts) => view(...hosts))

export const anyQuestion: FastCheck.Arbitrary<Question> = FastCheck.record({
  tried: FastCheck.subarray(["host-0", "host-1", "host-2"]),
  excluded: FastCheck.subarray(["host-0", "host-3"]),
  session: FastCheck.constantFrom(undefined, "a", "b", "c"),
  gigabytes: FastCheck.constantFrom(undefined, 6, 16),
  answerTokens: FastCheck.constantFrom(undefined, 150),
  random: FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
}).map(question)

/** Every placement, with neither admission nor late binding where it has them. */
export const eager: ReadonlyArray<Placement> = [
  { by: "expectedCompletion", admission: "off", headroom: "unbounded" },
  "leastInFlight",
  "roundRobin",
  "weighted",
  { by: "priority", within: "leastInFlight" },
  { by: "sticky", key: "model" },
  "random"
]
