/**
 * The spans of calls as the OpenTelemetry SDK exports them, read by OpenTelemetry's conventions for generative AI
 * (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), whose names come from its own package here.
 */
import { assert, describe, it } from "@effect/vitest"
import { SpanKind, SpanStatusCode } from "@opentelemetry/api"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import * as Conventions from "@opentelemetry/semantic-conventions/incubating"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { OllamaClient, Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { within } from "../support/clock.js"
import { childrenOf, exported, secondsOf, textOf } from "./spans.js"

const said = "the launch code is 0000"
const request = { model: "llama3.2", messages: [{ role: "user", content: said }] } as const

const stage: OllamaSimulator.Options = {
  loadTime: "3 seconds",
  promptTime: "1 second",
  tokenTime: "100 millis",
  reply: ["One", " two", " three", "."]
}

const loaded: OllamaSimulator.Options = { ...stage, models: [{ name: "llama3.2", loaded: true }] }

type Program<A, E> = Effect.Effect<A, E, OllamaClient.OllamaClient | OllamaSimulator.OllamaSimulator>

/** The spans of a program, on a clock that goes on as far as need be. */
const spansOf = <A, E>(
  program: Program<A, E>,
  options: { readonly client?: OllamaClient.Options; readonly stage?: OllamaSimulator.Options } = {}
) => Effect.map(exported(within(program), { stage: loaded, ...options }), ({ spans }) => spans)

const named = (spans: ReadonlyArray<ReadableSpan>, name: string): ReadableSpan => {
  const found = spans.filter((span) => span.name === name)
  assert.strictEqual(found.length, 1, `${name} among ${spans.map((span) => span.name).join(", ")}`)
  return found[0] ?? assert.fail()
}

const pick = ({ attributes }: ReadableSpan, ...names: ReadonlyArray<string>) =>
  Object.fromEntries(names.flatMap((name) => (name in attributes ? [[name, attributes[name]]] : [])))

const eventsOf = ({ events }: ReadableSpan): ReadonlyArray<string> => events.map(({ name }) => name)

const server = { [Conventions.ATTR_SERVER_ADDRESS]: "127.0.0.1", [Conventions.ATTR_SERVER_PORT]: 11434 }

describe("the span of a chat", () => {
  it.effect("has the name, the kind and the attributes of the conventions", () =>
    Effect.gen(function* () {
      const chat = OllamaClient.chat(
        {
          ...request,
          format: "json",
          options: {
            temperature: 0.5,
            top_p: 0.9,
            top_k: 40,
            seed: 7,
            num_predict: 50,
            stop: ["END"],
            frequency_penalty: 0.1
          }
        },
        { session: "conversation-1" }
      )
      const span = named(yield* spansOf(chat), "chat llama3.2")
      assert.strictEqual(span.kind, SpanKind.CLIENT)
      assert.strictEqual(span.parentSpanContext, undefined)
      assert.deepInclude(span.attributes, {
        [Conventions.ATTR_GEN_AI_OPERATION_NAME]: Conventions.GEN_AI_OPERATION_NAME_VALUE_CHAT,
        [Conventions.ATTR_GEN_AI_PROVIDER_NAME]: "ollama",
        [Conventions.ATTR_GEN_AI_REQUEST_MODEL]: "llama3.2",
        ...server,
        [Conventions.ATTR_GEN_AI_CONVERSATION_ID]: "conversation-1",
        [Conventions.ATTR_GEN_AI_OUTPUT_TYPE]: Conventions.GEN_AI_OUTPUT_TYPE_VALUE_JSON,
        [Conventions.ATTR_GEN_AI_REQUEST_TEMPERATURE]: 0.5,
        [Conventions.ATTR_GEN_AI_REQUEST_TOP_P]: 0.9,
        [Conventions.ATTR_GEN_AI_REQUEST_TOP_K]: 40,
        [Conventions.ATTR_GEN_AI_REQUEST_SEED]: 7,
        [Conventions.ATTR_GEN_AI_REQUEST_MAX_TOKENS]: 50,
        [Conventions.ATTR_GEN_AI_REQUEST_STOP_SEQUENCES]: ["END"],
        [Conventions.ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY]: 0.1
      })
    })
  )

  it.effect("ends with what the server said of the answer", () =>
    Effect.gen(function* () {
      const span = named(yield* spansOf(OllamaClient.chat(request)), "chat llama3.2")
      const { [Conventions.ATTR_GEN_AI_USAGE_INPUT_TOKENS]: input, ...attributes } = span.attributes
      assert.isAbove(Number(input), 0)
      assert.deepInclude(attributes, {
        [Conventions.ATTR_GEN_AI_RESPONSE_MODEL]: "llama3.2",
        [Conventions.ATTR_GEN_AI_RESPONSE_FINISH_REASONS]: ["stop"],
        [Conventions.ATTR_GEN_AI_USAGE_OUTPUT_TOKENS]: 4,
        "gen_ai.response.time_to_first_chunk": 1
      })
      assert.notProperty(attributes, Conventions.ATTR_ERROR_TYPE)
      assert.deepStrictEqual(span.status, { code: SpanStatusCode.OK })
      // a second of reading the prompt, and four tokens
      assert.approximately(secondsOf(span), 1.4, 0.001)
      assert.include(eventsOf(span), "ollama.first_token")
    })
  )

  it.effect("is that of the answer's end where the answer is a stream, and says that it is one", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.zipRight(
          Stream.runDrain(OllamaClient.chatStream(request)),
          OllamaClient.generate({ model: "llama3.2", prompt: "x" })
        )
      )
      const span = named(spans, "chat llama3.2")
      assert.approximately(secondsOf(span), 1.4, 0.001)
      assert.strictEqual(span.attributes[Conventions.ATTR_GEN_AI_REQUEST_STREAM], true)
      // only where it is one
      assert.notProperty(named(spans, "text_completion llama3.2").attributes, Conventions.ATTR_GEN_AI_REQUEST_STREAM)
    })
  )

  it.effect("is in the span of the program, and the program's own annotations are on it", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const simulator = yield* OllamaSimulator.OllamaSimulator
          yield* simulator.inject(Fault.serverBusy({ path: "/api/chat", times: 1 }))
          yield* OllamaClient.chat(request).pipe(Effect.annotateSpans("tenant", "t1"), Effect.withSpan("summarise"))
        })
      )
      const outer = named(spans, "summarise")
      const span = named(spans, "chat llama3.2")
      assert.strictEqual(span.parentSpanContext?.spanId, outer.spanContext().spanId)
      assert.strictEqual(span.spanContext().traceId, outer.spanContext().traceId)
      assert.strictEqual(span.attributes["tenant"], "t1")
    })
  )
})

