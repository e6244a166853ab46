/** How many of the calls that come next lie between `low` and `high`: nine of ten should, after few samples and many. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { Prediction } from "../../src/record/CallRecord.js"
import * as Predictor from "../../src/record/Predictor.js"
import * as Dice from "./dice.js"

const of = { host: "h", model: "m" }
const runs = 200
/** Calls that are compared with each prediction. */
const tries = 10
const counts = [3, 10, 50]

type Compare = (
  state: Predictor.State,
  next: Predictor.Sample
) => readonly [measured: number, predicted: Prediction | undefined]

/** The percentages that the intervals hold after so many samples. */
const coverage = <K extends string>(
  draw: (dice: Dice.Dice, at: number) => Predictor.Sample,
  compared: Readonly<Record<K, Compare>>
): Record<K, ReadonlyArray<number>> => {
  const dice = Dice.make(54)
  const held = Record.map(compared, () => counts.map(() => 0))
  for (let run = 0; run < runs; run++) {
    let state = Predictor.empty
    for (let count = 1; count <= Math.max(...counts); count++) {
      state = Predictor.observe(state, draw(dice, count * 60_000))
      const column = counts.indexOf(count)
      if (column < 0) continue
      for (let n = 0; n < tries; n++) {
        const next = draw(dice, (count + 1) * 60_000)
        for (const [key, compare] of Record.toEntries(compared)) {
          const [measured, predicted] = compare(state, next)
          assert.isDefined(predicted)
          const isHeld = measured >= Duration.toSeconds(predicted.low) && measured <= Duration.toSeconds(predicted.high)
          held[key][column] = (held[key][column] ?? 0) + (isHeld ? 1 : 0)
        }
      }
    }
  }
  return Record.map(held, (hits) => hits.map((hit) => (100 * hit) / (runs * tries)))
}

/** 800 and 40 tokens a second, 1 GB/s; prompts and answers of all lengths. */
const draw =
  (sigma: number) =>
  (dice: Dice.Dice, at: number): Predictor.Sample => {
    const promptTokens = Math.round(1000 * dice.noise(0.8))
    const answerTokens = Math.round(200 * dice.noise(0.5))
    return {
      ...of,
      at,
      gigabytes: 5,
      promptTokens,
      answerTokens,
      loading: Duration.seconds(5 * dice.noise(sigma)),
      prompt: Duration.seconds((promptTokens / 800) * dice.noise(sigma)),
      generating: Duration.seconds((answerTokens / 40) * dice.noise(sigma))
    }
  }

const took = (duration: Duration.Duration | undefined): number =>
  duration === undefined ? Number.NaN : Duration.toSeconds(duration)

const total = ({ generating, loading, prompt }: Predictor.Sample): number =>
  took(loading) + took(prompt) + took(generating)

const ask = (state: Predictor.State, { answerTokens, at, promptTokens }: Predictor.Sample): Predictor.Predictions =>
  Predictor.predict(state, { ...of, at, isCold: true, promptTokens, answerTokens })

const isNine = (found: ReadonlyArray<number>, least = 85, most = 95): void =>
  counts.forEach((count, column) => {
    const percentage = found[column] ?? Number.NaN
    assert.isAtLeast(percentage, least, `after ${count}: ${found.join(", ")}`)
    assert.isAtMost(percentage, most, `after ${count}: ${found.join(", ")}`)
  })

const generating: Compare = (state, next) => [took(next.generating), ask(state, next).generating]

