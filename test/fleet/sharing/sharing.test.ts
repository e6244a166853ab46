/** What one fleet finds out, another one knows. */
import { assert, describe, it } from "@effect/vitest"
import { Persistence } from "@effect/experimental"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { type Fleet, SharedState } from "effect-ollama"
import { PersistedState } from "effect-ollama/shared"
import { Fault, type OllamaSimulator } from "effect-ollama/testing"
import { inOrder, model, request, settled, url } from "../scene.js"
import { cutOff, modelOf, recorded, stateOf, world } from "./scene.js"

const latest = `${model}:latest`

const loaded: OllamaSimulator.Options = { models: [{ name: model, loaded: true }], reply: "Hello there" }

const memory = PersistedState.layer().pipe(Layer.provide(Persistence.layerMemory))

/** Both have looked at the store. */
const exchanged = TestClock.adjust("10 seconds")

/** Two fleets over the hosts `a` and `b`, of which both ask `a` first. */
const two = (host: OllamaSimulator.Options, ofFirst: Partial<Fleet.Options> = {}) =>
  Effect.gen(function* () {
    const { sharing, simulators } = yield* world({ a: host, b: host }, memory)
    const first = yield* sharing({ ...inOrder("a", "b"), ...ofFirst })
    const second = yield* sharing(inOrder("a", "b"))
    yield* settled
    return { first, second, simulators }
  })

/** The same, of which the way of the first to all hosts can be cut. */
const oneToBeCut = Effect.gen(function* () {
  let isCut = false
  const { first, second, simulators } = yield* two(
    loaded,
    cutOff(() => isCut)
  )
  const cut = Effect.sync(() => {
    isCut = true
  })
  return { broken: first, sound: second, cut, simulators }
})

describe("what a fleet has learned", () => {
  const slow: OllamaSimulator.Options = {
    models: [{ name: model, size: 4e9 }],
    loadRate: 2e9,
    promptRate: 400,
    tokenRate: 20,
    reply: Array.from({ length: 60 }, () => "word ").join("")
  }

  it.scoped("another one knows before its first call, and after its maker is gone", () =>
    Effect.gen(function* () {
      const { sharing } = yield* world({ a: slow, b: slow }, memory)
      const learned = yield* Effect.scoped(
        Effect.gen(function* () {
          const first = yield* sharing(inOrder("a", "b"))
          yield* settled
          // how large it is, is seen when it was there once
          for (const keep_alive of ["5s", "5s", "1h"]) {
            const { result } = yield* recorded(first, { ...request, keep_alive }, "1 minute")
            assert.isTrue(Either.isRight(result), String(result))
          }
          yield* exchanged
          return { host: yield* stateOf(first, "a"), model: yield* modelOf(first, "a", latest) }
        })
      )
      const second = yield* sharing(inOrder("a", "b"))
      yield* TestClock.adjust("1 second")
      const host = yield* stateOf(second, "a")
      const known = yield* modelOf(second, "a", latest)
      assert.isDefined(learned.model?.generationRate)
      assert.closeTo(known?.generationRate ?? 0, learned.model?.generationRate ?? 0, 0.1)
      assert.closeTo(known?.promptRate ?? 0, learned.model?.promptRate ?? 0, 1)
      assert.closeTo(host.loadRate ?? 0, learned.host.loadRate ?? 0, 0.01)
      assert.closeTo(host.loadRate ?? 0, 2, 0.2)
    })
  )

  it.scoped("a blind one, or one of another store, does not know", () =>
    Effect.gen(function* () {
      const { blind, sharing } = yield* world({ a: slow }, memory)
      const first = yield* sharing()
      yield* settled
      yield* recorded(first, request, "1 minute")
      yield* exchanged
      const second = yield* blind()
      yield* exchanged
      assert.isUndefined((yield* modelOf(second, "a", latest))?.generationRate)
    })
  )

  it.scoped("fades: after its time nobody is told of it any more", () =>
    Effect.gen(function* () {
      const { sharing } = yield* world({ a: slow }, memory)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const first = yield* sharing()
          yield* settled
          yield* recorded(first, request, "1 minute")
          yield* exchanged
        })
      )
      yield* TestClock.adjust("61 minutes")
      const second = yield* sharing()
      yield* exchanged
      assert.isUndefined((yield* modelOf(second, "a", latest))?.generationRate)
    })
  )

  it.scoped("is not counted twice when it comes back, however long fleets tell each other", () =>
    Effect.gen(function* () {
      const { sharing, store } = yield* world({ a: slow }, memory)
      const first = yield* sharing()
      const second = yield* sharing()
      yield* settled
      yield* recorded(first, request, "1 minute")
      yield* recorded(second, request, "1 minute")
      yield* TestClock.adjust("1 minute")
      const [document] = yield* store.get([`1 ${url("a")}`])
      const { clients } = document as { readonly clients: ReadonlyArray<Record<string, ReadonlyArray<number>>> }
      assert.strictEqual(clients.length, 2)
      for (const { generating = [] } of clients) assert.isAtMost(generating[0] ?? 0, 1)
    })
  )

  it.scoped("of hosts at a loopback address is told only where that is wanted", () =>
    Effect.gen(function* () {
      const { sharing, store } = yield* world({ "127.0.0.1": slow }, memory)
      const first = yield* sharing()
      yield* settled
      yield* recorded(first, request, "1 minute")
      yield* exchanged
      assert.deepStrictEqual(yield* store.get([`1 ${url("127.0.0.1")}`]), [undefined])
      const second = yield* sharing({}, { loopback: true })
      yield* settled
      yield* recorded(second, request, "1 minute")
      yield* exchanged
      assert.notDeepEqual(yield* store.get([`1 ${url("127.0.0.1")}`]), [undefined])
    })
  )
})