describe("other calls", () => {
  it.effect("are named by their operation, and by the model where there is one", () =>
    Effect.gen(function* () {
      const models = [
        { name: "llama3.2", loaded: true },
        { name: "all-minilm", loaded: true }
      ]
      const spans = yield* spansOf(
        Effect.gen(function* () {
          yield* OllamaClient.embed({ model: "all-minilm", input: "x", dimensions: 128 })
          yield* OllamaClient.list()
          yield* Stream.runDrain(OllamaClient.pull({ model: "llama3.2" }))
        }),
        { stage: { ...loaded, models } }
      )
      const embedding = named(spans, "embeddings all-minilm")
      assert.strictEqual(embedding.attributes[Conventions.ATTR_GEN_AI_OPERATION_NAME], "embeddings")
      assert.strictEqual(embedding.attributes[Conventions.ATTR_GEN_AI_EMBEDDINGS_DIMENSION_COUNT], 128)
      const others = [named(spans, "list"), named(spans, "pull llama3.2")]
      for (const span of others) {
        assert.strictEqual(span.kind, SpanKind.CLIENT)
        // nothing is generated, so there is no first token
        assert.notInclude(eventsOf(span), "ollama.first_token")
        assert.notProperty(span.attributes, "gen_ai.response.time_to_first_chunk")
      }
    })
  )

  it.effect("say where they went, an IPv6 address without its brackets", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(OllamaClient.list(), { client: { host: "http://[::1]:11500" } })
      assert.deepStrictEqual(
        pick(named(spans, "list"), Conventions.ATTR_SERVER_ADDRESS, Conventions.ATTR_SERVER_PORT),
        {
          [Conventions.ATTR_SERVER_ADDRESS]: "::1",
          [Conventions.ATTR_SERVER_PORT]: 11500
        }
      )
    })
  )
})

