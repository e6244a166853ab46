import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { expectTag, failsAt, within } from "../support/clock.js"
import {
  broken,
  chat,
  end,
  errorLine,
  failure,
  json,
  problem,
  request,
  silent,
  stream,
  token
} from "../support/replies.js"
import { make } from "../support/server.js"

/** Three attempts, five seconds apart, as the page this library started from has it. */
const threeAttempts = Schedule.intersect(Schedule.spaced("5 seconds"), Schedule.recurs(2))

/** Tells what it was asked. */
const listening = () => {
  const heard: Array<string> = []
  const schedule = Schedule.tapInput(threeAttempts, (error: OllamaError.OllamaError) =>
    Effect.sync(() => {
      heard.push(error._tag)
    })
  )
  return { heard, schedule }
}

const times = (server: ReturnType<typeof make>, path: string) => server.at(path).map((asked) => asked.at)

describe("retrySchedule", () => {
  it.scoped("of the layer: three attempts five seconds apart, for every call", () =>
    Effect.gen(function* () {
      const { heard, schedule } = listening()
      const server = make({ "/api/chat": broken("ECONNREFUSED"), "/api/version": failure(503, "busy") })
      const client = yield* server.connect({ retrySchedule: schedule })
      const error = yield* failsAt(client.chat(request), 10_000)
      expectTag(error, "Unreachable")
      assert.deepStrictEqual(times(server, "/api/chat"), [0, 5000, 10_000])
      assert.deepStrictEqual(heard, ["Unreachable", "Unreachable", "Unreachable"])
      assert.strictEqual(error.attempts.length, 2)
      yield* failsAt(client.version(), 10_000)
      assert.deepStrictEqual(times(server, "/api/version"), [10_000, 15_000, 20_000])
    })
  )

  it.scoped("of a call wins over the layer's, and both over the policy", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": broken("ECONNREFUSED") })
      const client = yield* server.connect({ retrySchedule: threeAttempts, policy: Policy.none })
      yield* failsAt(client.chat(request, { retrySchedule: Schedule.recurs(4) }), 0)
      assert.strictEqual(server.at("/api/chat").length, 5)
      yield* failsAt(Stream.runDrain(client.chatStream(request)), 10_000)
      assert.strictEqual(server.at("/api/chat").length, 8)
    })
  )

  it.scoped("in a client made by a layer", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [failure(503, "busy"), chat("a")] })
      const answered = OllamaClient.chat(request).pipe(
        Effect.provide(OllamaClient.layer({ retrySchedule: threeAttempts })),
        Effect.provide(server.layer)
      )
      assert.strictEqual((yield* within(answered)).message.content, "a")
      assert.deepStrictEqual(times(server, "/api/chat"), [0, 5000])
    })
  )

  it.scoped("begins anew with each call", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/version": [failure(503, "a"), failure(503, "b"), json({ version: "1" }), failure(503, "c")]
      })
      const client = yield* server.connect({ retrySchedule: threeAttempts })
      yield* within(client.version(), 10_000)
      yield* failsAt(client.version(), 10_000)
      assert.strictEqual(server.seen.length, 6)
    })
  )

  it.scoped(
    "sees failures that the policy itself would not send again: a timeout of a load is the user's to judge",
    () =>
      Effect.gen(function* () {
        const { heard, schedule } = listening()
        const server = make({ "/api/chat": [silent, chat("a")] })
        const client = yield* server.connect({
          retrySchedule: schedule,
          policy: Policy.make({ timeouts: { firstToken: 100 } })
        })
        yield* within(client.chat(request))
        assert.deepStrictEqual(heard, ["Timeout"])
        assert.deepStrictEqual(times(server, "/api/chat"), [0, 5100])
      })
  )

  const never = {
    "what no retry helps": failure(404, "model 'llama3.2' not found"),
    "the quota of the cloud": failure(429, "you have reached your weekly usage limit"),
    "a failure after a chunk": stream(token("a"), errorLine("x")),
    "an answer that ends after a chunk": stream(token("a")),
    "a connection that breaks after a chunk": stream(token("a"), { broken: problem("ECONNRESET") })
  }
  for (const [name, reply] of Object.entries(never)) {
    it.scoped(`does not see ${name}`, () =>
      Effect.gen(function* () {
        const { heard, schedule } = listening()
        const server = make({ "/api/chat": [reply, stream(token("b"), end())] })
        const client = yield* server.connect({ retrySchedule: schedule })
        yield* failsAt(client.chat(request), 0)
        assert.deepStrictEqual(heard, [])
        assert.strictEqual(server.at("/api/chat").length, 1)
        yield* within(Stream.runDrain(client.chatStream(request)))
      })
    )
  }

  it.scoped("a wait that would end after the total limit ends the call at once with the last failure", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": failure(503, "busy") })
      const client = yield* server.connect({ retrySchedule: threeAttempts })
      const call = client.chat(request, { policy: { timeouts: { total: 7000 } } })
      expectTag(yield* failsAt(call, 5000), "Overloaded")
      assert.deepStrictEqual(times(server, "/api/chat"), [0, 5000])
    })
  )

  it.scoped("can look at Retry-After itself", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [failure(503, "busy", { "retry-after": "42" }), chat("a")] })
      const asTold = Schedule.identity<OllamaError.OllamaError>().pipe(
        Schedule.addDelay((error) => (error._tag === "Overloaded" ? (error.retryAfter ?? 0) : 0))
      )
      const client = yield* server.connect({ retrySchedule: asTold })
      yield* within(client.chat(request))
      assert.deepStrictEqual(times(server, "/api/chat"), [0, 42_000])
    })
  )
})
