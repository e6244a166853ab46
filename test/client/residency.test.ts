import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { expectTimeout, failsAt, within } from "../support/clock.js"
import {
  chat,
  embedding,
  empty,
  end,
  failure,
  html,
  json,
  late,
  loaded,
  model,
  noSuchPath,
  ps,
  psEmpty,
  refused,
  request,
  silence,
  silent,
  stream,
  token,
  wait
} from "../support/replies.js"
import { callsOf, cold, loadAnswer, loadsOf } from "../support/loading.js"
import { make } from "../support/server.js"

const firstToken = 30_000 + 10 * "Hello".length
const load = 300_000

describe("which clock a call runs on", () => {
  it.scoped("a model in memory: firstToken", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent })
      const client = yield* server.connect()
      const error = yield* failsAt(client.chat(request), firstToken)
      expectTimeout(error, "firstToken", firstToken)
      assert.strictEqual(server.at("/api/chat").length, 1)
    })
  )

  it.scoped("a model that is not in memory: the load clock while it is loaded, then firstToken", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(silent, [silent, late(load - 1, loadAnswer)]),
        "/api/ps": [psEmpty, psEmpty, psEmpty, psEmpty, ps()]
      })
      const client = yield* server.connect()
      const error = yield* failsAt(client.chat(request), load)
      expectTimeout(error, "load", load)
      assert.include(error.message, "still being loaded")
      assert.strictEqual(callsOf(server).length, 0)
      yield* TestClock.adjust("10 minutes")
      expectTimeout(
        yield* failsAt(client.chat(request, { policy: { timeouts: { firstToken: 7000 } } }), load - 1 + 7000),
        "firstToken",
        7000
      )
    })
  )

  const unknown = {
    "ps is late": late(501, ps()),
    "ps never answers": silent,
    "ps is refused": refused,
    "ps is not there": noSuchPath,
    "ps fails": failure(500, "no"),
    "ps is a web page": html(200),
    "ps is not JSON": { ...json({}), body: ["{"] },
    "ps has another shape": json({ models: { name: model } }),
    "ps is empty": empty(200)
  }
  for (const [name, reply] of Object.entries(unknown)) {
    it.scoped(`not known, because ${name}: the load clock, from when the request was sent`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": silent, "/api/ps": reply })
        const client = yield* server.connect()
        const patience = reply.delay === undefined ? 0 : 500
        const error = yield* failsAt(client.chat(request), patience + load)
        const { remedy } = expectTimeout(error, "load", load)
        assert.include(remedy, "/api/ps did not tell")
        assert.strictEqual(server.at("/api/chat")[0]?.at, patience)
      })
    )
  }

  it.scoped("not known: a chunk before the expiry ends the load clock", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": late(load - 1, stream(token("a"), end())), "/api/ps": refused })
      const client = yield* server.connect()
      const response = yield* within(client.chat(request))
      assert.strictEqual(response.message.content, "a")
    })
  )

  it.scoped("ps that answers after 500 ms exactly is waited for", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent, "/api/ps": late(499, ps()) })
      const client = yield* server.connect()
      const error = yield* failsAt(client.chat(request), 499 + firstToken)
      expectTimeout(error, "firstToken", firstToken)
    })
  )

  it.scoped("another name, or another num_ctx, is not in memory; the same ones are, however they are written", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": silent,
        "/api/ps": ps(loaded("llama3.2:latest", { context_length: 4096 }), loaded("qwen3:8b"))
      })
      const client = yield* server.connect()
      const phaseOf = (name: string, options: object = {}) =>
        Effect.map(
          within(Effect.flip(client.chat({ ...request, model: name, options: { ...options } }))),
          (error) => error.phase
        )
      assert.strictEqual(yield* phaseOf("llama3.2"), "firstToken")
      assert.strictEqual(yield* phaseOf("Llama3.2:LATEST"), "firstToken")
      assert.strictEqual(yield* phaseOf("registry.ollama.ai/library/llama3.2"), "firstToken")
      assert.strictEqual(yield* phaseOf("qwen3:8b:local"), "firstToken")
      assert.strictEqual(yield* phaseOf("llama3.2", { num_ctx: 4096 }), "firstToken")
      assert.strictEqual(yield* phaseOf("llama3.2", { num_ctx: 8192 }), "load")
      assert.strictEqual(yield* phaseOf("llama3.2", { temperature: 0 }), "firstToken")
      assert.strictEqual(yield* phaseOf("llama3.2:1b"), "load")
      assert.strictEqual(yield* phaseOf("qwen3"), "load")
      assert.strictEqual(yield* phaseOf("qwen3:8b", { num_ctx: 2048 }), "firstToken")
    })
  )
})

