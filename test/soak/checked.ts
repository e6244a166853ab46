/** A soak, and everything that has to hold at its end. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Audit from "./audit.js"
import * as Closing from "./closing.js"
import * as Figures from "./figures.js"
import { type Options, soak } from "./run.js"

/** The first of them are enough to read. */
const few = (problems: ReadonlyArray<string>): ReadonlyArray<string> => problems.slice(0, 20)

export const checked = (options: Options) =>
  Effect.gen(function* () {
    const { outcome, remains } = yield* soak(options, (world) =>
      Effect.map(Closing.problems(world), (remains) => ({ outcome: world.outcome, remains }))
    )
    const account = Audit.accountOf(outcome)
    assert.strictEqual(outcome.told.length, options.calls)
    assert.deepStrictEqual(few(Audit.problems(outcome, account)), [])
    assert.deepStrictEqual(remains, [])
    const figures = Figures.of(outcome, account)
    const { answered, successes, unused } = figures.answers
    assert.strictEqual(
      answered,
      Object.values(unused).reduce((sum, count) => sum + count, successes)
    )
    assert.isAtMost(figures.perCall, 1.2)
    assert.isAtMost(figures.perSentCall, 1.5)
    return figures
  })
