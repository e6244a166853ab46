/** A call that ended well in phases of less than a second went as expected, whatever is known of its host: the client does not look. */
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Verdict from "../../src/record/Verdict.js"
import * as Facts from "../../src/record/verdict/facts.js"
import * as AnyEvidence from "./anyEvidence.js"
import { ended, took } from "./evidence.js"

type Phases = NonNullable<Verdict.Evidence["phases"]>

const brief = (phases: Phases): Phases =>
  Object.fromEntries(
    Object.entries(phases).map(([name, phase]) => [
      name,
      phase === undefined ? undefined : { ...phase, actual: Duration.min(phase.actual, Duration.millis(999)) }
    ])
  )

const unremarkable = AnyEvidence.evidence.map((one): Verdict.Evidence => ({
  ...one,
  outcome: "success",
  failure: undefined,
  running: undefined,
  isSlow: false,
  phases: one.phases === undefined ? undefined : brief(one.phases)
}))

it.prop(
  "no rule says a word of a call that is unremarkable",
  [unremarkable],
  ([one]) => {
    assert.isTrue(Facts.isUnremarkable(one))
    assert.deepStrictEqual(Verdict.of(one), { _tag: "AsExpected" })
  },
  { fastCheck: { numRuns: 2000 } }
)

it.each<readonly [string, Verdict.Evidence]>([
  ["a phase of a second", ended({ waiting: took(1) })],
  ["one that the policy calls slow", { ...ended({ prompt: took(0.2) }), isSlow: true }],
  ["one that runs", { elapsed: Duration.seconds(1), running: { phase: "gap", inPhase: Duration.seconds(1) } }],
  ["one whose caller left", { ...ended({ prompt: took(0.2) }), outcome: "left" }],
  ["one that failed", { ...ended({}), outcome: "Overloaded", failure: { _tag: "Overloaded" } }],
  ["one that is said to have ended, and runs", { ...ended({}), running: { phase: "gap", inPhase: Duration.zero } }],
  ["one that is said to have ended well, and failed", { ...ended({}), failure: { _tag: "Overloaded" } }]
])("%s is not", (_, one) => {
  assert.isFalse(Facts.isUnremarkable(one))
})
