import { assert, describe, it } from "@effect/vitest"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { Effect, Either, Fiber, Stream } from "effect"
import { chat, codeOf, get, has, lines, read } from "./calls.js"
import { ask, resident, seconds, send, state } from "./scene.js"

const simulator = OllamaSimulator.OllamaSimulator

const world = (options: OllamaSimulator.Options = {}) =>
  OllamaSimulator.layer({
    models: ["a", "b"],
    loadTime: "10 seconds",
    promptTime: "5 seconds",
    tokenTime: "1 second",
    reply: "one two three",
    ...options
  })

const errorOf = (name: Fault.TextName): string => JSON.parse(Fault.texts[name].body).error

/** A streamed chat under way: what came until its end. */
const stream = (model = "a") =>
  Effect.fork(
    Effect.gen(function* () {
      const got: Array<string> = []
      const result = yield* Effect.either(
        Stream.runForEach(lines("/api/chat", chat({ model })), (line) =>
          Effect.sync(() => got.push(line.error ?? (line.done ? "done" : line.message.content)))
        )
      )
      return { got, code: Either.isLeft(result) ? codeOf(result.left) : undefined }
    })
  )

describe("a runner that crashes", () => {
  it.effect("ends streams with an error line, and whoever waits for it with a 500; the next request loads again", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const running = yield* stream()
      yield* seconds(16)
      const waiting = yield* ask("a")
      assert.isTrue(yield* control.crash("a"))
      assert.isFalse(yield* control.crash("a"))
      assert.deepStrictEqual(yield* Fiber.join(running), {
        got: ["one", " two", "an error was encountered while running the model: unexpected EOF"],
        code: undefined
      })
      has(yield* waiting.end, { at: 16_000, status: 500 })
      assert.strictEqual((yield* waiting.end).body?.error, "llama-server process no longer running: unknown ")
      has((yield* state).ended, { crashed: 2 })
      assert.deepStrictEqual(yield* resident, [])
      assert.deepStrictEqual(
        (yield* read("/api/ps")).models.map(({ name }) => name),
        ["a:latest"]
      )
      const next = yield* ask("a")
      assert.strictEqual((yield* state).loading, "a:latest")
      yield* seconds(18)
      assert.strictEqual((yield* next.end).status, 200)
      has(yield* state, { crashes: 1, evictions: 0, loads: { begun: 2, finished: 2, aborted: 0, failed: 0 } })
    }).pipe(Effect.provide(world()))
  )

  it.effect("is said otherwise while the prompt is read, and in an answer that comes in one piece", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const reading = yield* ask("a")
      yield* seconds(12)
      yield* control.crash("a:latest")
      assert.strictEqual((yield* reading.end).body?.error, errorOf("runner.stopped"))
      const answering = yield* ask("a")
      yield* seconds(16)
      yield* control.crash("A")
      has(yield* answering.end, { at: 28_000, status: 500 })
      assert.strictEqual((yield* answering.end).body?.error, errorOf("runner.eof"))
    }).pipe(Effect.provide(world()))
  )

  it.effect("is a 400 to an embed, a 500 to the older embeddings", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const embed = yield* send("/api/embed", { model: "all-minilm", input: "x" })
      const waiting = yield* send("/api/embed", { model: "all-minilm", input: "x" })
      const older = yield* send("/api/embeddings", { model: "all-minilm", prompt: "x" })
      yield* seconds(12)
      yield* control.crash("all-minilm")
      const ends = yield* Effect.all([embed.end, waiting.end, older.end])
      assert.deepStrictEqual(
        ends.map(({ body, status }) => [status, body?.error]),
        [
          [400, errorOf("runner.embedding")],
          [400, errorOf("runner.gone")],
          [500, errorOf("runner.gone")]
        ]
      )
    }).pipe(Effect.provide(world({ models: ["all-minilm"] })))
  )

  it.effect("while it loads ends its owner only", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const owner = yield* ask("a")
      const same = yield* ask("a")
      yield* seconds(5)
      yield* control.crash("a")
      const { at, body, status } = yield* owner.end
      assert.deepStrictEqual([at, status, body?.error], [5000, 500, errorOf("load.terminated")])
      yield* seconds(30)
      has(yield* same.end, { status: 200 })
      has(yield* state, { loads: { begun: 2, finished: 1, aborted: 0, failed: 1 } })
    }).pipe(Effect.provide(world()))
  )

  it.effect("lets go of what another model waits for", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* ask("a")
      yield* seconds(12)
      yield* ask("b")
      assert.isTrue((yield* state).isWaitingForRoom)
      yield* control.crash("a")
      yield* seconds(0)
      assert.strictEqual((yield* state).loading, "b:latest")
    }).pipe(Effect.provide(world({ maxLoaded: 1 })))
  )

  it.effect("speaks as its version does", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const owner = yield* ask("a")
      yield* control.crash("a")
      assert.strictEqual((yield* owner.end).body?.error, errorOf("old.terminatedSignal"))
      yield* ask("a")
      const waiting = yield* ask("a")
      yield* seconds(12)
      yield* control.crash("a")
      assert.strictEqual((yield* waiting.end).body?.error, errorOf("old.gone"))
    }).pipe(Effect.provide(world({ version: "0.24.0" })))
  )

  it.effect("is not there when the model is not", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      assert.isFalse(yield* control.crash("a"))
      assert.isFalse(yield* control.crash("nobody"))
      has(yield* state, { crashes: 0 })
    }).pipe(Effect.provide(world()))
  )
})

