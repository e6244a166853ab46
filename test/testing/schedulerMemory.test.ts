import { assert, describe, it } from "@effect/vitest"
import { OllamaSimulator } from "effect-ollama/testing"
import { DateTime, Effect } from "effect"
import { has, read } from "./calls.js"
import { ask, resident, seconds, send, state } from "./scene.js"

const gigabyte = 1e9

const model = (name: string, size = 4, extra: Partial<OllamaSimulator.Model> = {}): OllamaSimulator.Model => ({
  name,
  size: size * gigabyte,
  ...extra
})

const world = (options: OllamaSimulator.Options = {}) =>
  OllamaSimulator.layer({
    models: [model("a"), model("b"), model("c"), model("d")],
    memory: 10 * gigabyte,
    loadTime: "1 second",
    tokenTime: "1 second",
    reply: "ok",
    ...options
  })

/** Loads it, and lets it become idle. */
const used = (name: string, extra: object = {}) =>
  Effect.gen(function* () {
    const request = yield* ask(name, extra)
    yield* seconds(2)
    assert.strictEqual((yield* request.end).status, 200)
  })

const expiries = Effect.map(read("/api/ps"), ({ models }) =>
  models.map(({ expires_at, name }) => [name.replace(":latest", ""), DateTime.unsafeMake(expires_at).epochMillis])
)

