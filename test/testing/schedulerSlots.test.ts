import { assert, describe, it } from "@effect/vitest"
import { OllamaSimulator } from "effect-ollama/testing"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { chat, has, lines, type Wire } from "./calls.js"
import { ask, seconds, send, state } from "./scene.js"

const world = (options: OllamaSimulator.Options = {}) =>
  OllamaSimulator.layer({ models: [{ name: "a", loaded: true }], tokenTime: "1 second", reply: "ok so", ...options })

/** What the durations of the last chunk leave over: the wait for the model's turn, in nanoseconds. */
const waited = (body: Wire | undefined): number =>
  body === undefined
    ? NaN
    : body.total_duration - (body.load_duration || 0) - (body.prompt_eval_duration || 0) - (body.eval_duration || 0)

describe("the turns of a loaded model", () => {
  it.effect("are as many as the server allows, the others wait in order", () =>
    Effect.gen(function* () {
      const requests = yield* Effect.all(Array.from({ length: 5 }, () => ask("a")))
      const [model] = (yield* state).residents
      has(model, { slots: 2, answering: 2, waiting: 3 })
      yield* seconds(6)
      const ends = yield* Effect.all(requests.map(({ end }) => end))
      assert.deepStrictEqual(
        ends.map(({ at }) => at),
        [2000, 2000, 4000, 4000, 6000]
      )
      assert.deepStrictEqual((yield* state).peaks, { "a:latest": { inFlight: 5, answering: 2 } })
    }).pipe(Effect.provide(world({ parallel: 2 })))
  )

  it.effect("are given back at once by whoever leaves, in whatever phase", () =>
    Effect.gen(function* () {
      const running = yield* ask("a")
      const first = yield* ask("a")
      const second = yield* ask("a")
      yield* seconds(1)
      yield* first.leave
      yield* running.leave
      has((yield* state).residents[0], { answering: 1, waiting: 0 })
      yield* seconds(2)
      has(yield* second.end, { at: 3000, status: 200 })
      const now = yield* state
      has(now, { inFlight: 0 })
      has(now.ended, { left: 2, completed: 1 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("are waited for without a limit: the queue for loads has nothing to do with it", () =>
    Effect.gen(function* () {
      const requests = yield* Effect.all(Array.from({ length: 30 }, () => ask("a")))
      has((yield* state).residents[0], { answering: 1, waiting: 29 })
      yield* seconds(60)
      for (const { end } of requests) assert.strictEqual((yield* end).status, 200)
    }).pipe(Effect.provide(world({ maxQueue: 0 })))
  )

  it.effect("are one for models that only embed, and for families that cannot", () =>
    Effect.gen(function* () {
      yield* send("/api/embed", { model: "all-minilm", input: "x" })
      yield* send("/api/embeddings", { model: "all-minilm", prompt: "x" })
      yield* ask("vision")
      yield* ask("a")
      assert.deepStrictEqual(
        (yield* state).residents.map(({ answering, name, slots, waiting }) => [name, slots, answering, waiting]),
        [
          ["all-minilm:latest", 1, 1, 1],
          ["vision:latest", 1, 1, 0],
          ["a:latest", 4, 1, 0]
        ]
      )
    }).pipe(
      Effect.provide(
        world({
          models: ["a", "all-minilm", { name: "vision", family: "qwen3vlmoe" }],
          parallel: 4,
          promptTime: "1 second"
        })
      )
    )
  )

  it.effect("have their highest use counted, one after the other is one", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 3; i++) {
        yield* ask("a")
        yield* seconds(2)
      }
      assert.deepStrictEqual((yield* state).peaks, { "a:latest": { inFlight: 1, answering: 1 } })
      yield* Effect.all([ask("a"), ask("a"), ask("a")])
      assert.deepStrictEqual((yield* state).peaks, { "a:latest": { inFlight: 3, answering: 2 } })
    }).pipe(Effect.provide(world({ parallel: 2 })))
  )

  it.effect("are not taken by a request that only loads", () =>
    Effect.gen(function* () {
      yield* ask("a")
      has(yield* (yield* ask("a", { messages: [] })).end, { at: 0, status: 200 })
    }).pipe(Effect.provide(world()))
  )
})

describe("turns that all models have together", () => {
  const two = [
    { name: "a", loaded: true },
    { name: "b", loaded: true }
  ]

  it.effect("are given in the order of arrival, whatever the model", () =>
    Effect.gen(function* () {
      const requests = yield* Effect.all(["a", "a", "b", "a", "b"].map((model) => ask(model)))
      assert.deepStrictEqual(
        (yield* state).residents.map(({ answering, waiting }) => [answering, waiting]),
        [
          [2, 1],
          [0, 2]
        ]
      )
      yield* seconds(20)
      const ends = yield* Effect.all(requests.map(({ end }) => end))
      assert.deepStrictEqual(
        ends.map(({ at }) => at),
        [2000, 2000, 4000, 4000, 6000]
      )
    }).pipe(Effect.provide(world({ models: two, parallel: 2, together: 2 })))
  )

  it.effect("pass by whose own model gives no more, and come back from whoever leaves or dies", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      const running = yield* ask("a")
      yield* ask("a")
      const other = yield* ask("b")
      const second = yield* ask("b")
      yield* seconds(1)
      yield* simulator.crash("a")
      yield* seconds(0)
      has(yield* running.end, { at: 1000, status: 500 })
      has((yield* state).residents[1], { answering: 1, waiting: 1 })
      yield* other.leave
      yield* seconds(2)
      has(yield* second.end, { at: 3000, status: 200 })
    }).pipe(Effect.provide(world({ models: two, together: 2 })))
  )
})

