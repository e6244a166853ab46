/** A load that fails ends the attempts of all who wait for it with what the server said. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { Policy } from "effect-ollama"
import { expectTag, expectTimeout, failsAt, within } from "../support/clock.js"
import { callsOf, cold, loadAnswer, loadsOf } from "../support/loading.js"
import {
  broken,
  chat,
  embedding,
  empty,
  failure,
  html,
  json,
  late,
  model,
  psEmpty,
  type Reply,
  request,
  silent,
  stream
} from "../support/replies.js"
import { make } from "../support/server.js"

const once = Policy.make({ retry: { attempts: 1 } })
const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.tap(Effect.fork(effect), () => TestClock.adjust(0))

const busy = failure(503, "server busy, please try again.  maximum pending requests exceeded")

describe("all who wait have a failure of their own", () => {
  const failures: Readonly<Record<string, readonly [Reply, tag: string, fields: object]>> = {
    "queue full": [
      { ...busy, headers: { ...busy.headers, "retry-after": "7" } },
      "Overloaded",
      { by: "server", status: 503, phase: "load", retryAfter: Duration.seconds(7) }
    ],
    "out of memory": [
      failure(500, "model requires more system memory (8 GiB) than is available (4 GiB)"),
      "LoadFailed",
      {
        outOfMemory: true,
        phase: "load",
        detail: "model requires more system memory (8 GiB) than is available (4 GiB)"
      }
    ],
    "timed out to start": [
      failure(500, "timed out waiting for llama-server to start - "),
      "LoadFailed",
      { outOfMemory: false, phase: "load" }
    ],
    "not installed": [failure(404, `model '${model}' not found`), "ModelNotFound", { phase: "load", status: 404 }],
    refused: [broken("ECONNREFUSED"), "Unreachable", { reason: "refused", phase: "connect" }],
    reset: [broken("ECONNRESET"), "Unreachable", { reason: "reset", phase: "load" }],
    "no connection": [broken("UND_ERR_CONNECT_TIMEOUT"), "Timeout", { phase: "connect" }],
    gateway: [html(502), "Unreachable", { reason: "gateway", phase: "load" }],
    "login page": [html(200), "Blocked", { by: "captivePortal", phase: "load" }],
    origin: [empty(403), "Blocked", { by: "hostHeader", phase: "load" }],
    "signed out": [failure(401, "unauthorized"), "Unauthorized", { phase: "load" }],
    crashed: [
      failure(500, "llama runner process has terminated: exit status 2"),
      "ServerError",
      { crashed: true, phase: "load" }
    ],
    "another 500": [failure(500, "permission denied"), "ServerError", { crashed: false, detail: "permission denied" }],
    "error line under 200": [json({ error: "permission denied" }), "ServerError", { status: 200, phase: "load" }]
  }
  for (const [name, [reply, tag, fields]] of Object.entries(failures)) {
    it.scoped(`${name}: ${tag}`, () =>
      Effect.gen(function* () {
        const server = make({
          "/api/chat": cold(chat("a"), late(5000, reply)),
          "/api/embed": cold(embedding),
          "/api/ps": psEmpty
        })
        const client = yield* server.connect({ policy: once })
        const first = yield* fork(Effect.flip(client.chat(request)))
        yield* TestClock.adjust(2000)
        const second = yield* fork(Effect.flip(client.chat({ ...request, model: "llama3.2:latest" })))
        const third = yield* fork(Effect.flip(client.embed({ model, input: "x" })))
        yield* TestClock.adjust(3000)
        const all = [yield* Fiber.join(first), yield* Fiber.join(second), yield* Fiber.join(third)] as const
        assert.strictEqual(new Set(all).size, 3)
        for (const error of all) {
          assert.strictEqual(error._tag, tag)
          assert.deepInclude({ ...error }, fields)
          assert.strictEqual(error.host, "http://127.0.0.1:11434")
          assert.isUndefined(error.partial)
          assert.deepStrictEqual(error.attempts, [])
        }
        assert.deepStrictEqual(
          all.map((error) => [error.endpoint, error.model, Duration.toMillis(error.elapsed)]),
          [
            ["/api/chat", model, 5000],
            ["/api/chat", "llama3.2:latest", 3000],
            ["/api/embed", model, 3000]
          ]
        )
        assert.strictEqual(loadsOf(server).length, 1)
        assert.strictEqual(callsOf(server).length, 0)
      })
    )
  }

  it.scoped("without the credentials that the server may repeat", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(chat("a"), failure(500, "permission denied for Bearer sk-12345678")),
        "/api/ps": psEmpty
      })
      const client = yield* server.connect({ policy: once, apiKey: Redacted.make("sk-12345678") })
      const error = yield* Effect.flip(client.chat(request))
      assert.include(error.detail, "permission denied")
      assert.notInclude(JSON.stringify(error), "sk-12345678")
    })
  )
})

describe("after a load that failed", () => {
  it.scoped("each one's policy decides, and the next attempts share another load", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(chat("a"), [late(1000, busy), late(1000, busy), late(1000, loadAnswer)]),
        "/api/ps": psEmpty
      })
      const retry = { jitter: "none", baseDelay: "1 second", factor: 1 } as const
      const client = yield* server.connect({ policy: Policy.make({ retry }) })
      const patient = yield* fork(client.chat(request))
      const other = yield* fork(client.chat(request))
      const impatient = yield* fork(Effect.flip(client.chat(request, { policy: { retry: { attempts: 2 } } })))
      yield* TestClock.adjust(5000)
      yield* Fiber.join(Fiber.zip(patient, other))
      const error = expectTag(yield* Fiber.join(impatient), "Overloaded")
      assert.deepStrictEqual(
        error.attempts.map((attempt) => [attempt.tag, attempt.phase, attempt.status]),
        [["Overloaded", "load", 503]]
      )
      assert.strictEqual(Duration.toMillis(error.elapsed), 3000)
      assert.deepStrictEqual(
        loadsOf(server).map((seen) => seen.at),
        [0, 2000, 4000]
      )
      assert.strictEqual(callsOf(server).length, 2)
    })
  )

  it.scoped("one who comes later begins another one, and those who leave before it fails learn nothing", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": cold(chat("a"), [late(1000, failure(500, "permission denied")), loadAnswer]),
        "/api/ps": psEmpty
      })
      const client = yield* server.connect({ policy: once })
      const left = yield* fork(client.chat(request))
      yield* Fiber.interrupt(left)
      yield* TestClock.adjust(1000)
      yield* client.chat(request)
      assert.strictEqual(loadsOf(server).length, 2)
    })
  )
})

describe("what only the request without a prompt has wrong", () => {
  const odd: Readonly<Record<string, Reply>> = {
    unsupported: failure(400, `"${model}" does not support chat`),
    "an option": failure(500, 'option "num_ctx" must be of type integer'),
    "a proxy that wants a prompt": failure(400, "messages is required"),
    "no such path": { ...empty(404, { "content-type": "text/plain" }), body: ["404 page not found"] },
    "lines for an answer": stream('{"a":1}\n', '{"a":2}\n'),
    "an answer that is cut off": { ...json({}), body: ['{"model":"ll'] },
    nothing: empty(200)
  }
  for (const [name, reply] of Object.entries(odd)) {
    it.scoped(`${name}: the call goes out itself, on the load clock`, () =>
      Effect.gen(function* () {
        const server = make({
          "/api/chat": cold(late(300_000, chat("a")), late(1000, reply)),
          "/api/ps": psEmpty
        })
        const client = yield* server.connect()
        const answer = yield* within(client.chat(request))
        assert.strictEqual(answer.message.content, "a")
        assert.strictEqual(loadsOf(server).length, 1)
      })
    )
  }

  it.scoped("is the call's own to say, when it is wrong, too", () =>
    Effect.gen(function* () {
      const no = failure(400, `"${model}" does not support chat`)
      const server = make({ "/api/chat": no, "/api/ps": psEmpty })
      const client = yield* server.connect()
      const error = expectTag(yield* Effect.flip(client.chat(request)), "InvalidRequest")
      assert.strictEqual(error.issue, "unsupported")
      assert.strictEqual(server.at("/api/chat").length, 2)
    })
  )

  it.scoped("is not so at another endpoint: those who wait for that one load once more", () =>
    Effect.gen(function* () {
      const no = late(1000, failure(400, `"${model}" does not support chat`))
      const server = make({
        "/api/chat": no,
        "/api/embed": cold(embedding, late(1000, json({ model, embeddings: [] }))),
        "/api/ps": psEmpty
      })
      const client = yield* server.connect()
      const wrong = yield* fork(Effect.flip(client.chat(request)))
      const right = yield* fork(
        Effect.all([client.embed({ model, input: "x" }), client.embed({ model, input: "y" })], { concurrency: 2 })
      )
      yield* TestClock.adjust(2000)
      expectTag(yield* Fiber.join(wrong), "InvalidRequest")
      yield* Fiber.join(right)
      assert.deepStrictEqual(
        server.at("/api/embed").map((seen) => seen.at),
        [1000, 2000, 2000]
      )
    })
  )

  it.scoped("is not so at another endpoint, and the clock of those who wait goes on", () =>
    Effect.gen(function* () {
      const no = late(1000, failure(400, `"${model}" does not support chat`))
      const server = make({ "/api/chat": no, "/api/embed": silent, "/api/ps": psEmpty })
      const client = yield* server.connect()
      yield* fork(Effect.flip(client.chat(request)))
      const embed = client.embed({ model, input: "x" }, { policy: { timeouts: { load: 5000 } } })
      expectTimeout(yield* failsAt(embed, 5000), "load", 5000)
    })
  )
})