describe("memory", () => {
  it.effect("is made room for: the idle model that was not used for the longest time goes", () =>
    Effect.gen(function* () {
      yield* used("a")
      yield* used("b")
      yield* used("a")
      assert.deepStrictEqual((yield* state).memory, { used: 8 * gigabyte, total: 10 * gigabyte })
      yield* used("c")
      assert.deepStrictEqual(yield* resident, ["a", "c"])
      has(yield* state, { evictions: 1 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("takes the shortest keep_alive first", () =>
    Effect.gen(function* () {
      yield* used("a", { keep_alive: "10m" })
      yield* used("b", { keep_alive: "5m" })
      yield* used("c")
      assert.deepStrictEqual(yield* resident, ["a", "c"])
      yield* used("d", { keep_alive: -1 })
      yield* used("b")
      assert.deepStrictEqual(yield* resident, ["b", "d"])
    }).pipe(Effect.provide(world()))
  )

  it.effect("takes an idle model before a busy one, whatever their keep_alive", () =>
    Effect.gen(function* () {
      yield* used("a", { keep_alive: "1h" })
      yield* ask("b", { keep_alive: "1s" })
      yield* ask("c")
      yield* seconds(2)
      assert.deepStrictEqual(yield* resident, ["b", "c"])
    }).pipe(Effect.provide(world({ models: [model("a"), model("b", 4, { tokenTime: "1 minute" }), model("c")] })))
  )

  it.effect("lets as many go as it takes", () =>
    Effect.gen(function* () {
      yield* used("a")
      yield* used("b")
      yield* used("big")
      assert.deepStrictEqual(yield* resident, ["big"])
      has(yield* state, { evictions: 2 })
    }).pipe(Effect.provide(world({ models: [model("a"), model("b"), model("big", 9)] })))
  )

  it.effect("is waited for while answers run, and everything behind waits with it", () =>
    Effect.gen(function* () {
      const busy = yield* ask("a", { keep_alive: "1m" })
      const other = yield* ask("b", { keep_alive: "2m" })
      yield* seconds(2)
      const head = yield* ask("c")
      const behind = yield* ask("small")
      const now = yield* state
      has(now, { isWaitingForRoom: true, queued: 1 })
      assert.isUndefined(now.loading)
      yield* seconds(5)
      has(yield* other.end, { at: 7000 })
      assert.isTrue((yield* state).isWaitingForRoom)
      yield* seconds(4)
      has(yield* busy.end, { at: 11_000 })
      assert.strictEqual((yield* state).loading, "c:latest")
      yield* seconds(7)
      has(yield* head.end, { at: 17_000 })
      has(yield* behind.end, { at: 18_000 })
      assert.deepStrictEqual(yield* resident, ["b", "c", "small"])
    }).pipe(
      Effect.provide(
        world({
          models: [model("a", 4, { tokenTime: "10 seconds" }), model("b"), model("c"), model("small", 1)],
          tokenTime: "5 seconds"
        })
      )
    )
  )

  it.effect("is made room for also when the client for whom it is has left", () =>
    Effect.gen(function* () {
      yield* ask("a")
      yield* ask("b")
      yield* seconds(2)
      const head = yield* ask("c")
      yield* head.leave
      const behind = yield* ask("d")
      has(yield* state, { isWaitingForRoom: true, queued: 1 })
      yield* seconds(60)
      assert.strictEqual((yield* behind.end).status, 200)
      assert.deepStrictEqual(yield* resident, ["b", "d"])
      has(yield* state, { evictions: 1, loads: { begun: 3, finished: 3, aborted: 0, failed: 0 } })
    }).pipe(Effect.provide(world({ tokenTime: "10 seconds" })))
  )

  it.effect(
    "stays taken while new requests use what is to go, and as long as a keep_alive that one of them brings",
    () =>
      Effect.gen(function* () {
        yield* ask("a")
        yield* seconds(1)
        const head = yield* ask("big")
        yield* seconds(3)
        yield* ask("a")
        yield* seconds(2)
        has(yield* state, { isWaitingForRoom: true })
        yield* ask("a", { keep_alive: "1m" })
        yield* seconds(8)
        has(yield* state, { isWaitingForRoom: true })
        assert.deepStrictEqual(yield* resident, ["a"])
        yield* seconds(58)
        assert.isTrue((yield* state).isWaitingForRoom)
        yield* seconds(8)
        has(yield* head.end, { at: 73_000 + 1000 + 4000, status: 200 })
        // it went when its own keep_alive was over
        has(yield* state, { evictions: 0 })
      }).pipe(Effect.provide(world({ models: [model("a"), model("big", 9)], tokenTime: "4 seconds" })))
  )

  it.effect("too small for a model at all: the load fails with the words for it, after all others have gone", () =>
    Effect.gen(function* () {
      yield* used("a")
      const { body, status } = yield* (yield* ask("huge")).end
      assert.strictEqual(status, 500)
      assert.match(body?.error ?? "", /^llama-server reported out-of-memory during startup: /)
      assert.deepStrictEqual(yield* resident, [])
      has(yield* state, { evictions: 1, loads: { begun: 2, finished: 1, aborted: 0, failed: 1 } })
    }).pipe(Effect.provide(world({ models: [model("a"), model("huge", 11)] })))
  )

  it.effect("too small, in the words of 0.24", () =>
    Effect.gen(function* () {
      const { body, status } = yield* (yield* send("/api/embed", { model: "huge", input: "x" })).end
      assert.strictEqual(status, 500)
      assert.strictEqual(body?.error, "model requires more system memory (12.0 GiB) than is available (7.5 GiB)")
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          models: [{ name: "huge", size: 12 * 2 ** 30 }],
          memory: 7.5 * 2 ** 30,
          version: "0.24.0"
        })
      )
    )
  )

  it.effect("may be full of models by number: three unless it is said", () =>
    Effect.gen(function* () {
      for (const name of ["a", "b", "c", "d"]) yield* used(name)
      assert.deepStrictEqual(yield* resident, ["b", "c", "d"])
    }).pipe(Effect.provide(world({ memory: Infinity })))
  )

  it.effect("may hold a single model", () =>
    Effect.gen(function* () {
      yield* used("a")
      const running = yield* ask("a")
      const next = yield* ask("b")
      yield* seconds(3)
      has(yield* running.end, { at: 3000 })
      has(yield* next.end, { at: 5000 })
      assert.deepStrictEqual(yield* resident, ["b"])
    }).pipe(Effect.provide(world({ maxLoaded: 1 })))
  )

  it.effect("takes models that are loaded from the start as far as they fit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* resident, ["a", "b"])
      assert.deepStrictEqual((yield* state).loads, { begun: 0, finished: 0, aborted: 0, failed: 0 })
    }).pipe(Effect.provide(world({ models: ["a", "b", "c"].map((name) => model(name, 4, { loaded: true })) })))
  )
})

describe("keep_alive", () => {
  it.effect("counts from the end of the last request, 0 lets go at once, a negative one never", () =>
    Effect.gen(function* () {
      yield* used("a", { keep_alive: 0 })
      assert.deepStrictEqual(yield* resident, [])
      yield* used("a", { keep_alive: 30 })
      yield* used("b", { keep_alive: "-1s" })
      yield* seconds(27)
      assert.deepStrictEqual(yield* resident, ["a", "b"])
      yield* seconds(1)
      assert.deepStrictEqual(yield* resident, ["b"])
      yield* seconds(1_000_000)
      assert.deepStrictEqual(yield* resident, ["b"])
      yield* ask("b", { messages: [], keep_alive: 0 })
      assert.deepStrictEqual(yield* resident, [])
      has(yield* state, { evictions: 0 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("is the one of the last request that sets it, for everybody", () =>
    Effect.gen(function* () {
      yield* used("a", { keep_alive: "1h" })
      yield* used("a")
      assert.deepStrictEqual(yield* expiries, [["a", 3000 + 3_600_000]])
      yield* used("a", { keep_alive: 5 })
      yield* seconds(5)
      assert.deepStrictEqual(yield* resident, [])
    }).pipe(Effect.provide(world()))
  )

  it.effect("shows as expires_at: from now on before the first idle moment, not renewed while busy", () =>
    Effect.gen(function* () {
      yield* ask("a")
      assert.deepStrictEqual(yield* expiries, [])
      yield* seconds(1)
      assert.deepStrictEqual(yield* expiries, [["a", 11_000]])
      yield* seconds(5)
      assert.deepStrictEqual(yield* expiries, [["a", 16_000]])
      yield* seconds(15)
      assert.deepStrictEqual(yield* expiries, [["a", 31_000]])
      yield* ask("a")
      yield* seconds(15)
      assert.deepStrictEqual(yield* expiries, [["a", 31_000]])
      yield* seconds(5)
      assert.deepStrictEqual(yield* expiries, [["a", 51_000]])
      yield* ask("b", { keep_alive: -1 })
      yield* seconds(1)
      const [[first, at] = [], [second] = []] = yield* expiries
      assert.deepStrictEqual([first, second], ["b", "a"])
      assert.isAbove(Number(at), 290 * 365 * 86_400_000)
    }).pipe(Effect.provide(world({ keepAlive: "10 seconds", tokenTime: "20 seconds" })))
  )
})

describe("/api/ps", () => {
  it.effect("answers at once while a model loads, which it does not show", () =>
    Effect.gen(function* () {
      yield* ask("a")
      assert.deepStrictEqual((yield* read("/api/ps")).models, [])
    }).pipe(Effect.provide(world()))
  )

  it.effect("waits for the end of a load where the server does that", () =>
    Effect.gen(function* () {
      const gone = yield* ask("a")
      const next = yield* ask("b")
      const fiber = yield* Effect.fork(read("/api/ps"))
      yield* gone.leave
      yield* seconds(1)
      const { models } = yield* fiber
      assert.deepStrictEqual(
        models.map(({ name }) => name),
        ["b:latest"]
      )
      yield* seconds(1)
      assert.strictEqual((yield* next.end).status, 200)
    }).pipe(Effect.provide(world({ psBlocksDuringLoad: true })))
  )
})