describe("Fault.crash", () => {
  it.effect("kills the runner after so many chunks of the request it hits", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* control.inject(Fault.crash(2, { times: 1 }))
      const hit = yield* stream()
      yield* seconds(1)
      const other = yield* ask("a")
      yield* seconds(60)
      assert.deepStrictEqual((yield* Fiber.join(hit)).got, ["one", " two", errorOf("runner.eof")])
      assert.strictEqual((yield* other.end).status, 500)
      has((yield* state).ended, { faulted: 1, crashed: 1 })
      const next = yield* ask("a")
      yield* seconds(60)
      assert.strictEqual((yield* next.end).status, 200)
    }).pipe(Effect.provide(world()))
  )

  it.effect("before the first chunk, in answers in one piece, and in embeds", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const end = (path: string, body: object) =>
        Effect.gen(function* () {
          const request = yield* send(path, body)
          yield* seconds(60)
          const { body: got, status } = yield* request.end
          return [status, got?.error]
        })
      yield* control.inject(Fault.crash(0, { times: 1 }), Fault.crash(2, { times: 1 }), Fault.crash(0))
      assert.deepStrictEqual(yield* end("/api/chat", chat({ model: "a" })), [500, errorOf("runner.stopped")])
      assert.deepStrictEqual(yield* end("/api/chat", chat({ model: "a" })), [500, errorOf("runner.eof")])
      assert.deepStrictEqual(yield* end("/api/embed", { model: "all-minilm", input: "x" }), [
        400,
        errorOf("runner.embedding")
      ])
      assert.strictEqual((yield* state).crashes, 3)
    }).pipe(Effect.provide(world({ models: ["a", "all-minilm"] })))
  )

  it.effect("after more chunks than there are lets the answer through, and says so", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* control.inject(Fault.crash(9))
      const bodies = { "/api/embed": { model: "all-minilm", input: "x" }, "/api/chat": chat({ model: "a" }) }
      for (const [path, body] of Object.entries(bodies)) {
        const request = yield* send(path, body)
        yield* seconds(60)
        assert.strictEqual((yield* request.end).status, 200)
      }
      has(yield* state, { crashes: 0, ended: { completed: 2, left: 0, faulted: 0, crashed: 0, stopped: 0 } })
    }).pipe(Effect.provide(world({ models: ["a", "all-minilm"] })))
  )
})

describe("a server that is shut down", () => {
  it.effect("breaks every connection at once, refuses new ones, and comes back with nothing in memory", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const running = yield* stream()
      yield* seconds(16)
      const waiting = yield* ask("a")
      const loading = yield* ask("b")
      const queued = yield* ask("c")
      yield* control.shutdown
      assert.deepStrictEqual(yield* Fiber.join(running), { got: ["one", " two"], code: "ECONNRESET" })
      for (const { end } of [waiting, loading, queued]) has(yield* end, { at: 16_000, code: "ECONNRESET" })
      assert.strictEqual(codeOf(yield* Effect.flip(get("/api/version"))), "ECONNREFUSED")
      yield* seconds(0)
      has(yield* state, {
        isUp: false,
        inFlight: 0,
        queued: 0,
        residents: [],
        ended: { completed: 0, left: 0, faulted: 0, crashed: 0, stopped: 4 },
        loads: { begun: 2, finished: 1, aborted: 1, failed: 0 }
      })
      yield* control.restart
      assert.deepStrictEqual((yield* read("/api/ps")).models, [])
      const after = yield* ask("a")
      yield* seconds(18)
      assert.strictEqual((yield* after.end).status, 200)
      assert.isTrue((yield* state).isUp)
    }).pipe(Effect.provide(world({ models: ["a", "b", "c"] })))
  )

  it.effect("leaves no connection that could be used again", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* get("/api/version")
      yield* control.shutdown
      yield* control.restart
      yield* control.inject(Fault.staleKeepAlive())
      assert.strictEqual((yield* get("/api/version")).status, 200)
      assert.isTrue(Either.isLeft(yield* Effect.either(get("/api/version"))))
    }).pipe(Effect.provide(world()))
  )

  it.effect("breaks off what a fault keeps silent", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* control.inject(Fault.stallAfter(1, { times: 1 }), Fault.blackHole())
      const stalled = yield* stream()
      yield* seconds(60)
      const unanswered = yield* ask("a")
      yield* control.shutdown
      assert.deepStrictEqual(yield* Fiber.join(stalled), { got: ["one"], code: "ECONNRESET" })
      assert.strictEqual((yield* unanswered.end).code, "ECONNRESET")
      yield* seconds(0)
      has((yield* state).ended, { stopped: 2 })
    }).pipe(Effect.provide(world()))
  )
})

describe("the counts of how requests ended", () => {
  it.effect("have each request once, whatever became of it", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* control.inject(Fault.resetAfter(1, { model: "b" }))
      const left = yield* ask("a")
      yield* left.leave
      yield* ask("b")
      const completed = yield* ask("a")
      yield* ask("nobody")
      yield* seconds(60)
      yield* completed.end
      const crashed = yield* stream()
      yield* seconds(6)
      yield* control.crash("a")
      assert.lengthOf((yield* Fiber.join(crashed)).got, 3)
      const now = yield* state
      assert.deepStrictEqual(now.ended, { completed: 2, left: 1, faulted: 1, crashed: 1, stopped: 0 })
      assert.deepStrictEqual(now.statuses, { 200: 3, 404: 1 })
      assert.strictEqual(now.inFlight, 0)
      assert.strictEqual((yield* control.requests).length, 5)
    }).pipe(Effect.provide(world()))
  )
})
