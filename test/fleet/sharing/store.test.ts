/** Stores that fail, hang, die, or hold nonsense: no call is any different for it. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/TestClock"
import { Metrics, SharedState } from "effect-ollama"
import type { OllamaSimulator } from "effect-ollama/testing"
import { inOrder, model, request, settled, url } from "../scene.js"
import { modelOf, recorded, stateOf, world } from "./scene.js"

const loaded: OllamaSimulator.Options = { models: [{ name: model, loaded: true }], reply: "Hello there" }

/** A store that can be made to misbehave. */
const moody = (bad: () => Effect.Effect<never, unknown> | undefined) => {
  let documents = 0
  const layer = Layer.effect(
    SharedState.SharedState,
    Effect.map(SharedState.SharedState, (store): SharedState.Service => ({
      get: (keys) => Effect.suspend(() => bad() ?? store.get(keys)),
      set: (entries) =>
        Effect.suspend(() => {
          documents += entries.length
          return bad() ?? store.set(entries)
        })
    }))
  ).pipe(Layer.provide(SharedState.layerMemory))
  return { layer, documents: () => documents }
}

/** What is logged as a warning, or more. */
const listening = (warnings: Array<string>) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      if (logLevel._tag === "Warning" || logLevel._tag === "Error") warnings.push(String(message))
    })
  )

const looks = (outcome: string) =>
  Effect.map(Metric.value(Metric.tagged(Metrics.sharedExchanges, "ollama.outcome", outcome)), ({ count }) => count)

const misbehaving: Readonly<
  Record<string, { readonly outcome: string; readonly bad: () => Effect.Effect<never, unknown> }>
> = {
  "that fails": { outcome: "failed", bad: () => Effect.fail({ _tag: "StoreError", text: "password hunter2" }) },
  "that dies": { outcome: "failed", bad: () => Effect.die(new Error("password hunter2")) },
  "that throws": {
    outcome: "failed",
    bad: () => {
      throw new Error("password hunter2")
    }
  },
  "that hangs": { outcome: "late", bad: () => Effect.never },
  "that hangs and cannot be interrupted": { outcome: "late", bad: () => Effect.uninterruptible(Effect.never) }
}

