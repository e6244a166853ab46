/** What a breaker says of itself, what it is told by hand, and what it keeps over a restart. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker } from "effect-ollama"
import {
  call,
  fails,
  held,
  isRefused,
  listening,
  make,
  nowMillis,
  opens,
  opensAndWaits,
  simple,
  stateIs
} from "./breakerSupport.js"

describe("changes", () => {
  it.effect("say from where, to where, when and why, until the Scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const about = { name: "chat", host: call.host, model: call.model }
      const breaker = yield* Scope.extend(make({}, about), scope)
      const heard = yield* listening(Stream.runCollect(breaker.changes))
      yield* opensAndWaits(breaker)
      yield* fails(breaker, 1)
      yield* TestClock.adjust("10 seconds")
      yield* breaker.run(Effect.void)
      yield* breaker.force("forcedOpen")
      yield* breaker.force("forcedOpen")
      yield* breaker.force("automatic")
      yield* Scope.close(scope, Exit.void)
      const all = Chunk.toReadonlyArray(yield* Fiber.join(heard))
      assert.lengthOf(yield* Stream.runCollect(breaker.changes), 0)
      assert.deepStrictEqual(
        all.map(({ at, from, to, why }) => [at, from, to, why]),
        [
          [0, "closed", "open", "consecutive"],
          [10_000, "open", "halfOpen", "waitOver"],
          [10_000, "halfOpen", "open", "trials"],
          [20_000, "open", "halfOpen", "waitOver"],
          [20_000, "halfOpen", "closed", "trials"],
          [20_000, "closed", "forcedOpen", "command"],
          [20_000, "forcedOpen", "closed", "command"]
        ]
      )
      for (const change of all) {
        assert.deepInclude(change, about)
        assert.strictEqual(change.lastFailure?.tag, change.to === "open" ? "ServerError" : undefined)
        assert.strictEqual(
          change.retryAfter === undefined ? undefined : Duration.toMillis(change.retryAfter),
          change.to === "open" ? 10_000 : undefined
        )
      }
    })
  )

  it.scoped("are heard by everybody who listens, and by nobody before", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opens(breaker)
      const one = yield* listening(Stream.runHead(breaker.changes))
      const two = yield* listening(Stream.runHead(breaker.changes))
      yield* TestClock.adjust("10 seconds")
      yield* breaker.run(Effect.void)
      for (const fiber of [one, two]) {
        const change = yield* Fiber.join(fiber)
        assert.strictEqual(Option.getOrThrow(change).to, "halfOpen")
      }
    })
  )
})

describe("state", () => {
  it.scoped("has the rates of the trials while half-open, once all are in, and then of what opened it", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ trials: 2, trialSuccesses: 2, trialVerdict: "complete" })
      const rates = Effect.map(breaker.state, ({ failed, failureRate, state, total }) => [
        state,
        total,
        failed,
        failureRate
      ])
      yield* opensAndWaits(breaker)
      assert.deepStrictEqual(yield* rates, ["open", 2, 2, 1])
      yield* fails(breaker, 1)
      assert.deepStrictEqual(yield* rates, ["halfOpen", 1, 1, -1])
      yield* breaker.run(Effect.void)
      assert.deepStrictEqual(yield* rates, ["open", 2, 1, 0.5])
    })
  )

  it.scoped("says only of a breaker that observes what would have been: the others say it by opening", () =>
    Effect.gen(function* () {
      const window = { calls: "all", duration: "1 minute", slices: 60 } as const
      const breaker = yield* make({ consecutive: "off", failureRate: 0.5, minCalls: 1, window })
      yield* breaker.run(Effect.void)
      yield* breaker.run(Effect.void)
      yield* TestClock.adjust("30 seconds")
      yield* fails(breaker, 1)
      yield* TestClock.adjust("30 seconds")
      const { exceeded, failureRate, state } = yield* breaker.state
      assert.deepStrictEqual([state, failureRate, exceeded], ["closed", 1, undefined])
      yield* fails(breaker, 1)
      yield* stateIs(breaker, "open")
    })
  )
})

describe("force", () => {
  it.scoped("forcedOpen refuses until it is taken back; nobody knows for how long", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ openMax: "1 minute" })
      yield* breaker.force("forcedOpen")
      yield* TestClock.adjust("1 day")
      const error = yield* isRefused(breaker)
      assert.strictEqual(error.lastFailure.tag, "ForcedOpen")
      assert.strictEqual(Duration.toMillis(error.retryAfter), 60_000)
      yield* breaker.force("automatic")
      yield* breaker.run(Effect.void)
    })
  )

  it.scoped("disabled lets everything pass and counts nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* breaker.force("disabled")
      yield* fails(breaker, 50)
      const { state, total, weight } = yield* breaker.state
      assert.deepStrictEqual([state, total, weight], ["disabled", 0, 1])
      yield* breaker.force("automatic")
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("observeOnly lets everything pass and says what would have been", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ minCalls: 2, failureRate: 1 })
      yield* breaker.force("observeOnly")
      yield* fails(breaker, 1)
      assert.isUndefined((yield* breaker.state).exceeded)
      yield* fails(breaker, 1)
      const { exceeded, failed, failureRate, state } = yield* breaker.state
      assert.deepStrictEqual([state, exceeded, failed, failureRate], ["observeOnly", "consecutive", 2, 1])
      yield* breaker.run(Effect.void)
      assert.isUndefined((yield* breaker.state).exceeded)
    })
  )

  it.scoped("closed closes whatever is, with an empty memory, and what runs is of before", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opensAndWaits(breaker)
      const trial = yield* held(breaker)
      yield* breaker.force("closed")
      trial.settle("failure", yield* nowMillis)
      const { failed, state, weight } = yield* breaker.state
      assert.deepStrictEqual([state, failed, weight], ["closed", 0, 1])
      yield* fails(breaker, 1)
      yield* breaker.force("closed")
      yield* fails(breaker, 1)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("automatic changes nothing that is automatic", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opens(breaker)
      yield* breaker.force("automatic")
      yield* stateIs(breaker, "open")
    })
  )

  it.scoped("a value begins as its mode says", () =>
    Effect.gen(function* () {
      for (const mode of ["forcedOpen", "disabled", "observeOnly"] as const) yield* stateIs(yield* make({ mode }), mode)
      yield* stateIs(yield* make({ mode: "automatic" }), "closed")
    })
  )
})

describe("export and restore", () => {
  const throughJson = (snapshot: CircuitBreaker.Snapshot) => {
    const json = JSON.stringify(Schema.encodeSync(CircuitBreaker.Snapshot)(snapshot))
    return Schema.decodeUnknownSync(CircuitBreaker.Snapshot)(JSON.parse(json))
  }

  const again = (breaker: CircuitBreaker.Breaker, patch?: CircuitBreaker.Patch) =>
    Effect.flatMap(breaker.export, (snapshot) => make(patch, { restore: throughJson(snapshot) }))

  it.scoped("an open breaker is open for what is left, and remembers why", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opens(breaker)
      yield* TestClock.adjust("4 seconds")
      const restored = yield* again(breaker)
      assert.deepStrictEqual(yield* restored.state, yield* breaker.state)
      const error = yield* isRefused(restored)
      assert.deepStrictEqual([Duration.toMillis(error.retryAfter), error.lastFailure.tag], [6000, "ServerError"])
    })
  )

  it.scoped("what was counted counts on; what ran does not run here", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ consecutive: 3 })
      yield* fails(breaker, 2)
      yield* held(breaker)
      const restored = yield* again(breaker, { consecutive: 3 })
      assert.strictEqual((yield* restored.export).state.running, 0)
      yield* fails(restored, 1)
      yield* stateIs(restored, "open")
    })
  )

  it.scoped("a trial that ran elsewhere is not waited for", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opensAndWaits(breaker)
      yield* held(breaker)
      const restored = yield* again(breaker)
      yield* stateIs(restored, "halfOpen")
      yield* restored.run(Effect.void)
      yield* stateIs(restored, "closed")
    })
  )

  it.scoped("a command stays, unless the value's own mode has changed since", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* breaker.force("forcedOpen")
      yield* stateIs(yield* again(breaker), "forcedOpen")
      yield* stateIs(yield* again(breaker, { mode: "disabled" }), "disabled")
      const disabled = yield* make({ mode: "disabled" })
      yield* stateIs(yield* again(disabled), "closed")
    })
  )

  it.scoped("two that begin with the same state do not wait alike", () =>
    Effect.gen(function* () {
      const patch = { openJitter: 0.5, openFor: "1 hour", openMax: "1 hour" } as const
      const breaker = yield* make(patch)
      const waits = yield* Effect.forEach([1, 2, 3], () =>
        Effect.gen(function* () {
          const restored = yield* again(breaker, patch)
          yield* opens(restored)
          return Duration.toMillis((yield* restored.state).retryAfter)
        })
      )
      assert.strictEqual(new Set(waits).size, 3)
    })
  )

  it.scoped("a clock that is behind does not keep it open for longer", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const breaker = yield* make()
      yield* opens(breaker)
      const snapshot = yield* breaker.export
      yield* TestClock.setTime(0)
      const restored = yield* make({}, { restore: snapshot })
      assert.strictEqual(Duration.toMillis((yield* restored.state).retryAfter), 10_000)
      yield* TestClock.adjust("10 seconds")
      yield* restored.run(Effect.void)
    })
  )

  it("refuses what is no state", () => {
    const decode = Schema.decodeUnknownEither(CircuitBreaker.Snapshot)
    const state = CircuitBreaker.initial(simple(), 0)
    assert.strictEqual(decode({ version: 1, state })._tag, "Right")
    for (const bad of [{ running: -1 }, { state: "ajar" }, { wait: -1 }, { window: {} }, { lastFailure: {} }]) {
      assert.strictEqual(decode({ version: 1, state: { ...state, ...bad } })._tag, "Left", JSON.stringify(bad))
    }
    assert.strictEqual(decode({ version: 2, state })._tag, "Left")
  })
})