describe("at an error of 0.4, nine of ten calls lie within the interval after 3, 10 and 50", () => {
  const found = coverage(draw(0.4), {
    generating,
    prompt: (state, next) => [took(next.prompt), ask(state, next).prompt],
    loading: (state, next) => [took(next.loading), ask(state, next).loading],
    total: (state, next) => [total(next), ask(state, next).total],
    guessed: (state, next) => [took(next.generating), ask(state, { ...next, answerTokens: undefined }).generating]
  })

  it("of each phase: 85 to 95 %", () => {
    isNine(found.generating)
    isNine(found.prompt)
    isNine(found.loading)
  })

  it("of all phases together: 85 to 97 %", () => {
    isNine(found.total, 85, 97)
  })

  it("where the length of the answer has to be guessed: at least 85 %, and by far too much only at first", () => {
    isNine(found.guessed, 85, 99)
    assert.isAtMost(found.guessed[2] ?? 100, 95)
  })
})

describe("at other errors", () => {
  it("intervals are too wide at first for a host that is steadier, and too narrow for one that is not; later they hold", () => {
    const steady = coverage(draw(0.2), { generating }).generating
    isNine(steady, 88, 100)
    const rough = coverage(draw(0.8), { generating }).generating
    isNine(rough, 80, 95)
  })
})

const optional = <A>(value: FastCheck.Arbitrary<A>) => FastCheck.option(value, { nil: undefined })
const number = FastCheck.oneof(FastCheck.double(), FastCheck.double({ min: 1e-3, max: 1e6 }), FastCheck.integer())
const duration = FastCheck.oneof(
  FastCheck.double({ min: 0, max: 1e7, noNaN: true }).map(Duration.millis),
  FastCheck.bigInt({ min: 0n, max: 10n ** 30n }).map(Duration.nanos),
  FastCheck.constantFrom(Duration.infinity, Duration.zero)
)
const name = FastCheck.oneof(
  FastCheck.constantFrom("a", "b", "constructor"),
  FastCheck.string({ maxLength: 5 }).filter((text) => text !== "__proto__")
)

const sample: FastCheck.Arbitrary<Predictor.Sample> = FastCheck.record({
  host: name,
  model: name,
  at: number,
  gigabytes: optional(number),
  loading: optional(duration),
  queued: optional(duration),
  prompt: optional(duration),
  generating: optional(duration),
  promptCharacters: optional(number),
  promptTokens: optional(number),
  answerTokens: optional(number),
  inFlight: optional(number),
  suspect: optional(FastCheck.subarray<Predictor.Learnable>(["loading", "prompt", "generating"]))
})

const question: FastCheck.Arbitrary<Predictor.Question> = FastCheck.record({
  host: name,
  model: name,
  at: number,
  gigabytes: optional(number),
  isCold: FastCheck.boolean(),
  promptCharacters: optional(number),
  promptTokens: optional(number),
  answerTokens: optional(number),
  answerLimit: optional(number),
  ahead: optional(number)
})

const isPrediction = Schema.is(Prediction)

describe("whatever the samples and the question", () => {
  it("the state can be written as JSON, and each prediction is one, with its middle between its ends", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(sample, { maxLength: 12 }),
        FastCheck.array(question, { maxLength: 4 }),
        (samples, questions) => {
          const state = samples.reduce(Predictor.observe, Predictor.empty)
          const json: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(Predictor.State)(state)))
          assert.deepStrictEqual(Schema.decodeUnknownSync(Predictor.State)(json), state)
          for (const one of questions) {
            for (const predicted of Object.values(Predictor.predict(state, one))) {
              if (predicted === undefined) continue
              assert.isTrue(isPrediction(predicted))
              const low = Duration.toMillis(predicted.low)
              const expected = Duration.toMillis(predicted.expected)
              const high = Duration.toMillis(predicted.high)
              assert.isTrue(low <= expected && expected <= high && Number.isFinite(high), `${low} ${expected} ${high}`)
            }
          }
        }
      ),
      { seed: 5, numRuns: 300 }
    )
  })

  it("a state that was decoded can be asked and taught", () => {
    const states = Arbitrary.make(Predictor.State)
    FastCheck.assert(
      FastCheck.property(states, sample, question, (state, one, asked) => {
        Predictor.predict(Predictor.observe(state, one), asked)
      }),
      { seed: 5, numRuns: 50 }
    )
  })
})
