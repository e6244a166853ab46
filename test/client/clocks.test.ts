import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { type OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { expectTag, expectTimeout, failsAt, within } from "../support/clock.js"
import {
  broken,
  chat,
  end,
  failure,
  late,
  model,
  psEmpty,
  request,
  silence,
  silent,
  stream,
  token,
  wait
} from "../support/replies.js"
import { make } from "../support/server.js"

const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } } as const
const toolCharacters = JSON.stringify([tool]).length

/** Both ways to get an answer, which have the same clocks. */
const calls: ReadonlyArray<
  [
    string,
    (
      client: OllamaClient.Service,
      options?: OllamaClient.CallOptions
    ) => Effect.Effect<unknown, OllamaError.OllamaError>
  ]
> = [
  ["chat", (client, options) => client.chat(request, options)],
  ["chatStream", (client, options) => Stream.runCollect(client.chatStream(request, options))]
]

describe("firstToken", () => {
  for (const [name, call] of calls) {
    it.scoped(`${name}: a Duration binds`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": stream(silence) })
        const client = yield* server.connect()
        const error = yield* failsAt(call(client, { policy: { timeouts: { firstToken: 1234 } } }), 1234)
        assert.isUndefined(expectTimeout(error, "firstToken", 1234).partial)
        assert.isTrue(server.at("/api/chat")[0]?.left)
      })
    )
  }

  it.scoped("auto: 30 seconds and a second for each 100 characters of all messages", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent })
      const client = yield* server.connect()
      const messages = [
        { role: "system", content: "s".repeat(50) },
        { role: "user", content: "u".repeat(950) }
      ]
      expectTimeout(yield* failsAt(client.chat({ model, messages }), 40_000), "firstToken", 40_000)
    })
  )

  it.scoped("auto: images do not count, and tools do", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent })
      const client = yield* server.connect()
      const images = [new Uint8Array(10_000)]
      const messages = [{ role: "user", content: "Hello", images }]
      expectTimeout(yield* failsAt(client.chat({ model, messages }), 30_050), "firstToken", 30_050)
    })
  )

  it.scoped("auto: at least five minutes with tools", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent })
      const client = yield* server.connect()
      const short = yield* failsAt(client.chat({ ...request, tools: [tool] }), 300_000)
      expectTimeout(short, "firstToken", 300_000)
      const long = { model, messages: [{ role: "user", content: "x".repeat(30_000) }], tools: [tool] }
      const limit = 330_000 + 10 * toolCharacters
      expectTimeout(yield* failsAt(client.chat(long), limit), "firstToken", limit)
    })
  )

  it.scoped("a Duration binds with tools, too", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [silent, stream(token("a"), silence)] })
      const client = yield* server.connect({ policy: Policy.make({ timeouts: { firstToken: 5000, gap: 6000 } }) })
      const withTools = { ...request, tools: [tool] }
      expectTimeout(yield* failsAt(client.chat(withTools), 5000), "firstToken", 5000)
      expectTimeout(yield* failsAt(client.chat(withTools), 6000), "gap", 6000)
    })
  )

  it.scoped("an empty list of tools is no tools", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent })
      const client = yield* server.connect()
      const error = yield* within(Effect.flip(client.chat({ ...request, tools: [] })))
      expectTimeout(error, "firstToken", 30_050 + 10 * "[]".length)
    })
  )

  it.scoped("an embedding's clock grows with its input", () =>
    Effect.gen(function* () {
      const server = make({ "/api/embed": silent, "/api/embeddings": silent })
      const client = yield* server.connect()
      const one = yield* failsAt(client.embed({ model, input: "x".repeat(1000) }), 40_000)
      expectTimeout(one, "firstToken", 40_000)
      const many = yield* failsAt(
        client.embed({ model, input: Array.from({ length: 10 }, () => "x".repeat(700)) }),
        100_000
      )
      expectTimeout(many, "firstToken", 100_000)
      const legacy = yield* failsAt(client.embeddings({ model, prompt: "x".repeat(100) }), 31_000)
      expectTimeout(legacy, "firstToken", 31_000)
    })
  )

  it.scoped("counts headers and empty lines as nothing", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": late(20_000, stream("\n", wait(5000), "\n", wait(5000), "\n", silence)) })
      const client = yield* server.connect()
      expectTimeout(yield* failsAt(client.chat(request), 30_050), "firstToken", 30_050)
    })
  )
})

