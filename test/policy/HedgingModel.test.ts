/** Any copies against a model that goes through what has to happen, event by event. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import { Hedging, OllamaError, RetryBudget } from "effect-ollama"
import { copies, type Fate, timed } from "./hedgedCopies.js"

const busy = new OllamaError.Overloaded({ by: "server" })
const refused = new OllamaError.Unreachable({ reason: "refused" })
const missing = new OllamaError.ModelNotFound({})

describe("any copies", () => {
  const fate = FastCheck.record({
    takes: FastCheck.integer({ min: 1, max: 400 }),
    ends: FastCheck.constantFrom<Fate["ends"]>("well", "well", busy, refused, missing, "defect")
  })

  /** What has to happen, event by event. */
  const simulate = (fates: ReadonlyArray<Fate>, after: number) => {
    const sent = [0]
    const running = new Set([0])
    let due = after
    const times = new Set<number>()
    let failure: OllamaError.OllamaError | undefined
    for (;;) {
      const endOf = (copy: number) => (sent[copy] ?? 0) + (fates[copy]?.takes ?? 0)
      const [first, second] = [...running].sort((a, b) => endOf(a) - endOf(b))
      const mayStart = sent.length < fates.length
      const now = Math.min(first === undefined ? Infinity : endOf(first), mayStart ? due : Infinity)
      // what happens at the same moment has no order
      if (times.has(now) || (mayStart && first !== undefined && due === endOf(first))) return undefined
      if (first !== undefined && second !== undefined && endOf(first) === endOf(second)) return undefined
      times.add(now)
      const start = () => {
        running.add(sent.length)
        sent.push(now)
        due = now + after
      }
      if (first === undefined || endOf(first) > now) {
        start()
        continue
      }
      running.delete(first)
      const { ends } = fates[first] ?? assert.fail("no such copy")
      if (ends === "well") return { exit: Exit.succeed(first), at: now, sent }
      if (ends === "defect") return { exit: Exit.die("bug"), at: now, sent }
      if (first === 0) failure = ends
      if (!ends.isRetryable) return { exit: Exit.fail(ends), at: now, sent }
      if (mayStart) start()
      else if (running.size === 0) return { exit: Exit.fail(failure ?? ends), at: now, sent }
    }
  }

  it.scoped.prop(
    "end as the rules say, when they say, and leave nothing running",
    { fates: FastCheck.array(fate, { minLength: 2, maxLength: 4 }), after: FastCheck.integer({ min: 1, max: 300 }) },
    ({ after, fates }) =>
      Effect.gen(function* () {
        const wanted = simulate(fates, after)
        if (wanted === undefined) return
        const budget = yield* RetryBudget.make(RetryBudget.defaults)
        const hedging = yield* Hedging.make({ after: Duration.millis(after), max: fates.length - 1 }, { budget })
        const { effect, leftAt, sentAt } = copies(fates)
        const start = yield* Clock.currentTimeMillis
        const { at, exit } = yield* timed(hedging.run(effect))
        assert.deepStrictEqual({ exit, at, sent: sentAt.map((time) => time - start) }, wanted)
        for (const left of leftAt) {
          if (left !== undefined) assert.strictEqual(left - start, at)
        }
        assert.deepInclude(yield* budget.state, { granted: 0, tokens: 100 - (sentAt.length - 1) })
      }),
    { fastCheck: { numRuns: 60 } }
  )
})