describe("the durations of the last chunk", () => {
  it.effect("leave over exactly the wait for a turn; the wait behind loads is in load_duration", () =>
    Effect.gen(function* () {
      yield* ask("b")
      const requests = yield* Effect.all([ask("a"), ask("a"), ask("a")])
      yield* seconds(60)
      const bodies = yield* Effect.all(requests.map(({ end }) => Effect.map(end, ({ body }) => body)))
      assert.deepStrictEqual(
        bodies.map((body) => [body?.total_duration, body?.load_duration, waited(body)]),
        [
          [15e9, 10e9, 0],
          [20e9, 10e9, 5e9],
          [25e9, 10e9, 10e9]
        ]
      )
      for (const body of bodies) has(body, { prompt_eval_duration: 3e9, eval_duration: 2e9 })
    }).pipe(Effect.provide(world({ models: ["a", "b"], loadTime: "5 seconds", promptTime: "3 seconds" })))
  )

  it.effect("are the same in a stream", () =>
    Effect.gen(function* () {
      yield* ask("a")
      const fiber = yield* Effect.fork(Stream.runCollect(lines("/api/chat", chat({ model: "a" }))))
      yield* seconds(10)
      const last = Chunk.unsafeLast(yield* Fiber.join(fiber))
      has(last, { total_duration: 4e9, eval_duration: 2e9 })
      assert.isUndefined(last.load_duration)
      assert.strictEqual(waited(last), 2e9)
    }).pipe(Effect.provide(world()))
  )
})

describe("rates", () => {
  it.effect("take pieces of an answer for as many tokens as they are said to be", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Stream.runCollect(lines("/api/chat", chat({ model: "a" }))))
      yield* seconds(60)
      const said = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
      assert.deepStrictEqual(
        said.map((line) => Date.parse(line.created_at)),
        [0, 20_000, 21_000]
      )
      has(said[2], { eval_count: 21, eval_duration: 21e9 })
    }).pipe(Effect.provide(world({ reply: { content: ["one", "many"], tokens: [1, 20] } })))
  )

  it.effect("make loads grow with the size, prompts with their length, answers with their tokens", () =>
    Effect.gen(function* () {
      const request = yield* ask("a", { messages: [{ role: "user", content: "x".repeat(370) }] })
      yield* seconds(60)
      const { body } = yield* request.end
      has(body, {
        load_duration: 6e9,
        prompt_eval_count: 100,
        prompt_eval_duration: 0.5e9,
        eval_duration: 2e9 / 40,
        total_duration: 6.55e9
      })
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          models: [{ name: "a", size: 6e9, tokenRate: 40 }],
          loadRate: 1e9,
          promptRate: 200,
          tokenTime: "1 hour",
          reply: "ok so"
        })
      )
    )
  )

  it.effect("give way to a time at the same place, and to anything that the model says itself", () =>
    Effect.gen(function* () {
      yield* ask("a")
      assert.strictEqual((yield* state).loading, "a:latest")
      yield* seconds(3)
      assert.isUndefined((yield* state).loading)
      yield* ask("b")
      yield* seconds(2)
      assert.isUndefined((yield* state).loading)
      assert.strictEqual((yield* state).loads.finished, 2)
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          models: ["a", { name: "b", size: 4e9, loadRate: 2e9 }],
          loadTime: "3 seconds",
          loadRate: 1
        })
      )
    )
  )

  it.effect("and times are stretched for what begins after a slowdown", () =>
    Effect.gen(function* () {
      const control = yield* OllamaSimulator.OllamaSimulator
      const before = yield* ask("a")
      yield* control.slowDown(3)
      yield* seconds(2)
      has(yield* before.end, { at: 2000 })
      const after = yield* ask("a")
      yield* seconds(6)
      has(yield* after.end, { at: 8000 })
      yield* control.slowDown(1)
      const load = yield* ask("b")
      yield* seconds(12)
      has(yield* load.end, { at: 20_000 })
    }).pipe(Effect.provide(world({ models: [{ name: "a", loaded: true }, "b"], loadTime: "10 seconds" })))
  )
})