describe("gap", () => {
  for (const [name, call] of calls) {
    it.scoped(`${name}: 30 seconds after the last chunk, with what had arrived`, () =>
      Effect.gen(function* () {
        const server = make({
          "/api/chat": stream(wait(10_000), token("a"), wait(29_999), token("b", { thinking: "hm" }), silence)
        })
        const client = yield* server.connect()
        const error = yield* failsAt(call(client), 10_000 + 29_999 + 30_000)
        const timeout = expectTimeout(error, "gap", 30_000)
        assert.deepStrictEqual(timeout.partial, { text: "ab", thinking: "hm", tool_calls: [], chunks: 2 })
        assert.isTrue(timeout.isRetryable)
        assert.strictEqual(server.at("/api/chat").length, 1)
        assert.isTrue(server.at("/api/chat")[0]?.left)
      })
    )

    it.scoped(`${name}: a part of a line is no chunk`, () =>
      Effect.gen(function* () {
        const dripping = Array.from({ length: 20 }, () => [wait(10_000), " "]).flat()
        const server = make({ "/api/chat": stream(token("a"), ...dripping, silence) })
        const client = yield* server.connect()
        expectTimeout(yield* failsAt(call(client), 30_000), "gap", 30_000)
      })
    )

    it.scoped(`${name}: a gap shorter than the first token's limit does not cut the wait for it`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": stream(wait(20_000), token("a"), wait(999), token("b"), silence) })
        const client = yield* server.connect()
        const error = yield* failsAt(call(client, { policy: { timeouts: { gap: "1 second" } } }), 21_999)
        expectTimeout(error, "gap", 1000)
      })
    )
  }

  it.scoped("with no clock for the first token the gap still counts", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(wait("1 minute"), token("a"), silence) })
      const client = yield* server.connect({ policy: Policy.merge(Policy.none, { timeouts: { gap: 700 } }) })
      expectTimeout(yield* failsAt(client.chat(request), 60_700), "gap", 700)
    })
  )

  it.scoped("at least five minutes with tools", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), silence) })
      const client = yield* server.connect()
      const error = yield* failsAt(client.chat({ ...request, tools: [tool] }), 300_000)
      expectTimeout(error, "gap", 300_000)
    })
  )
})

describe("a slow consumer", () => {
  it.scoped("is never timed out between two pulls", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), wait(1000), token("b"), wait(1000), end()) })
      const client = yield* server.connect()
      const read = client.chatStream(request).pipe(
        Stream.mapEffect((chunk) => Effect.as(Effect.sleep("2 minutes"), chunk.message.content)),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* within(read)), ["a", "b", ""])
    })
  )

  it.scoped("begins to wait when it pulls, and from then on the gap counts in full", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), silence) })
      const client = yield* server.connect()
      const read = Stream.runForEach(client.chatStream(request), () => Effect.sleep(100_000))
      expectTimeout(yield* failsAt(read, 130_000), "gap", 30_000)
    })
  )

  for (const transport of ["web", "node", "stream"] as const) {
    it.scoped(`is never timed out with the buffer full; the server is made to wait (${transport})`, () =>
      Effect.gen(function* () {
        const count = 5000
        const lines = Array.from({ length: count }, (_, i) => token(String(i)))
        const server = make({ "/api/chat": stream(...lines, end()) }, { transport })
        const client = yield* server.connect()
        const pulled = yield* Effect.fork(
          client.chatStream(request).pipe(
            Stream.mapChunksEffect((chunk) => Effect.as(Effect.sleep("1 minute"), chunk)),
            Stream.runCollect
          )
        )
        yield* TestClock.adjust("59 seconds")
        assert.isBelow(server.at("/api/chat")[0]?.sent ?? count, count / 2)
        yield* TestClock.adjust("2 hours")
        const chunks = Chunk.toReadonlyArray(yield* Fiber.join(pulled))
        assert.deepStrictEqual(
          chunks.slice(0, -1).map((chunk) => chunk.message.content),
          lines.map((_, i) => String(i))
        )
      })
    )
  }

  it.scoped("meets the total limit all the same", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), token("b"), wait(50_000), end()) })
      const client = yield* server.connect()
      const read = Stream.runForEach(
        client.chatStream(request, { policy: { timeouts: { total: "20 seconds" } } }),
        () => Effect.sleep("15 seconds")
      )
      // two chunks of 15 seconds each: the limit had passed when the consumer comes back
      const timeout = expectTimeout(yield* failsAt(read, 30_000), "total", 20_000)
      assert.strictEqual(timeout.partial?.chunks, 2)
      assert.isTrue(server.at("/api/chat")[0]?.left)
    })
  )
})

