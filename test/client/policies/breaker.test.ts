/** The breakers of a client: what opens them, what they refuse, and how they close. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Policy } from "effect-ollama"
import { expectTag, within } from "../../support/clock.js"
import {
  chat,
  embedding,
  end,
  errorLine,
  failure,
  ps,
  refused,
  type Reply,
  request,
  silence,
  silent,
  stream,
  token,
  version
} from "../../support/replies.js"
import { make } from "../../support/server.js"

const once: Policy.Patch = { retry: { attempts: 1 }, concurrency: "off" }

/** A server whose chat answers what it is told to. */
const scripted = (first: Reply) => {
  let reply = first
  let isUp = true
  const server = make({
    "/api/chat": () => (isUp ? reply : refused),
    "/api/embed": () => (isUp ? embedding : refused),
    "/api/version": () => (isUp ? version : refused),
    "/api/ps": () => (isUp ? ps() : refused)
  })
  return {
    server,
    answers: (next: Reply) =>
      Effect.sync(() => {
        reply = next
      }),
    goes: (up: boolean) =>
      Effect.sync(() => {
        isUp = up
      })
  }
}

const crash = failure(500, "llama runner process has terminated: exit status 2")

describe("the breaker of a model", () => {
  it.scoped("opens at the fourth failure of four, and says how long it stays so and why", () =>
    Effect.gen(function* () {
      const { server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 4; n++) expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
      yield* TestClock.adjust("1 second")
      const error = expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
      assert.strictEqual(Duration.toMillis(error.retryAfter), 4000)
      assert.strictEqual(error.lastFailure.tag, "ServerError")
      assert.strictEqual(error.model, "llama3.2")
      assert.strictEqual(error.endpoint, "/api/chat")
      assert.strictEqual(error.phase, "prepare")
      assert.strictEqual(server.at("/api/chat").length, 4)
      // other models of the host go on
      yield* client.embed({ model: "nomic-embed-text", input: "x" })
    })
  )

  it.scoped("is the same for every spelling of the model's name", () =>
    Effect.gen(function* () {
      const { server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (const model of ["llama3.2", "llama3.2:latest", "LLAMA3.2", "library/llama3.2"]) {
        yield* Effect.flip(client.chat({ ...request, model }))
      }
      expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
    })
  )

  it.scoped("lets one call try after the wait, and closes when it succeeds", () =>
    Effect.gen(function* () {
      const { answers, server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 4; n++) yield* Effect.flip(client.chat(request))
      yield* TestClock.adjust("5 seconds")
      yield* answers({ ...chat("Hello"), delay: "2 seconds" })
      const trial = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("1 second")
      expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(trial)
      yield* within(client.chat(request), "3 seconds")
    })
  )

  it.scoped("opens for twice as long when the trial fails", () =>
    Effect.gen(function* () {
      const { server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 4; n++) yield* Effect.flip(client.chat(request))
      yield* TestClock.adjust("5 seconds")
      expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
      const error = expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
      assert.strictEqual(Duration.toMillis(error.retryAfter), 10_000)
    })
  )

  it.scoped("counts a stream by its end, and one that is left not at all", () =>
    Effect.gen(function* () {
      const { answers, server } = scripted(stream(token("a"), errorLine("out of memory")))
      const client = yield* server.connect({ policy: Policy.make(once) })
      const read = Stream.runDrain(client.chatStream(request))
      for (let n = 0; n < 3; n++) yield* Effect.flip(read)
      yield* answers(stream(token("a"), token("b"), silence))
      for (let n = 0; n < 10; n++) yield* Stream.runDrain(Stream.take(client.chatStream(request), 1))
      const left = yield* Effect.fork(read)
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(left)))
      yield* answers(stream(token("a"), errorLine("out of memory")))
      assert.notStrictEqual((yield* Effect.flip(read))._tag, "CircuitOpen")
      expectTag(yield* Effect.flip(read), "CircuitOpen")
    })
  )

  it.scoped("does not count the caller's own mistakes", () =>
    Effect.gen(function* () {
      const { server } = scripted(failure(400, "invalid format"))
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 30; n++) expectTag(yield* Effect.flip(client.chat(request)), "InvalidRequest")
    })
  )

  it.scoped("is passed by a call that switches it off", () =>
    Effect.gen(function* () {
      const { server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 4; n++) yield* Effect.flip(client.chat(request))
      expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
      expectTag(yield* Effect.flip(client.chat(request, { policy: { breaker: "off" } })), "ServerError")
    })
  )

  it.scoped("gives the trial back when its call is interrupted, in every phase", () =>
    Effect.gen(function* () {
      const { answers, server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 4; n++) yield* Effect.flip(client.chat(request))
      yield* TestClock.adjust("5 seconds")
      for (const reply of [silent, stream(silence), stream(token("a"), silence)]) {
        yield* answers(reply)
        const trial = yield* Effect.fork(Stream.runDrain(client.chatStream(request)))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(trial)
      }
      yield* answers(stream(token("a"), end()))
      yield* Stream.runDrain(client.chatStream(request))
    })
  )
})

describe("the breaker of a host", () => {
  it.scoped("opens after five failures to connect, for all models, and a read may still ask", () =>
    Effect.gen(function* () {
      const { goes, server } = scripted(chat("Hello"))
      const client = yield* server.connect({ policy: Policy.make(once) })
      yield* goes(false)
      for (let n = 0; n < 5; n++) expectTag(yield* Effect.flip(client.chat(request)), "Unreachable")
      const sent = server.seen.length
      const error = expectTag(yield* Effect.flip(client.embed({ model: "other", input: "x" })), "CircuitOpen")
      assert.strictEqual(error.lastFailure.tag, "Unreachable")
      assert.isTrue(Duration.between(error.retryAfter, { minimum: "750 millis", maximum: "1250 millis" }))
      assert.strictEqual(server.seen.length, sent)
      expectTag(yield* Effect.flip(client.version()), "Unreachable")
      yield* goes(true)
      // that it answers is known at once
      yield* client.version()
      yield* client.chat(request)
    })
  )

  it.scoped("ends a call whose own attempts opened it with the failure that did", () =>
    Effect.gen(function* () {
      const { goes, server } = scripted(chat("Hello"))
      const client = yield* server.connect({ policy: Policy.make({ retry: { attempts: 10 } }) })
      yield* goes(false)
      const error = expectTag(yield* within(Effect.flip(client.chat(request)), "1 minute"), "Unreachable")
      assert.strictEqual(error.attempts.length, 4)
    })
  )

  it.scoped("does not open for what was answered, whatever it was", () =>
    Effect.gen(function* () {
      const { server } = scripted(failure(503, "server busy, please try again.  maximum pending requests exceeded"))
      const client = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 30; n++) expectTag(yield* Effect.flip(client.chat(request)), "Overloaded")
    })
  )
})

describe("both breakers", () => {
  it.scoped("are off where the policy says so", () =>
    Effect.gen(function* () {
      const { server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make({ ...once, breaker: "off" }) })
      for (let n = 0; n < 30; n++) expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
    })
  )

  it.scoped("are those of one client: another one has its own", () =>
    Effect.gen(function* () {
      const { answers, server } = scripted(crash)
      const client = yield* server.connect({ policy: Policy.make(once) })
      const other = yield* server.connect({ policy: Policy.make(once) })
      for (let n = 0; n < 4; n++) yield* Effect.flip(client.chat(request))
      yield* answers(chat("Hello"))
      expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
      yield* other.chat(request)
    })
  )
})