describe("what is asked of /api/ps", () => {
  it.scoped("one look for many calls at once, valid for two seconds", () =>
    Effect.gen(function* () {
      const server = make({ "/api/embed": silent, "/api/ps": late(100, ps()) })
      const client = yield* server.connect()
      const call = client.embed({ model, input: "x" })
      yield* Effect.forkScoped(
        Effect.all(
          Array.from({ length: 50 }, () => Effect.either(call)),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust(100)
      assert.strictEqual(server.at("/api/ps").length, 1)
      assert.strictEqual(server.at("/api/embed").length, 50)
      // the answer came at 100 ms
      yield* TestClock.adjust(1999)
      yield* Effect.forkScoped(Effect.either(call))
      yield* TestClock.adjust(0)
      assert.strictEqual(server.at("/api/ps").length, 1)
      yield* TestClock.adjust(1)
      yield* Effect.forkScoped(Effect.either(call))
      yield* TestClock.adjust(0)
      assert.strictEqual(server.at("/api/ps").length, 2)
    })
  )

  it.scoped("the look goes on when the first of those who wait for it leaves", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent, "/api/ps": late(400, ps()) })
      const client = yield* server.connect()
      const first = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust(100)
      const second = yield* Effect.fork(Effect.flip(client.chat(request)))
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust(10_000)
      assert.strictEqual(server.at("/api/ps").length, 1)
      yield* TestClock.adjust("10 minutes")
      const error = yield* Fiber.join(second)
      expectTimeout(error, "firstToken", firstToken)
      assert.isFalse(server.at("/api/ps")[0]?.left)
      assert.strictEqual(server.at("/api/chat").length, 1)
    })
  )

  const nothingAsked = [
    ["a cloud model", "gpt-oss:120b-cloud", undefined],
    ["a model with the tag cloud", "glm-4.6:cloud", undefined],
    ["ollama.com", "gpt-oss:120b", "https://ollama.com"]
  ] as const
  for (const [name, model, host] of nothingAsked) {
    it.scoped(`nothing for ${name}, which runs on firstToken`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": silent })
        const client = yield* server.connect(host === undefined ? {} : { host })
        const error = yield* failsAt(client.chat({ ...request, model }), firstToken)
        expectTimeout(error, "firstToken", firstToken)
        assert.strictEqual(server.at("/api/ps").length, 0)
      })
    )
  }

  it.scoped("a local model that is only named like a cloud", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": chat("a") })
      const client = yield* server.connect()
      yield* client.chat({ ...request, model: "word-cloud" })
      yield* client.chat({ ...request, model: "word-cloud:latest" })
      assert.strictEqual(server.at("/api/ps").length, 1)
    })
  )

  it.scoped("nothing where there is no clock that it would choose", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": chat("a"), "/api/version": json({ version: "1" }) })
      const client = yield* server.connect()
      yield* client.chat(request, { policy: { timeouts: { load: "none", firstToken: "none" } } })
      yield* client.version()
      yield* client.load({ model }).pipe(Effect.either)
      assert.strictEqual(server.at("/api/ps").length, 0)
    })
  )
})

