/** What a breaker says of itself, what it is told by hand, and what it keeps over a change, a restart, a clock set back. */
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
  make,
  nowMillis,
  opens,
  opensAndWaits,
  simple,
  stateIs
} from "./breakerSupport.js"

/** Runs what listens to changes until it hears. */
const listening = <A>(use: Effect.Effect<A>) => Effect.tap(Effect.fork(use), () => TestClock.adjust(0))

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

describe("unsafeRetune", () => {
  it.scoped("keeps what was counted where the window is the same", () =>
    Effect.gen(function* () {
      const rules = { consecutive: "off", failures: 3 } as const
      const breaker = yield* make(rules)
      yield* fails(breaker, 2)
      breaker.unsafeRetune(simple({ ...rules, openFor: "2 seconds" }))
      yield* fails(breaker, 1)
      const { retryAfter, state } = yield* breaker.state
      assert.deepStrictEqual([state, Duration.toMillis(retryAfter)], ["open", 2000])
    })
  )

  it.scoped("begins anew where the window is another", () =>
    Effect.gen(function* () {
      const rules = { consecutive: "off", failures: 3 } as const
      const breaker = yield* make(rules)
      yield* fails(breaker, 2)
      breaker.unsafeRetune(simple({ ...rules, window: { calls: 50 } }))
      assert.strictEqual((yield* breaker.state).total, 0)
      yield* fails(breaker, 2)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("an opening stays, but for no longer than the new value allows", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opens(breaker)
      breaker.unsafeRetune(simple({ openFor: "20 seconds" }))
      assert.strictEqual(Duration.toMillis((yield* breaker.state).retryAfter), 10_000)
      breaker.unsafeRetune(simple({ openFor: "1 second", openMax: "3 seconds" }))
      assert.strictEqual(Duration.toMillis((yield* breaker.state).retryAfter), 3000)
    })
  )

  it.scoped("trials begin anew, so that fewer of them cannot wedge it", () =>
    Effect.gen(function* () {
      const breaker = yield* make({ trials: 5, trialSuccesses: 5 })
      yield* opensAndWaits(breaker)
      for (let i = 0; i < 3; i++) yield* breaker.run(Effect.void)
      yield* held(breaker)
      breaker.unsafeRetune(simple({ trials: 3, trialSuccesses: 3 }))
      for (let i = 0; i < 3; i++) yield* breaker.run(Effect.void)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("the same value changes nothing, not even a trial", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* opensAndWaits(breaker)
      const trial = yield* held(breaker)
      breaker.unsafeRetune(simple())
      trial.settle("success", yield* nowMillis)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("a changed mode is a command; one that did not change leaves a command alone", () =>
    Effect.gen(function* () {
      const breaker = yield* make()
      yield* breaker.force("disabled")
      breaker.unsafeRetune(simple({ openFor: "1 second" }))
      yield* stateIs(breaker, "disabled")
      breaker.unsafeRetune(simple({ mode: "forcedOpen" }))
      yield* stateIs(breaker, "forcedOpen")
      const heard = yield* listening(Stream.runHead(breaker.changes))
      breaker.unsafeRetune(simple())
      yield* stateIs(breaker, "closed")
      assert.deepInclude(Option.getOrThrow(yield* Fiber.join(heard)), { to: "closed", why: "command" })
    })
  )
})

describe("a clock that is set back", () => {
  it.scoped("takes an opening with it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_000_000)
      const breaker = yield* make()
      yield* opens(breaker)
      yield* TestClock.setTime(1_000_000)
      assert.strictEqual(Duration.toMillis((yield* isRefused(breaker)).retryAfter), 10_000)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(Duration.toMillis((yield* isRefused(breaker)).retryAfter), 6000)
      yield* TestClock.adjust("6 seconds")
      yield* breaker.run(Effect.void)
    })
  )

  it.scoped("takes a trial with it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_000_000)
      const breaker = yield* make({ trialLimit: "5 seconds" })
      yield* opensAndWaits(breaker)
      yield* held(breaker)
      yield* TestClock.setTime(1_000_000)
      yield* isRefused(breaker)
      yield* TestClock.adjust("5 seconds")
      yield* breaker.run(Effect.void)
      yield* stateIs(breaker, "closed")
    })
  )

  it.scoped("takes what was counted with it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(10_000_000)
      const window = { duration: "1 minute", slices: 1 } as const
      const breaker = yield* make({ consecutive: "off", failures: 3, window })
      yield* fails(breaker, 2)
      yield* TestClock.setTime(1_000_000)
      yield* fails(breaker, 1)
      yield* stateIs(breaker, "open")
      yield* breaker.force("closed")
      yield* fails(breaker, 2)
      yield* TestClock.setTime(0)
      yield* breaker.run(Effect.void)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* breaker.state).failed, 0)
    })
  )
})
