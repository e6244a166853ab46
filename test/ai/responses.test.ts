/** What comes of an answer: its parts, what is known of the call, and that leaving it stops the server. */
import * as IdGenerator from "@effect/ai/IdGenerator"
import * as LanguageModel from "@effect/ai/LanguageModel"
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaClient } from "effect-ollama"
import { OllamaLanguageModel } from "effect-ollama/ai"
import { OllamaSimulator } from "effect-ollama/testing"
import { end, model, stream, token } from "../support/replies.js"
import { make, type Route } from "../support/server.js"

const call = (name: string, args: object, id?: string) => ({
  ...(id !== undefined && { id }),
  function: { name, arguments: args }
})

const figures = { total_duration: 9, load_duration: 1, prompt_eval_count: 5, eval_count: 7, eval_duration: 4 }

const provided = (chat: Route) =>
  OllamaLanguageModel.layer({ model }).pipe(
    Layer.provide(OllamaClient.layer()),
    Layer.provide(make({ "/api/chat": chat }).layer)
  )

const whole = stream(
  token("", { thinking: "Hm" }),
  token("", { thinking: "." }),
  token("Hel"),
  token("lo"),
  end({ ...figures, created_at: "2026-01-01T00:00:00.123456789Z" })
)

describe("the parts of an answer", () => {
  it.effect("a whole one: metadata, thoughts, text, figures and the record of the call", () =>
    Effect.gen(function* () {
      const { content, usage } = yield* LanguageModel.generateText({ prompt: "Hi" })
      assert.deepStrictEqual(
        content.map(({ type }) => type),
        ["response-metadata", "reasoning", "text", "finish"]
      )
      const [metadata, , , finish] = content
      if (metadata?.type !== "response-metadata" || finish?.type !== "finish") return assert.fail("other parts")
      assert.deepStrictEqual(metadata.modelId, Option.some(model))
      assert.deepStrictEqual(metadata.id, Option.none())
      assert.strictEqual(Option.getOrThrow(metadata.timestamp).epochMillis, Date.parse("2026-01-01T00:00:00.123Z"))
      assert.deepInclude(usage, { inputTokens: 5, outputTokens: 7, totalTokens: 12 })
      const { record, ...rest } = finish.metadata.ollama ?? {}
      assert.deepStrictEqual(rest, { doneReason: "stop", total_duration: 9, load_duration: 1, eval_duration: 4 })
      assert.deepInclude(record, { operation: "chat", outcome: "success", model, chunks: 5 })
      assert.deepStrictEqual(record?.tokens, { prompt: 5, generated: 7 })
    }).pipe(Effect.provide(provided(whole)))
  )

  it.effect("a stream: each thought and text opened, continued and closed; the record at its end", () =>
    Effect.gen(function* () {
      const parts = [...(yield* Stream.runCollect(LanguageModel.streamText({ prompt: "Hi" })))]
      assert.deepStrictEqual(
        parts.map((part) =>
          "delta" in part ? [part.type, part.id, part.delta] : "id" in part ? [part.type, part.id] : [part.type]
        ),
        [
          ["response-metadata", Option.none()],
          ["reasoning-start", "0"],
          ["reasoning-delta", "0", "Hm"],
          ["reasoning-delta", "0", "."],
          ["reasoning-end", "0"],
          ["text-start", "1"],
          ["text-delta", "1", "Hel"],
          ["text-delta", "1", "lo"],
          ["text-end", "1"],
          ["finish"]
        ]
      )
      const finish = parts.at(-1)
      if (finish?.type !== "finish") return assert.fail("no finish")
      assert.deepInclude(finish.metadata.ollama?.record, { operation: "chat", outcome: "success", model, chunks: 5 })
      assert.strictEqual(finish.reason, "stop")
    }).pipe(Effect.provide(provided(whole)))
  )

  const Weather = Tool.make("weather", { parameters: { city: Schema.String }, success: Schema.Number })
  const toolkit = Toolkit.make(Weather)
  const handlers = toolkit.toLayer({ weather: ({ city }) => Effect.succeed(city.length) })

  it.effect("calls get an id where the server gives none, in whichever chunk they are", () =>
    Effect.gen(function* () {
      let made = 0
      const ids = { generateId: () => Effect.sync(() => `own${made++}`) }
      const answer = stream(
        token("", { tool_calls: [call("weather", { city: "Oslo" }), call("weather", { city: "Rome" }, "its")] }),
        end({}, { tool_calls: [call("weather", { city: "Paris" }, "")] })
      )
      const program = Effect.gen(function* () {
        const { toolCalls, toolResults, finishReason } = yield* LanguageModel.generateText({ prompt: "Hi", toolkit })
        const parts = [...(yield* Stream.runCollect(LanguageModel.streamText({ prompt: "Hi", toolkit })))]
        assert.strictEqual(finishReason, "tool-calls")
        assert.deepStrictEqual(
          toolCalls.map(({ id, params }) => [id, params.city]),
          [
            ["own0", "Oslo"],
            ["its", "Rome"],
            ["own1", "Paris"]
          ]
        )
        assert.deepStrictEqual(
          toolResults.map(({ id, result }) => [id, result]),
          [
            ["own0", 4],
            ["its", 4],
            ["own1", 5]
          ]
        )
        const streamed = parts.flatMap((part) => (part.type === "tool-call" ? [[part.id, part.params.city]] : []))
        assert.deepStrictEqual(streamed, [
          ["own2", "Oslo"],
          ["its", "Rome"],
          ["own3", "Paris"]
        ])
        const params = parts.flatMap((part) => (part.type.startsWith("tool-params") ? [part.type] : []))
        assert.deepStrictEqual(params.slice(0, 3), ["tool-params-start", "tool-params-delta", "tool-params-end"])
      })
      const layer = provided(answer).pipe(Layer.provide(Layer.succeed(IdGenerator.IdGenerator, ids)))
      yield* Effect.provide(program, Layer.merge(handlers, layer))
    })
  )

  const reasons: ReadonlyArray<readonly [doneReason: string | undefined, calls: boolean, reason: string]> = [
    ["stop", false, "stop"],
    ["stop", true, "tool-calls"],
    ["length", false, "length"],
    ["length", true, "length"],
    [undefined, false, "unknown"],
    [undefined, true, "tool-calls"],
    ["load", false, "other"],
    ["moderated", true, "other"]
  ]
  for (const [doneReason, calls, reason] of reasons) {
    it.effect(`${doneReason ?? "no reason"}${calls ? " with calls" : ""}: ${reason}`, () =>
      Effect.gen(function* () {
        const message = calls ? { tool_calls: [call("weather", { city: "Oslo" }, "a")] } : {}
        const layer = Layer.merge(handlers, provided(stream(token("x", message), end({ done_reason: doneReason }))))
        const { finishReason } = yield* Effect.provide(LanguageModel.generateText({ prompt: "Hi", toolkit }), layer)
        assert.strictEqual(finishReason, reason)
      })
    )
  }

  it.effect("where a model of the cloud ran", () =>
    Effect.gen(function* () {
      const { content } = yield* LanguageModel.generateText({ prompt: "Hi" })
      const [metadata] = content
      assert.deepStrictEqual(metadata?.metadata, {
        ollama: { remoteModel: "gpt-oss:120b", remoteHost: "https://ollama.com:443" }
      })
    }).pipe(
      Effect.provide(provided(stream(end({ remote_model: "gpt-oss:120b", remote_host: "https://ollama.com:443" }))))
    )
  )

  it.effect("a client that tells of no records still answers", () =>
    Effect.gen(function* () {
      const last = { model, created_at: "never", done: true, message: { role: "assistant", content: "Hi" } }
      const client = OllamaClient.OllamaClient.of({
        ...(yield* OllamaClient.OllamaClient),
        chat: () => Effect.succeed(last),
        chatStream: () => Stream.make(last)
      })
      const program = Effect.gen(function* () {
        const { content } = yield* LanguageModel.generateText({ prompt: "Hi" })
        const streamed = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "Hi" }))
        return [content.at(-1)?.metadata, [...streamed].at(-1)?.metadata]
      })
      const layer = Layer.provide(
        OllamaLanguageModel.layer({ model }),
        Layer.succeed(OllamaClient.OllamaClient, client)
      )
      assert.deepStrictEqual(yield* Effect.provide(program, layer), [{ ollama: {} }, { ollama: {} }])
    }).pipe(Effect.provide(OllamaClient.layer()), Effect.provide(OllamaSimulator.layer()))
  )
})

