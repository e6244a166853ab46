/**
 * The score of the prototype of the resilience notes (5.6, "expected completion"), recorded while it ran the scenarios
 * "cold-start storm", "flapping host" and "mixed speeds", is the cost. In seconds, without its tie-break.
 *
 * In one thing the notes' text (5.5) is more exact than their prototype: the text counts half the reload of what would be put
 * out, and the prototype takes that to be as large as the model that comes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Placement } from "effect-ollama"
import reference from "./reference.json" with { type: "json" }
import { host, question, view } from "./scene.js"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
const rates = {
  loadRate: optional(Schema.Number),
  promptRate: optional(Schema.Number),
  generationRate: optional(Schema.Number)
}
const Case = Schema.Struct({
  gigabytes: Schema.Number,
  promptTokens: Schema.Number,
  answerTokens: Schema.Number,
  host: Schema.Struct({
    ...rates,
    resident: Schema.Array(Schema.Number),
    residency: Schema.Literal("resident", "loading", "absent"),
    capacity: optional(Schema.Number),
    parallelism: Schema.Number,
    loadingLeft: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    otherLoadsLeft: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    work: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    sinceRecovery: Schema.optionalWith(Schema.Number, { default: () => Number.POSITIVE_INFINITY })
  }),
  others: Schema.Array(Schema.Struct(rates)),
  expected: Schema.Struct({
    wait: Schema.Number,
    load: Schema.Number,
    service: Schema.Number,
    recovery: Schema.Number,
    total: Schema.Number
  })
})

const cases = Schema.decodeUnknownSync(Schema.Array(Case))(reference)

const unknown = { loadRate: undefined, promptRate: undefined, generationRate: undefined, parallelism: undefined }

const costOf = ({ answerTokens, gigabytes, host: known, others, promptTokens }: typeof Case.Type): Placement.Cost => {
  const { otherLoadsLeft, loadingLeft, resident, sinceRecovery, work, ...same } = known
  const asked = host("asked", {
    ...unknown,
    ...same,
    idleGigabytes: resident,
    workLeft: work * 1000,
    loadingLeft: loadingLeft * 1000,
    otherLoadsLeft: otherLoadsLeft * 1000,
    sinceRecovery: sinceRecovery * 1000
  })
  const hosts = view(asked, ...others.map((rates, n) => host(`other-${n}`, { ...unknown, ...rates })))
  return Placement.cost(hosts, question({ gigabytes, promptTokens, answerTokens }), asked)
}

/** By how much larger what is put out is than the model that comes; 0 where nothing is put out. */
const difference = ({ gigabytes, host: { capacity, residency, resident } }: typeof Case.Type): number => {
  const total = resident.reduce((sum, one) => sum + one, 0)
  if (residency !== "absent" || capacity === undefined || total + gigabytes <= capacity) return 0
  let gone = 0
  for (const one of resident) if (total - gone + gigabytes > capacity) gone += one
  return gone - gigabytes
}

const close = (actual: number, seconds: number, message: string): void =>
  assert.closeTo(actual / 1000, seconds, 1e-4 * Math.max(1, seconds), message)

describe("the prototype's score", () => {
  it("is the cost", () => {
    assert.isAtLeast(cases.filter((one) => difference(one) !== 0).length, 5)
    for (const [n, one] of cases.entries()) {
      const { expected } = one
      const { answer, load, prompt, recovery, total, wait } = costOf(one)
      const known = [one.host, ...one.others].flatMap(({ loadRate }) => (loadRate === undefined ? [] : [loadRate]))
      const mean = known.length === 0 ? 0.5 : known.reduce((sum, rate) => sum + rate, 0) / known.length
      const more = (0.5 * difference(one)) / (one.host.loadRate ?? mean)
      close(wait, expected.wait, `wait of case ${n}`)
      close(load, expected.load + more, `load of case ${n}`)
      close(prompt + answer, expected.service, `service of case ${n}`)
      close(recovery, expected.recovery, `recovery of case ${n}`)
      close(total, expected.total + more, `total of case ${n}`)
    }
  })
})