describe("a store", () => {
  for (const [name, { bad, outcome }] of Object.entries(misbehaving)) {
    it.scoped(`${name} harms no call, is warned of once, and is used again once it is well`, () => {
      const warnings: Array<string> = []
      return Effect.gen(function* () {
        let isBad = true
        const { layer } = moody(() => (isBad ? bad() : undefined))
        const { sharing, simulators } = yield* world({ a: loaded, b: loaded }, layer)
        const before = yield* looks(outcome)
        const first = yield* sharing(inOrder("a", "b"))
        yield* settled
        for (let n = 0; n < 20; n++) {
          // on a clock that does not move, nobody can have waited for anything
          const { record, result } = yield* recorded(first, request, 0)
          assert.isTrue(Either.isRight(result), String(result))
          assert.strictEqual(record.host, url("a"))
          yield* TestClock.adjust("3 seconds")
        }
        yield* simulators.at("a").shutdown
        const { record } = yield* recorded(first, request, 0)
        assert.strictEqual(record.servedBy?.host, url("b"))
        assert.strictEqual(warnings.length, 1, warnings.join("\n"))
        assert.match(warnings[0] ?? "", /The store of shared state does not answer/)
        assert.notInclude(warnings.join(), "hunter2")
        assert.isAbove((yield* looks(outcome)) - before, 0)

        isBad = false
        yield* TestClock.adjust("2 minutes")
        if (name.includes("cannot be interrupted")) return
        const second = yield* sharing(inOrder("a", "b"))
        yield* TestClock.adjust("1 second")
        assert.isDefined(yield* modelOf(second, "b", `${model}:latest`))
      }).pipe(Effect.provide(listening(warnings)))
    })
  }

  const garbage: Readonly<Record<string, unknown>> = {
    "a text": "hello",
    null: null,
    "a list": [],
    "another version": { version: 2, clients: [] },
    "what is too large": { version: 1, clients: Array.from({ length: 1000 }, () => ({})) },
    "figures that cannot be": {
      version: 1,
      clients: [{ id: "0123456789abcdef", at: 0, loading: [100, 100, 1e300, 0, 0], models: [] }]
    }
  }

  for (const [name, value] of Object.entries(garbage)) {
    it.scoped(`that holds ${name} harms no call, and is written anew`, () => {
      const warnings: Array<string> = []
      return Effect.gen(function* () {
        const documents = new Map<string, unknown>([[`1 ${url("a")}`, value]])
        const { sharing } = yield* world(
          { a: loaded },
          Layer.succeed(SharedState.SharedState, {
            get: (keys) => Effect.sync(() => keys.map((key) => documents.get(key))),
            set: (entries) =>
              Effect.sync(() => {
                for (const { document, key } of entries) documents.set(key, document)
              })
          })
        )
        const one = yield* sharing()
        yield* settled
        const { result } = yield* recorded(one, request, 0)
        assert.isTrue(Either.isRight(result), String(result))
        yield* TestClock.adjust("20 seconds")
        assert.hasAllKeys(documents.get(`1 ${url("a")}`), ["version", "clients"])
        assert.notDeepEqual(documents.get(`1 ${url("a")}`), value)
        assert.isAtMost(warnings.length, 1)
      }).pipe(Effect.provide(listening(warnings)))
    })
  }

  it.scoped("that answers with something else than a list is no store, and harms no call", () =>
    Effect.gen(function* () {
      const odd = { get: () => Effect.succeed(undefined as never), set: () => Effect.void }
      const { sharing } = yield* world({ a: loaded }, Layer.succeed(SharedState.SharedState, odd))
      const one = yield* sharing()
      yield* settled
      assert.isTrue(Either.isRight((yield* recorded(one, request, 0)).result))
    })
  )

  it.scoped("whose clock is ahead says nothing, and one that is full of lies takes no host away", () =>
    Effect.gen(function* () {
      const lie = (id: string, at: number) => ({
        id,
        at,
        down: { since: at },
        open: { since: at, until: at + 3_600_000, cause: "Unreachable" },
        models: [{ name: `${model}:latest`, at, open: { since: at, until: at + 3_600_000, cause: "ServerError" } }]
      })
      let now = 0
      const { sharing } = yield* world(
        { a: loaded, b: loaded },
        Layer.succeed(SharedState.SharedState, {
          get: (keys) =>
            Effect.sync(() =>
              keys.map(() => ({
                version: 1,
                clients: [lie("00000000000000aa", now), lie("00000000000000bb", now + 3_600_000)]
              }))
            ),
          set: () => Effect.void
        })
      )
      const one = yield* sharing(inOrder("a", "b"))
      yield* settled
      for (let n = 0; n < 30; n++) {
        now += 1000
        const { record, result } = yield* recorded(one, request, "1 second")
        assert.isTrue(Either.isRight(result), String(result))
        assert.deepStrictEqual(record.attempts, [])
      }
      for (const host of ["a", "b"]) assert.strictEqual((yield* stateOf(one, host)).status, "up")
    })
  )

  it.scoped("is waited for at the start of the layer only as long as the program says", () =>
    Effect.gen(function* () {
      const { layer } = moody(() => Effect.never)
      const { sharing } = yield* world({ a: loaded }, layer)
      // without a word it is not waited for at all
      yield* sharing()
      const fiber = yield* Effect.fork(sharing({}, { waitAtStart: "500 millis" }))
      yield* TestClock.adjust("499 millis")
      assert.isTrue((yield* fiber.poll)._tag === "None")
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
    })
  )

  it.scoped("in memory forgets what was written first when it is full", () =>
    Effect.gen(function* () {
      const store = yield* Effect.provide(SharedState.SharedState, SharedState.layerMemory)
      const entry = (n: number) => ({ key: String(n), document: n, timeToLive: Duration.minutes(1) })
      yield* store.set(Array.from({ length: 4097 }, (_, n) => entry(n)))
      assert.deepStrictEqual(yield* store.get(["0", "1", "4096"]), [undefined, 1, 4096])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* store.get(["1"]), [undefined])
    })
  )
})