describe("leaving an answer stops the server", () => {
  const Slow = Tool.make("slow")
  const toolkit = Toolkit.make(Slow)

  const scene = Layer.provideMerge(
    OllamaLanguageModel.layer({ model }).pipe(Layer.provide(OllamaClient.layer())),
    OllamaSimulator.layer({
      models: [{ name: model, loaded: true }],
      reply: Array.from({ length: 50 }, () => "word "),
      tokenTime: "1 second"
    })
  )

  const leaving: ReadonlyArray<
    readonly [name: string, run: Effect.Effect<unknown, unknown, LanguageModel.LanguageModel>]
  > = [
    ["a text", LanguageModel.generateText({ prompt: "Hi" })],
    ["an object", LanguageModel.generateObject({ prompt: "Hi", schema: Schema.Struct({ a: Schema.Number }) })],
    ["a stream", Stream.runDrain(LanguageModel.streamText({ prompt: "Hi" }))],
    [
      "a stream with tools",
      Effect.provide(
        Stream.runDrain(LanguageModel.streamText({ prompt: "Hi", toolkit })),
        toolkit.toLayer({ slow: () => Effect.void })
      )
    ]
  ]
  for (const [name, run] of leaving) {
    it.effect(`${name}, interrupted in the middle`, () =>
      Effect.gen(function* () {
        const simulator = yield* OllamaSimulator.OllamaSimulator
        const fiber = yield* Effect.fork(run)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.interrupt(fiber)
        const requests = yield* simulator.requests
        const index = requests.findIndex(({ path }) => path === "/api/chat")
        assert.strictEqual((yield* simulator.ended(index)).how, "left")
        assert.strictEqual(yield* simulator.inFlight, 0)
      }).pipe(Effect.provide(scene))
    )
  }

  it.effect("a stream of which a part was taken", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.OllamaSimulator
      const first = LanguageModel.streamText({ prompt: "Hi" }).pipe(
        Stream.filter(({ type }) => type === "text-delta"),
        Stream.take(2),
        Stream.runCount
      )
      const fiber = yield* Effect.fork(first)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), 2)
      const requests = yield* simulator.requests
      const ended = yield* simulator.ended(requests.findIndex(({ path }) => path === "/api/chat"))
      assert.strictEqual(ended.how, "left")
      assert.isBelow(ended.chunks, 10)
    }).pipe(Effect.provide(scene))
  )

  it.effect("a tool that still runs is interrupted with it", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const slow = () =>
        Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(stopped, undefined))
        )
      const fiber = yield* LanguageModel.streamText({ prompt: "Hi", toolkit }).pipe(
        Stream.runDrain,
        Effect.provide(toolkit.toLayer({ slow })),
        Effect.fork
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(stopped)
    }).pipe(Effect.provide(provided(stream(token("", { tool_calls: [call("slow", {}, "a")] }), end()))))
  )
})