describe("a model that has just answered", () => {
  const warmFor = (keepAlive: number | string | undefined, millis: number) =>
    it.scoped(`keep_alive ${keepAlive ?? "not given"}: in memory for ${millis} ms without asking`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": cold(chat("a")), "/api/ps": psEmpty })
        const client = yield* server.connect()
        const call = client.chat({ ...request, keep_alive: keepAlive })
        yield* call
        assert.strictEqual(server.at("/api/ps").length, 1)
        // what ps said is only valid for two seconds, so a later call without a second look knows it from the chunk
        if (millis > 2000) {
          yield* TestClock.adjust(millis - 1)
          yield* client.chat(request)
          assert.strictEqual(server.at("/api/ps").length, 1)
        }
      })
    )
  warmFor(undefined, 60_000)
  warmFor("1h30m", 60_000)
  warmFor(-1, 60_000)
  warmFor("-5m", 60_000)
  warmFor(30, 30_000)
  warmFor("2500ms", 2500)

  const coldAfter = (keepAlive: number | string | undefined, millis: number) =>
    it.scoped(`keep_alive ${keepAlive ?? "not given"}: asked for again after ${millis} ms`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": cold(chat("a"), [loadAnswer, silent]), "/api/ps": psEmpty })
        const client = yield* server.connect()
        yield* client.chat({ ...request, keep_alive: keepAlive })
        yield* TestClock.adjust(millis)
        const error = yield* within(Effect.flip(client.chat(request)))
        assert.strictEqual(error.phase, "load")
      })
    )
  coldAfter(undefined, 60_000)
  coldAfter(30, 30_000)
  coldAfter("2500ms", 2500)
  coldAfter(0, 0)

  it.scoped("counts from the last chunk of a long answer, too", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": [
          stream(token("a"), wait(29_000), token("b"), wait(29_000), token("c"), wait(29_000), end()),
          silent
        ]
      })
      const client = yield* server.connect()
      const answered = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust(87_000)
      yield* Fiber.join(answered)
      const call = yield* Effect.fork(Effect.flip(client.chat(request)))
      yield* TestClock.adjust(firstToken - 501)
      assert.strictEqual(server.at("/api/ps").length, 1)
      yield* TestClock.adjust(501)
      expectTimeout(yield* Fiber.join(call), "firstToken", firstToken)
    })
  )

  it.scoped("is asked for again with other reload options, and then with the first ones: they took its place", () =>
    Effect.gen(function* () {
      const loads = [loadAnswer, loadAnswer, silent]
      const server = make({ "/api/chat": cold([chat("a"), chat("b")], loads), "/api/ps": psEmpty })
      const client = yield* server.connect()
      yield* client.chat({ ...request, options: { num_ctx: 2048 } })
      yield* TestClock.adjust("3 seconds")
      yield* client.chat({ ...request, options: { num_ctx: 4096 } })
      assert.strictEqual(server.at("/api/ps").length, 2)
      yield* TestClock.adjust("3 seconds")
      const error = yield* within(Effect.flip(client.chat({ ...request, options: { num_ctx: 2048 } })))
      assert.strictEqual(error.phase, "load")
    })
  )

  it.scoped("is not in memory with reload options that ps does not tell", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(chat("a")) })
      const client = yield* server.connect()
      yield* client.chat(request)
      yield* client.chat({ ...request, options: { num_gpu: 0 } })
      yield* client.chat({ ...request, options: { num_gpu: 0, num_ctx: 512 } })
      assert.deepStrictEqual(
        loadsOf(server).map((seen) => seen.json),
        [{ model, options: { num_gpu: 0 }, stream: false }]
      )
    })
  )

  it.scoped("other options that need no reload are the same model", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": chat("a"), "/api/embed": embedding })
      const client = yield* server.connect()
      yield* client.chat({ ...request, options: { temperature: 1 } })
      yield* TestClock.adjust("10 seconds")
      yield* client.chat({ ...request, options: { temperature: 0, seed: 1 } })
      assert.strictEqual(server.at("/api/ps").length, 1)
    })
  )

  it.scoped("is asked for again after it was unloaded", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": [chat("a"), silent],
        "/api/generate": json({ model, created_at: "", done: true, done_reason: "unload" }),
        "/api/ps": [ps(), psEmpty]
      })
      const client = yield* server.connect()
      yield* client.chat(request)
      yield* client.unload({ model })
      const error = yield* within(Effect.flip(client.chat(request)))
      assert.strictEqual(error.phase, "load")
    })
  )

  const lost = {
    "its process crashed": failure(
      500,
      "model runner has unexpectedly stopped, this may be due to resource limitations"
    ),
    "the server went away": refused
  }
  for (const [name, reply] of Object.entries(lost)) {
    it.scoped(`is asked for again after ${name}: the second attempt has to load it`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": [chat("a"), reply, silent], "/api/ps": [ps(), psEmpty] })
        const client = yield* server.connect()
        yield* client.chat(request)
        const error = yield* within(Effect.flip(client.chat(request)))
        assert.strictEqual(error.phase, "load")
        assert.strictEqual(error.attempts.length, 1)
      })
    )
  }

  it.scoped("is remembered by a stream that is still running", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [stream(token("a"), silence), silent] })
      const client = yield* server.connect()
      yield* Effect.forkScoped(Stream.runDrain(client.chatStream(request)))
      yield* TestClock.adjust(3000)
      const error = yield* failsAt(client.chat(request), firstToken)
      expectTimeout(error, "firstToken", firstToken)
    })
  )
})
