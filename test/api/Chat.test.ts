import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Chat from "../../src/api/Chat.js"
import * as OllamaError from "../../src/OllamaError.js"
import { problemsOf } from "./problems.js"

const at = "2026-11-22T20:42:58.552275833Z"

const piece = (content: string, more?: Partial<Chat.ChatChunk>): Chat.ChatChunk => ({
  model: "llama3.2",
  created_at: at,
  message: { role: "assistant", content },
  done: false,
  ...more
})

describe("ChatRequest", () => {
  const encode = Schema.encodeSync(Chat.ChatRequest)

  it("is sent in the names and forms of the wire", () => {
    assert.deepStrictEqual(
      encode({
        model: "llama3.2",
        messages: [
          { role: "user", content: "What is this?", images: [new Uint8Array([1, 2, 3]), "BAUG"] },
          {
            role: "assistant",
            content: "",
            tool_calls: [{ id: "call_1", function: { index: 0, name: "look", arguments: { z: 1, a: null } } }]
          },
          { role: "tool", content: "a cat", tool_name: "look", tool_call_id: "call_1" }
        ],
        keep_alive: Duration.minutes(5),
        think: "low",
        format: { type: "object" },
        options: { num_ctx: 8192 },
        logprobs: true,
        top_logprobs: 20,
        truncate: false,
        shift: false
      }),
      {
        model: "llama3.2",
        messages: [
          { role: "user", content: "What is this?", images: ["AQID", "BAUG"] },
          {
            role: "assistant",
            content: "",
            tool_calls: [{ id: "call_1", function: { index: 0, name: "look", arguments: { z: 1, a: null } } }]
          },
          { role: "tool", content: "a cat", tool_name: "look", tool_call_id: "call_1" }
        ],
        keep_alive: 300,
        think: "low",
        format: { type: "object" },
        options: { num_ctx: 8192 },
        logprobs: true,
        top_logprobs: 20,
        truncate: false,
        shift: false
      }
    )
  })

  it("never sends undefined", () => {
    const sent = encode({
      model: "m",
      messages: [{ role: "user", content: "x", images: undefined }],
      tools: undefined,
      options: undefined,
      keep_alive: undefined
    })
    assert.deepStrictEqual(Object.keys(sent), ["model", "messages"])
    assert.deepStrictEqual(Object.keys(sent.messages[0] ?? {}), ["role", "content"])
  })

  it("takes the message of an answer back as it is", () => {
    const answer = Schema.decodeUnknownSync(Chat.ChatChunk, { onExcessProperty: "preserve" })({
      ...piece("hello"),
      message: { role: "assistant", content: "hello", thinking: null, new_in_a_later_version: true }
    })
    assert.deepStrictEqual(encode({ model: "m", messages: [answer.message] }).messages, [
      { role: "assistant", content: "hello" }
    ])
  })

  it("names every field that is wrong", () => {
    const wrong = {
      model: "",
      messages: [{ role: "user", content: ["x"], images: ["data:image/png;base64,AQID"] }, { content: "y" }],
      keep_alive: "5 minutes",
      top_logprobs: 21,
      tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }]
    }
    const paths = problemsOf(Chat.ChatRequest, wrong).map((problem) => problem.split(": ")[0])
    assert.deepStrictEqual(paths.toSorted(), [
      "keep_alive",
      "messages.0.content",
      "messages.0.images.0",
      "messages.1.role",
      "model",
      "tools.0.function.parameters.properties",
      "top_logprobs"
    ])
  })

  it("whatever it accepts, it sends the same after a way over the wire", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Chat.ChatRequest), (request) => {
        const sent = encode(request)
        assert.deepStrictEqual(encode(Schema.decodeSync(Chat.ChatRequest)(sent)), sent)
      }),
      { numRuns: 30 }
    )
  })
})

describe("ChatChunk", () => {
  const decode = Schema.decodeUnknownSync(Chat.ChatChunk, { onExcessProperty: "preserve" })

  it("keeps unknown fields, takes null as absent and arguments in their order", () => {
    const chunk = decode({
      model: "m",
      created_at: at,
      message: {
        role: "assistant",
        content: "",
        thinking: null,
        tool_calls: [{ function: { name: "f", arguments: { z: 1, a: { b: null } } } }]
      },
      done: true,
      done_reason: "a reason of tomorrow",
      eval_count: null,
      later: [1]
    })
    assert.deepStrictEqual<unknown>(chunk, {
      model: "m",
      created_at: at,
      message: {
        role: "assistant",
        content: "",
        tool_calls: [{ function: { name: "f", arguments: { z: 1, a: { b: null } } } }]
      },
      done: true,
      done_reason: "a reason of tomorrow",
      later: [1]
    })
    assert.deepStrictEqual(Object.keys(chunk.message.tool_calls?.[0]?.function.arguments ?? {}), ["z", "a"])
  })

  it("takes a last chunk without done", () => {
    const { done: _, ...chunk } = piece("x", { done_reason: "stop" })
    assert.deepStrictEqual(decode(chunk), { ...chunk, done: false })
    assert.deepStrictEqual(decode({ ...chunk, done: null }), { ...chunk, done: false })
  })

  it("refuses what is no chunk", () => {
    for (const value of [{}, [], "x", { error: "x" }, { ...piece("x"), message: { role: "assistant" } }]) {
      assert.throws(() => decode(value))
    }
  })
})

describe("collect", () => {
  const last = piece("", { done: true, done_reason: "stop", eval_count: 2, total_duration: 5_000_000 })

  it.effect("gives the last chunk with everything that had come", () =>
    Effect.gen(function* () {
      const answer = yield* Chat.collect(Stream.make(piece("Hel"), piece("lo"), last))
      assert.deepStrictEqual(answer, { ...last, message: { role: "assistant", content: "Hello" } })
    })
  )

  it.effect("fails with what had come when the last chunk does not", () =>
    Effect.gen(function* () {
      const slow = Stream.make(piece("Hel"), piece("lo")).pipe(
        Stream.concat(Stream.drain(Stream.fromEffect(TestClock.adjust("2 seconds"))))
      )
      const error = yield* Effect.flip(Chat.collect(slow))
      assert.instanceOf(error, OllamaError.StreamInterrupted)
      assert.deepStrictEqual(error.partial, { text: "Hello", thinking: "", tool_calls: [], chunks: 2 })
      assert.strictEqual(error.model, "llama3.2")
      assert.strictEqual(error.endpoint, "/api/chat")
      assert.strictEqual(error.phase, "gap")
      assert.strictEqual(Duration.toMillis(error.elapsed), 2000)
    })
  )

  it.effect("fails without a partial answer when nothing had come", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Chat.collect(Stream.empty))
      assert.isUndefined(error.partial)
      assert.strictEqual(error.phase, "firstToken")
    })
  )

  it.effect("passes the stream's own failure on, and can be run again", () =>
    Effect.gen(function* () {
      const failing = Chat.collect(Stream.concat(Stream.make(piece("x")), Stream.fail("no")))
      assert.strictEqual(yield* Effect.flip(failing), "no")
      const working = Chat.collect(Stream.make(piece("x"), last))
      yield* working
      assert.strictEqual((yield* working).message.content, "x")
    })
  )
})

describe("text", () => {
  it.effect("gives the pieces that are not empty", () =>
    Effect.gen(function* () {
      const pieces = yield* Stream.runCollect(
        Chat.text(
          Stream.make(
            piece("", { message: { role: "assistant", content: "", thinking: "hm" } }),
            piece("Hel"),
            piece(""),
            piece("lo")
          )
        )
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(pieces), ["Hel", "lo"])
    })
  )
})