describe("total", () => {
  for (const [name, call] of calls) {
    it.scoped(`${name}: counts from the call, through the answer`, () =>
      Effect.gen(function* () {
        const dripping = Array.from({ length: 50 }, () => [token("a"), wait(1000)]).flat()
        const server = make({ "/api/chat": stream(...dripping, end()) })
        const client = yield* server.connect()
        const error = yield* failsAt(call(client, { policy: { timeouts: { total: 10_500 } } }), 10_500)
        const timeout = expectTimeout(error, "total", 10_500)
        assert.strictEqual(timeout.partial?.chunks, 11)
        assert.isFalse(timeout.isRetryable)
        assert.isTrue(server.at("/api/chat")[0]?.left)
      })
    )

    it.scoped(`${name}: counts over all attempts and the waits between them`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": [late(4000, failure(503, "server busy")), silent] })
        const client = yield* server.connect()
        const policy = { timeouts: { total: 10_000 }, retry: { jitter: "none", baseDelay: 1000 } } as const
        const timeout = expectTimeout(yield* failsAt(call(client, { policy }), 10_000), "total", 10_000)
        assert.deepStrictEqual(
          server.at("/api/chat").map((asked) => asked.at),
          [0, 5000]
        )
        assert.strictEqual(timeout.attempts.length, 1)
        assert.isUndefined(timeout.partial)
      })
    )

    it.scoped(`${name}: a wait that would end after it ends the call at once with the last failure`, () =>
      Effect.gen(function* () {
        const server = make({ "/api/chat": late(4000, failure(503, "server busy")) })
        const client = yield* server.connect()
        const policy = { timeouts: { total: 10_000 }, retry: { jitter: "none", baseDelay: 6000 } } as const
        expectTag(yield* failsAt(call(client, { policy }), 4000), "Overloaded")
      })
    )
  }

  it.scoped("covers the look at what is in memory", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": chat("a"), "/api/ps": silent })
      const client = yield* server.connect()
      const call = client.chat(request, { policy: { timeouts: { total: 300 } } })
      expectTimeout(yield* failsAt(call, 300), "total", 300)
      assert.strictEqual(server.at("/api/chat").length, 0)
    })
  )

  it.scoped("passes before a longer clock of a phase does", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent, "/api/ps": psEmpty, "/api/version": silent })
      const client = yield* server.connect({ policy: Policy.make({ timeouts: { total: 5000 } }) })
      expectTimeout(yield* failsAt(client.chat(request), 5000), "total", 5000)
      expectTimeout(yield* failsAt(client.version(), 5000), "total", 5000)
    })
  )
})

describe("Policy.none", () => {
  for (const [name, call] of calls) {
    it.scoped(`${name}: no clock, no look, one attempt`, () =>
      Effect.gen(function* () {
        const server = make({
          "/api/chat": [broken("ECONNREFUSED"), stream(wait("50 hours"), token("a"), wait("50 hours"), end())]
        })
        const client = yield* server.connect({ policy: Policy.none })
        expectTag(yield* within(Effect.flip(call(client))), "Unreachable")
        assert.strictEqual(server.at("/api/chat").length, 1)
        yield* within(call(client), "100 hours")
        assert.strictEqual(server.at("/api/ps").length, 0)
      })
    )
  }
})