describe("how many calls a host works on at once", () => {
  const twoAtOnce: OllamaSimulator.Options = {
    ...loaded,
    parallel: 2,
    models: [{ name: model, loaded: true, promptTime: "4 seconds" }]
  }

  it.scoped("another one knows", () =>
    Effect.gen(function* () {
      const { sharing } = yield* world({ a: twoAtOnce }, memory)
      const first = yield* sharing()
      yield* settled
      for (let round = 0; round < 2; round++) {
        yield* Effect.forEach([1, 2, 3, 4, 5], () => Effect.fork(first.client.chat(request)))
        yield* TestClock.adjust("30 seconds")
      }
      const own = yield* modelOf(first, "a", latest)
      yield* exchanged
      const second = yield* sharing()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(own?.parallelism, 2)
      // one of the two is for the first
      assert.strictEqual((yield* modelOf(second, "a", latest))?.parallelism, 1)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* modelOf(second, "a", latest))?.parallelism, 2)
    })
  )
})

describe("a host that is dead", () => {
  it.scoped("for one fleet is avoided by another before its first call fails", () =>
    Effect.gen(function* () {
      const { first, second, simulators } = yield* two(loaded)
      yield* simulators.at("a").shutdown
      yield* recorded(first, request, 0)
      assert.strictEqual((yield* stateOf(first, "a")).status, "down")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* stateOf(second, "a")).status, "down")
      const { record } = yield* recorded(second, request, 0)
      assert.deepStrictEqual(record.attempts, [])
      assert.strictEqual(record.host, url("b"))
      assert.strictEqual((yield* simulators.at("a").requests).filter(({ path }) => path === "/api/chat").length, 0)
    })
  )

  it.scoped("for a fleet with a broken network alone is not lost to the others", () =>
    Effect.gen(function* () {
      const { broken, cut, simulators, sound } = yield* oneToBeCut
      yield* cut
      yield* recorded(broken, request, "10 seconds")
      yield* TestClock.adjust("10 seconds")
      for (const host of ["a", "b"]) assert.strictEqual((yield* stateOf(broken, host)).status, "down")
      // it goes on saying so, and nobody minds
      for (let minute = 0; minute < 6; minute++) {
        yield* TestClock.adjust("20 seconds")
        const { record } = yield* recorded(sound)
        assert.strictEqual(record.host, url("a"))
        assert.deepStrictEqual([record.attempts, record.decisions], [[], []])
        assert.strictEqual((yield* stateOf(sound, "a")).status, "up")
      }
      const looks = (yield* simulators.at("a").requests).filter(({ path }) => path === "/api/ps").length
      assert.isBelow(looks, 30, "a look for each time that it says so would be one every 3 seconds")
    })
  )

  it.scoped("is not asked for twice: a suspicion ends with the answer", () =>
    Effect.gen(function* () {
      const { broken, cut, sound } = yield* oneToBeCut
      yield* cut
      yield* Effect.fork(Effect.either(broken.client.chat(request)))
      for (let n = 0; n < 20; n++) {
        const { record } = yield* recorded(sound, request, "250 millis")
        assert.deepStrictEqual(record.attempts, [])
      }
      const { record } = yield* recorded(sound, request, 0)
      assert.strictEqual(record.host, url("a"))
    })
  )

  it.scoped("and is back is asked again at once where another fleet has heard from it", () =>
    Effect.gen(function* () {
      const { first, second, simulators } = yield* two(loaded)
      yield* simulators.at("a").shutdown
      yield* recorded(first, request, 0)
      yield* recorded(second, request, 0)
      yield* TestClock.adjust("1 minute")
      yield* simulators.at("a").restart
      yield* TestClock.adjust("5 seconds")
      for (const one of [first, second]) assert.strictEqual((yield* stateOf(one, "a")).status, "up")
    })
  )
})

