/** A call that ended well in phases of less than a second is explained without a look at its host: no rule would say a word of it. */
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Verdict from "../../src/record/Verdict.js"
import * as Facts from "../../src/record/verdict/facts.js"
import * as Rules from "../../src/record/verdict/rules.js"
import { calm, ended, slower, took } from "./evidence.js"

const maybe = <A>(arbitrary: FastCheck.Arbitrary<A>) => FastCheck.option(arbitrary, { nil: undefined })
const duration = (most: number) => FastCheck.double({ min: 0, max: most, noNaN: true }).map(Duration.millis)
const count = FastCheck.nat({ max: 20 })

const prediction = FastCheck.record({
  expected: duration(60_000),
  low: duration(60_000),
  high: duration(60_000),
  samples: count
})

const phase = FastCheck.record({ actual: duration(999.999), predicted: maybe(prediction) })

const names = ["waiting", "lost", "connecting", "queued", "loading", "prompt", "generating", "other"] as const

const each = <K extends string, A>(keys: ReadonlyArray<K>, arbitrary: FastCheck.Arbitrary<A>) =>
  FastCheck.record(Object.fromEntries(keys.map((key) => [key, maybe(arbitrary)])) as Record<K, typeof arbitrary>)

const detectors = each(["loading", "prompt", "generating"], FastCheck.constantFrom(calm, slower(3), slower(0.5)))

const host: FastCheck.Arbitrary<Verdict.HostEvidence> = FastCheck.record({
  lastContact: maybe(duration(120_000)),
  probe: maybe(FastCheck.constantFrom("fast", "slow", "failing")),
  others: maybe(FastCheck.constantFrom("answer", "fail")),
  wasResident: maybe(FastCheck.boolean()),
  listing: maybe(FastCheck.constantFrom("listed", "absent", "late")),
  size: maybe(FastCheck.nat()),
  sizeVram: maybe(FastCheck.nat()),
  evictions: maybe(count),
  rivals: maybe(FastCheck.constant(["qwen3:8b"])),
  changedOptions: maybe(FastCheck.constant(["num_ctx"])),
  isLoadingOther: maybe(FastCheck.boolean()),
  detectors: maybe(detectors),
  otherDetectors: maybe(FastCheck.array(detectors, { maxLength: 2 })),
  inFlight: maybe(count),
  usualInFlight: maybe(count),
  ahead: maybe(count),
  parallel: maybe(count)
})

const evidence: FastCheck.Arbitrary<Verdict.Evidence> = FastCheck.record({
  elapsed: duration(600_000),
  outcome: FastCheck.constant("success"),
  phases: maybe(each(names, phase)),
  predicted: maybe(each(["queued", "loading", "prompt", "generating", "firstToken", "total"], prediction)),
  isSlow: maybe(FastCheck.constant(false)),
  waitedFor: maybe(FastCheck.constantFrom("permit", "offline", "backoff")),
  hasTools: maybe(FastCheck.boolean()),
  promptTokens: maybe(FastCheck.nat()),
  gigabytes: maybe(FastCheck.double({ min: 0, max: 500, noNaN: true })),
  host: maybe(host)
})

it.prop(
  "no rule says a word of a call that is unremarkable",
  [evidence],
  ([one]) => {
    assert.isTrue(Facts.isUnremarkable(one))
    assert.deepStrictEqual(Rules.apply(Facts.make(one)), Verdict.of(one))
  },
  { fastCheck: { numRuns: 2000 } }
)

it.each<readonly [string, Verdict.Evidence]>([
  ["a phase of a second", ended({ waiting: took(1) })],
  ["one that the policy calls slow", { ...ended({ prompt: took(0.2) }), isSlow: true }],
  ["one that runs", { elapsed: Duration.seconds(1), running: { phase: "gap", inPhase: Duration.seconds(1) } }],
  ["one whose caller left", { ...ended({ prompt: took(0.2) }), outcome: "left" }],
  ["one that failed", { ...ended({}), outcome: "Overloaded", failure: { _tag: "Overloaded" } }]
])("%s is not", (_, one) => {
  assert.isFalse(Facts.isUnremarkable(one))
})
