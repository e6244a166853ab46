/** How many attempts a server gets that fails: what the budget is there for. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { OllamaError, Policy, RetryBudget } from "effect-ollama"
import { within } from "../support/clock.js"

const refused = new OllamaError.Unreachable({ reason: "refused" })

// without jitter many sleepers wake together, which is what makes a storm, and a test on TestClock short
const { retry: three } = Policy.make({ retry: { attempts: 3, jitter: "none" } })

/** Those who wake at the same moment share one sleep: TestClock takes its time over each. */
const sharedSleep = Effect.sync(() => {
  const wakes = new Map<number, Deferred.Deferred<void>>()
  return (millis: number) =>
    Effect.gen(function* () {
      if (millis === 0) return
      const at = (yield* Clock.currentTimeMillis) + millis
      const shared = wakes.get(at)
      if (shared !== undefined) return yield* Deferred.await(shared)
      const wake = yield* Deferred.make<void>()
      wakes.set(at, wake)
      yield* Effect.sleep(millis)
      yield* Deferred.succeed(wake, undefined)
    })
})

/** So many calls, so many at a time, each attempt of which fails after a while. */
const storm = (options: {
  readonly calls: number
  readonly atOnce: number
  readonly takes: number
  readonly fails: (attempt: number) => boolean
}) =>
  Effect.gen(function* () {
    const budget = yield* RetryBudget.make(RetryBudget.defaults)
    const sleep = yield* sharedSleep
    let attempts = 0
    let mostGranted = 0
    const attempt = Effect.gen(function* () {
      const number = attempts++
      const { granted, inFlight, limit } = yield* budget.state
      mostGranted = Math.max(mostGranted, granted)
      assert.isAtMost(granted, limit)
      assert.isAtMost(inFlight, options.atOnce)
      yield* sleep(options.takes)
      if (options.fails(number)) return yield* refused
    })
    const call = Effect.ignore(budget.retry(attempt, three))
    yield* within(
      Effect.all(
        Array.from({ length: options.calls }, () => call),
        { concurrency: options.atOnce }
      ),
      "10 hours"
    )
    const { granted, inFlight } = yield* budget.state
    assert.deepStrictEqual({ granted, inFlight }, { granted: 0, inFlight: 0 })
    return { ratio: attempts / options.calls, mostGranted }
  })

describe("attempts for each call, by default", () => {
  for (const takes of [0, 2000]) {
    it.scoped(`at most 1.2, of 1,000 calls to a dead server, 16 at a time, whose attempts take ${takes} ms`, () =>
      Effect.gen(function* () {
        const { mostGranted, ratio } = yield* storm({ calls: 1000, atOnce: 16, takes, fails: () => true })
        assert.isAtMost(ratio, 1.2)
        assert.isAbove(ratio, 1)
        assert.strictEqual(mostGranted, 3)
      })
    )
  }

  it.scoped("about 1.2 where every other attempt fails for ever", () =>
    Effect.gen(function* () {
      const { ratio } = yield* storm({ calls: 400, atOnce: 16, takes: 1000, fails: (n) => n % 2 === 0 })
      // the pool itself is 100 retries more
      assert.isAtMost(ratio, 1.2 + 100 / 400)
      assert.isAbove(ratio, 1.1)
    })
  )

  it.scoped("a lone caller has all its attempts until the pool is empty, and then one", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make(RetryBudget.defaults)
      const counts: Array<number> = []
      for (let call = 0; call < 60; call++) {
        let attempts = 0
        yield* within(
          Effect.ignore(
            budget.retry(
              Effect.suspend(() => {
                attempts++
                return refused
              }),
              three
            )
          )
        )
        counts.push(attempts)
      }
      assert.deepStrictEqual(counts, [...Array<number>(50).fill(3), ...Array<number>(10).fill(1)])
    })
  )
})