describe("a model that fails on a host", () => {
  const paced: OllamaSimulator.Options = { ...loaded, promptRate: 1000, tokenRate: 100 }

  it.scoped("for one fleet is on trial for another, whose own calls decide", () =>
    Effect.gen(function* () {
      const { first, second, simulators } = yield* two(paced)
      yield* simulators.at("a").inject(Fault.error("runner.stopped", { path: "/api/chat" }))
      for (let n = 0; n < 6; n++) yield* recorded(first)
      assert.strictEqual((yield* modelOf(first, "a", latest))?.breaker, "open")
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* modelOf(second, "a", latest))?.breaker, "halfOpen")
      yield* simulators.at("a").clearFaults
      for (let n = 0; n < 4; n++) {
        const { record } = yield* recorded(second)
        assert.strictEqual(record.host, url("a"))
      }
      assert.strictEqual((yield* modelOf(second, "a", latest))?.breaker, "closed")
      // and the other one hears that it works again, long before its own wait is over
      yield* TestClock.adjust("10 seconds")
      assert.notStrictEqual((yield* modelOf(first, "a", latest))?.breaker, "open")
      // when they look at the store is left to chance, and the first one's breaker opens for a few seconds only
    }).pipe(Effect.withRandom(Random.make("on trial")))
  )
})

describe("a fleet", () => {
  it.scoped("writes at most once a second, and seldom when nothing happens", () =>
    Effect.gen(function* () {
      let writes = 0
      const counting = Layer.effect(
        SharedState.SharedState,
        Effect.map(SharedState.SharedState, (store) => ({
          ...store,
          set: (entries: ReadonlyArray<SharedState.Entry>) =>
            Effect.zipRight(
              Effect.sync(() => writes++),
              store.set(entries)
            )
        }))
      ).pipe(Layer.provide(memory))
      const { sharing, simulators } = yield* world({ a: loaded, b: loaded }, counting)
      const one = yield* sharing(inOrder("a", "b"), { every: "1 second" })
      yield* settled
      for (let n = 0; n < 40; n++) {
        const simulator = simulators.at("a")
        yield* n % 4 === 0 ? simulator.shutdown : n % 4 === 2 ? simulator.restart : Effect.void
        yield* recorded(one, request, "250 millis")
      }
      assert.isAtMost(writes, 14)
      yield* simulators.at("a").restart
      yield* TestClock.adjust("10 seconds")
      writes = 0
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(writes, 4)
    })
  )

  it.scoped("tells nothing of calls, and none of what is sent along", () =>
    Effect.gen(function* () {
      const kept: Array<string> = []
      const listening = Layer.effect(
        SharedState.SharedState,
        Effect.map(SharedState.SharedState, (store) => ({
          ...store,
          set: (entries: ReadonlyArray<SharedState.Entry>) =>
            Effect.zipRight(
              Effect.sync(() => kept.push(JSON.stringify(entries))),
              store.set(entries)
            )
        }))
      ).pipe(Layer.provide(memory))
      const secret = "hunter2"
      const { sharing } = yield* world({ a: { ...loaded, reply: `the answer ${secret}` } }, listening)
      const one = yield* sharing({
        hosts: [
          {
            host: `http://user-${secret}:${secret}@a:11434`,
            apiKey: Redacted.make(`key-${secret}`),
            headers: { "x-tenant": `tenant-${secret}` }
          }
        ]
      })
      yield* settled
      const messages = [{ role: "user" as const, content: `the question ${secret}` }]
      yield* Effect.fork(
        one.client.chat({ model, messages }, { session: `session-${secret}`, policy: { retry: { attempts: 1 } } })
      )
      yield* exchanged
      yield* Effect.fork(Effect.either(one.client.chat({ model: `nobody-has-${secret}`, messages })))
      yield* exchanged
      assert.isAbove(kept.length, 0)
      assert.include(kept.join(), url("a"))
      assert.notInclude(kept.join(), secret)
    })
  )

  it.scoped("reads nothing and writes nothing once its Scope is closed", () =>
    Effect.gen(function* () {
      let looks = 0
      const counting = Layer.effect(
        SharedState.SharedState,
        Effect.map(SharedState.SharedState, (store) => ({
          ...store,
          get: (keys: ReadonlyArray<string>) =>
            Effect.zipRight(
              Effect.sync(() => looks++),
              store.get(keys)
            )
        }))
      ).pipe(Layer.provide(memory))
      const { sharing } = yield* world({ a: loaded }, counting)
      yield* Effect.scoped(Effect.zipRight(sharing(), settled))
      const before = looks
      assert.isAbove(before, 0)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(looks, before)
    })
  )
})
