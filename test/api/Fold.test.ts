import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { ChatChunk } from "../../src/api/Chat.js"
import * as Fold from "../../src/api/Fold.js"
import type { GenerateChunk } from "../../src/api/Generate.js"
import type { ToolCall } from "../../src/api/Shared.js"

const created_at = "2026-11-22T20:42:58.552275833Z"

const call = (index: number): ToolCall => ({ function: { index, name: `tool${index}`, arguments: { n: index } } })

const logprob = (token: string) => ({ token, logprob: -0.5 })

/** A text, cut anywhere, with the thinking before it. */
const pieces = FastCheck.record({
  thinking: FastCheck.array(FastCheck.string()),
  content: FastCheck.array(FastCheck.string({ unit: "binary" }))
})

describe("chat", () => {
  it("gives the whole text and thinking, however they were cut", () => {
    FastCheck.assert(
      FastCheck.property(pieces, ({ content, thinking }) => {
        const fold = Fold.chat()
        const chunks: Array<ChatChunk> = [
          ...thinking.map((part): ChatChunk => ({
            model: "m",
            created_at,
            message: { role: "assistant", content: "", thinking: part },
            done: false
          })),
          ...content.map((part): ChatChunk => ({
            model: "m",
            created_at,
            message: { role: "assistant", content: part },
            done: false
          }))
        ]
        for (const chunk of chunks) fold.add(chunk)
        assert.isUndefined(fold.result())
        assert.deepStrictEqual(
          fold.partial(),
          chunks.length === 0
            ? undefined
            : { text: content.join(""), thinking: thinking.join(""), tool_calls: [], chunks: chunks.length }
        )
        fold.add({ model: "m", created_at, message: { role: "assistant", content: "" }, done: true, eval_count: 3 })
        const result = fold.result()
        assert.strictEqual(result?.message.content, content.join(""))
        assert.strictEqual(result?.message.thinking ?? "", thinking.join(""))
        assert.strictEqual(result?.eval_count, 3)
      })
    )
  })

  it("collects tool calls and log probabilities from every chunk, the last one too", () => {
    const fold = Fold.chat()
    const message = { role: "assistant", content: "" }
    fold.add({ model: "m", created_at, message: { ...message, tool_calls: [call(0)] }, done: false })
    fold.add({ model: "m", created_at, message, done: false, logprobs: [logprob("a"), logprob("b")] })
    assert.deepStrictEqual(fold.partial()?.tool_calls, [call(0)])
    fold.add({
      model: "m",
      created_at,
      message: { ...message, tool_calls: [call(1), call(2)] },
      done: true,
      done_reason: "stop",
      logprobs: [logprob("c")]
    })
    assert.deepStrictEqual(fold.result(), {
      model: "m",
      created_at,
      message: { ...message, tool_calls: [call(0), call(1), call(2)] },
      done: true,
      done_reason: "stop",
      logprobs: [logprob("a"), logprob("b"), logprob("c")]
    })
  })

  it("takes a chunk that says why it ended for the last one", () => {
    const fold = Fold.chat()
    fold.add({ model: "m", created_at, message: { role: "assistant", content: "x" }, done: false, done_reason: "" })
    assert.isUndefined(fold.result())
    fold.add({
      model: "m",
      created_at,
      message: { role: "assistant", content: "y" },
      done: false,
      done_reason: "length"
    })
    assert.strictEqual(fold.result()?.message.content, "xy")
    assert.isTrue(fold.result()?.done)
  })

  it("hands out values that later chunks do not change", () => {
    const fold = Fold.chat()
    const chunk: ChatChunk = {
      model: "m",
      created_at,
      message: { role: "assistant", content: "x", tool_calls: [call(0)] },
      done: false
    }
    fold.add(chunk)
    const before = fold.partial()
    fold.add(chunk)
    assert.deepStrictEqual(before, { text: "x", thinking: "", tool_calls: [call(0)], chunks: 1 })
  })
})

describe("generate", () => {
  const chunk = (response: string, more?: Partial<GenerateChunk>): GenerateChunk => ({
    model: "m",
    created_at,
    response,
    done: false,
    ...more
  })

  it("gives the whole text, however it was cut", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.string({ unit: "binary" })), (parts) => {
        const fold = Fold.generate()
        for (const part of parts) fold.add(chunk(part))
        fold.add(chunk("", { done: true }))
        assert.strictEqual(fold.result()?.response, parts.join(""))
      })
    )
  })

  it("takes context, figures, tool calls and an image from the last chunk, and joins the rest", () => {
    const fold = Fold.generate()
    fold.add(chunk("", { thinking: "h", completed: 1, total: 2 }))
    fold.add(chunk("a", { thinking: "m", logprobs: [logprob("a")] }))
    const last = chunk("b", {
      done: true,
      done_reason: "stop",
      context: [1, 2],
      eval_count: 2,
      tool_calls: [call(0)],
      image: "AQID",
      logprobs: [logprob("b")]
    })
    fold.add(last)
    assert.deepStrictEqual(fold.result(), {
      ...last,
      response: "ab",
      thinking: "hm",
      logprobs: [logprob("a"), logprob("b")]
    })
  })
})