describe("a call that fails", () => {
  it.effect("has the tag of its failure as error.type, and the failure's message", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(Effect.flip(OllamaClient.chat({ ...request, model: "nobody-has-it" })))
      const span = named(spans, "chat nobody-has-it")
      assert.strictEqual(span.attributes[Conventions.ATTR_ERROR_TYPE], "ModelNotFound")
      assert.strictEqual(span.status.code, SpanStatusCode.ERROR)
      assert.match(span.status.message ?? "", /not installed/)
      assert.include(eventsOf(span), "exception")
    })
  )

  it.effect("in the middle of its answer keeps what was known by then", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const simulator = yield* OllamaSimulator.OllamaSimulator
          yield* simulator.inject(Fault.resetAfter(2, { path: "/api/chat" }))
          yield* Effect.flip(Stream.runDrain(OllamaClient.chatStream(request)))
        })
      )
      const span = named(spans, "chat llama3.2")
      assert.strictEqual(span.attributes[Conventions.ATTR_ERROR_TYPE], "StreamInterrupted")
      assert.strictEqual(span.status.code, SpanStatusCode.ERROR)
      assert.include(eventsOf(span), "ollama.first_token")
      assert.strictEqual(span.attributes["gen_ai.response.time_to_first_chunk"], 1)
    })
  )

  it.effect("but was saved by a retry has a failed attempt in it, and is no failure", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const simulator = yield* OllamaSimulator.OllamaSimulator
          yield* simulator.inject(Fault.serverBusy({ path: "/api/chat", times: 2 }))
          yield* OllamaClient.chat(request)
        })
      )
      const span = named(spans, "chat llama3.2")
      assert.strictEqual(span.status.code, SpanStatusCode.OK)
      assert.notProperty(span.attributes, Conventions.ATTR_ERROR_TYPE)
      const attempts = childrenOf(spans, span)
      assert.deepStrictEqual(
        attempts.map((attempt) => [
          attempt.name,
          attempt.kind,
          attempt.status.code,
          attempt.attributes[Conventions.ATTR_ERROR_TYPE],
          attempt.attributes[Conventions.ATTR_HTTP_RESPONSE_STATUS_CODE],
          attempt.attributes[Conventions.ATTR_HTTP_REQUEST_RESEND_COUNT]
        ]),
        [
          ["POST /api/chat", SpanKind.CLIENT, SpanStatusCode.ERROR, "Overloaded", 503, undefined],
          ["POST /api/chat", SpanKind.CLIENT, SpanStatusCode.ERROR, "Overloaded", 503, 1],
          ["POST /api/chat", SpanKind.CLIENT, SpanStatusCode.OK, undefined, 200, 2]
        ]
      )
      for (const attempt of attempts) {
        assert.strictEqual(attempt.spanContext().traceId, span.spanContext().traceId)
        assert.deepInclude(attempt.attributes, server)
      }
    })
  )
})

describe("the trace", () => {
  const headers = Effect.gen(function* () {
    const simulator = yield* OllamaSimulator.OllamaSimulator
    yield* OllamaClient.list()
    return (yield* simulator.requests).map((seen) => seen.headers["traceparent"])
  })

  it.effect("goes to the server where the program wants that, with the attempt as the parent", () =>
    Effect.gen(function* () {
      const { spans, value } = yield* exported(within(headers), { client: { propagateTrace: true } })
      const { spanId, traceId } = named(spans, "GET /api/tags").spanContext()
      assert.deepStrictEqual(value, [`00-${traceId}-${spanId}-01`])
    })
  )

  it.effect("does not go there otherwise", () =>
    Effect.gen(function* () {
      const { value } = yield* exported(within(headers))
      assert.deepStrictEqual(value, [undefined])
    })
  )
})

