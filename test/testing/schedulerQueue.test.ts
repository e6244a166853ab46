import { assert, describe, it } from "@effect/vitest"
import { OllamaSimulator } from "effect-ollama/testing"
import { Effect } from "effect"
import { has } from "./calls.js"
import { ask, resident, seconds, send, state } from "./scene.js"

const world = (options: OllamaSimulator.Options = {}) =>
  OllamaSimulator.layer({ models: ["a", "b", "c", "d"], loadTime: "10 seconds", maxLoaded: 9, reply: "ok", ...options })

const busy = "server busy, please try again.  maximum pending requests exceeded"

describe("the queue for loads", () => {
  it.effect("loads one model at a time, in the order of arrival", () =>
    Effect.gen(function* () {
      const requests = [yield* ask("c"), yield* ask("a"), yield* ask("b")]
      for (const [index, name] of ["c", "a", "b"].entries()) {
        const now = yield* state
        assert.strictEqual(now.loading, `${name}:latest`)
        assert.strictEqual(now.queued, 2 - index)
        assert.strictEqual(now.loads.begun, index + 1)
        yield* seconds(10)
      }
      const ends = yield* Effect.all(requests.map(({ end }) => end))
      assert.deepStrictEqual(
        ends.map(({ at, body }) => [at, body?.load_duration]),
        [
          [10_000, 10e9],
          [20_000, 20e9],
          [30_000, 30e9]
        ]
      )
      assert.deepStrictEqual((yield* state).loads, { begun: 3, finished: 3, aborted: 0, failed: 0 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("lets requests for what is loaded pass by", () =>
    Effect.gen(function* () {
      yield* ask("a")
      yield* ask("b")
      const warm = yield* ask("c")
      has(yield* warm.end, { at: 0, status: 200 })
      assert.strictEqual((yield* state).queued, 1)
    }).pipe(Effect.provide(world({ models: ["a", "b", { name: "c", loaded: true }] })))
  )

  it.effect("sheds what finds no place, with Ollama's words, also an embed", () =>
    Effect.gen(function* () {
      yield* ask("a")
      yield* ask("b")
      yield* ask("c")
      for (const shed of [yield* ask("d"), yield* ask("a"), yield* send("/api/embed", { model: "b", input: "x" })]) {
        const { body, status } = yield* shed.end
        assert.strictEqual(status, 503)
        assert.deepStrictEqual(Object(body), { error: busy })
      }
      const now = yield* state
      assert.strictEqual(now.queued, 2)
      assert.deepStrictEqual(now.statuses, { 503: 3 })
      assert.deepStrictEqual(now.peaks["a:latest"], { inFlight: 1, answering: 0 })
      yield* seconds(10)
      assert.isFalse(yield* (yield* ask("d")).isOver)
    }).pipe(Effect.provide(world({ maxQueue: 2 })))
  )

  it.effect("without places sheds while the worker is busy, and only then", () =>
    Effect.gen(function* () {
      const first = yield* ask("a")
      assert.strictEqual((yield* (yield* ask("b")).end).status, 503)
      yield* seconds(10)
      assert.strictEqual((yield* first.end).status, 200)
      const second = yield* ask("b")
      yield* seconds(10)
      has(yield* second.end, { status: 200, at: 20_000 })
    }).pipe(Effect.provide(world({ maxQueue: 0 })))
  )

  it.effect("keeps the place of a client that left until the worker comes to it, and loads nothing for it", () =>
    Effect.gen(function* () {
      yield* ask("a")
      const gone = yield* ask("b")
      yield* ask("c")
      yield* gone.leave
      assert.strictEqual((yield* state).queued, 2)
      assert.strictEqual((yield* (yield* ask("d")).end).status, 503)
      yield* seconds(10)
      const now = yield* state
      assert.strictEqual(now.loading, "c:latest")
      assert.strictEqual(now.queued, 0)
      yield* seconds(10)
      assert.deepStrictEqual(yield* resident, ["a", "c"])
      assert.deepStrictEqual((yield* state).loads, { begun: 2, finished: 2, aborted: 0, failed: 0 })
    }).pipe(Effect.provide(world({ maxQueue: 2 })))
  )

  it.effect("throws the load away with its owner; the next in line begins at once, the same model from zero", () =>
    Effect.gen(function* () {
      const owner = yield* ask("a")
      const other = yield* ask("b")
      const same = yield* ask("a")
      yield* seconds(9)
      yield* owner.leave
      has(yield* state, { loading: "b:latest", loads: { begun: 2, finished: 0, aborted: 1, failed: 0 } })
      yield* seconds(10)
      has(yield* other.end, { at: 19_000, status: 200 })
      yield* seconds(10)
      has(yield* same.end, { at: 29_000, status: 200 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("has one load for all who wait for the same model", () =>
    Effect.gen(function* () {
      const requests = yield* Effect.all([ask("a"), ask("a"), ask("a")])
      yield* seconds(10)
      for (const { end } of requests) has(yield* end, { at: 10_000, status: 200 })
      assert.strictEqual((yield* state).loads.begun, 1)
    }).pipe(Effect.provide(world()))
  )
})

describe("options of the loaded process", () => {
  it.effect("lead to another load only when they differ from what is loaded", () =>
    Effect.gen(function* () {
      const loads = (extra: object) =>
        Effect.gen(function* () {
          const before = (yield* state).loads.begun
          const request = yield* ask("a", extra)
          yield* seconds(10)
          assert.strictEqual((yield* request.end).status, 200)
          return (yield* state).loads.begun - before
        })
      assert.strictEqual(yield* loads({}), 1)
      assert.strictEqual(yield* loads({ options: { temperature: 0, seed: 1, stop: ["x"] } }), 0)
      assert.strictEqual(yield* loads({ options: { num_ctx: 4096, num_batch: 512, num_thread: 0 } }), 0)
      assert.strictEqual(yield* loads({ options: { num_ctx: 999_999 }, shift: true }), 0)
      assert.strictEqual(yield* loads({ options: { num_gpu: 10 } }), 1)
      assert.strictEqual(yield* loads({}), 0)
      assert.strictEqual(yield* loads({ shift: false }), 1)
      assert.strictEqual(yield* loads({ options: { use_mmap: false } }), 1)
      assert.strictEqual(yield* loads({ options: { num_ctx: 1 } }), 1)
      assert.strictEqual((yield* state).residents[0]?.contextLength, 4)
      assert.strictEqual((yield* state).evictions, 0)
    }).pipe(Effect.provide(world()))
  )

  it.effect("make the worker wait for what runs, while more of it may still come in", () =>
    Effect.gen(function* () {
      const running = yield* ask("a")
      yield* seconds(10)
      const reload = yield* ask("a", { options: { num_ctx: 2048 } })
      const behind = yield* ask("b")
      has(yield* state, { isWaitingForRoom: true, queued: 1 })
      yield* seconds(3)
      const late = yield* ask("a")
      yield* seconds(1)
      has(yield* running.end, { at: 14_000 })
      assert.isTrue((yield* state).isWaitingForRoom)
      yield* seconds(4)
      has(yield* late.end, { at: 18_000 })
      assert.strictEqual((yield* state).loading, "a:latest")
      yield* seconds(10 + 4)
      has(yield* reload.end, { at: 32_000, status: 200 })
      yield* seconds(10)
      has(yield* behind.end, { at: 42_000, status: 200 })
    }).pipe(Effect.provide(world({ tokenTime: "4 seconds" })))
  )
})