describe("a load", () => {
  it.effect("that the client owns is a child of the call that began it, and has its own time", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(OllamaClient.chat(request), { stage })
      const span = named(spans, "chat llama3.2")
      const load = named(spans, "load llama3.2")
      const trace = span.spanContext().traceId
      assert.strictEqual(load.spanContext().traceId, trace)
      const parents = [span, ...childrenOf(spans, span)].map((parent) => parent.spanContext().spanId)
      assert.include(parents, load.parentSpanContext?.spanId)
      assert.include(
        childrenOf(spans, span).map(({ name }) => name),
        "POST /api/chat"
      )
      assert.approximately(secondsOf(load), 3, 0.001)
      assert.strictEqual(load.attributes[Conventions.ATTR_GEN_AI_REQUEST_MODEL], "llama3.2")
      assert.isAtLeast(secondsOf(span), 4)
    })
  )

  it.effect("that fails has the tag of its failure", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const simulator = yield* OllamaSimulator.OllamaSimulator
          yield* simulator.inject(Fault.error("load.outOfMemory", { path: "/api/chat" }))
          yield* Effect.flip(OllamaClient.chat(request))
        }),
        { stage, client: { policy: Policy.make({ retry: { attempts: 1 } }) } }
      )
      const load = named(spans, "load llama3.2")
      assert.strictEqual(load.attributes[Conventions.ATTR_ERROR_TYPE], "LoadFailed")
      assert.strictEqual(load.status.code, SpanStatusCode.ERROR)
    })
  )
})

describe("a call that is left", () => {
  it.effect("by its fiber is no failure, and ends at that moment", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(OllamaClient.chat(request))
          yield* Effect.sleep("500 millis")
          yield* Fiber.interrupt(fiber)
        })
      )
      for (const span of [named(spans, "chat llama3.2"), named(spans, "POST /api/chat")]) {
        assert.strictEqual(secondsOf(span), 0.5)
        assert.strictEqual(span.status.code, SpanStatusCode.OK)
        assert.strictEqual(span.attributes["status.interrupted"], true)
        assert.notProperty(span.attributes, Conventions.ATTR_ERROR_TYPE)
      }
    })
  )

  it.effect("by the reader of its stream ends then, and has no figures of the server", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(Stream.runDrain(Stream.take(OllamaClient.chatStream(request), 2)))
      const span = named(spans, "chat llama3.2")
      assert.approximately(secondsOf(span), 1.1, 0.001)
      assert.strictEqual(span.status.code, SpanStatusCode.OK)
      assert.notProperty(span.attributes, Conventions.ATTR_ERROR_TYPE)
      assert.notProperty(span.attributes, Conventions.ATTR_GEN_AI_USAGE_OUTPUT_TOKENS)
    })
  )
})

describe("a call that is slow", () => {
  it.effect("has an event from the moment on in which it was", () =>
    Effect.gen(function* () {
      const policy = Policy.make({ slow: { load: "2 seconds", log: false } })
      const spans = yield* spansOf(OllamaClient.chat(request), { stage, client: { policy } })
      const span = named(spans, "chat llama3.2")
      assert.deepStrictEqual(eventsOf(span), ["ollama.slow", "ollama.first_token"])
      const slow = span.events[0] ?? assert.fail()
      assert.strictEqual(slow.time[0] - span.startTime[0], 2)
      assert.strictEqual(slow.attributes?.["ollama.phase"], "load")
      assert.isString(slow.attributes?.["ollama.verdict"])
    })
  )
})

describe("what was said", () => {
  const both = Effect.gen(function* () {
    const simulator = yield* OllamaSimulator.OllamaSimulator
    yield* OllamaClient.chat(request)
    yield* simulator.inject(Fault.resetAfter(2, { path: "/api/chat" }))
    yield* Effect.flip(OllamaClient.chat(request))
  })
  const secretive = { ...loaded, reply: ["I", " keep", " the launch code", "."] }

  it.effect("is in no span", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(both, { stage: secretive })
      assert.isAtLeast(spans.length, 4)
      for (const span of spans) assert.notInclude(textOf(span), "launch code", span.name)
    })
  )

  it.effect("is in the span of the call where the program wants that, as the conventions have it", () =>
    Effect.gen(function* () {
      const spans = yield* spansOf(OllamaClient.chat(request), { stage: secretive, client: { recordContent: true } })
      const span = named(spans, "chat llama3.2")
      const json = (name: string): unknown => JSON.parse(String(span.attributes[name]))
      assert.deepStrictEqual(json(Conventions.ATTR_GEN_AI_INPUT_MESSAGES), [
        { role: "user", parts: [{ type: "text", content: said }] }
      ])
      assert.deepStrictEqual(json(Conventions.ATTR_GEN_AI_OUTPUT_MESSAGES), [
        { role: "assistant", parts: [{ type: "text", content: "I keep the launch code." }], finish_reason: "stop" }
      ])
    })
  )
})
