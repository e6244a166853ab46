/** The spans of calls: which there are, what they say, when they end, and what they never hold. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Policy } from "effect-ollama"
import { within } from "../../support/clock.js"
import { cold, loadAnswer } from "../../support/loading.js"
import {
  chat,
  end,
  failure,
  late,
  psEmpty,
  silence,
  silent,
  stream,
  token,
  version,
  wait
} from "../../support/replies.js"
import { make } from "../../support/server.js"
import { traced, tracer } from "./spans.js"

const prompt = "a secret question"
const said = "a secret answer"
const request = { model: "llama3.2", messages: [{ role: "user", content: prompt }] }

const figures = {
  total_duration: 3e9,
  load_duration: 0,
  prompt_eval_count: 11,
  prompt_eval_duration: 1e9,
  eval_count: 22,
  eval_duration: 2e9
}

const answer = stream(wait("1 second"), token(said), wait("2 seconds"), end(figures))

const attributesOf = (attributes: ReadonlyMap<string, unknown> | undefined, ...prefixes: ReadonlyArray<string>) =>
  Object.fromEntries([...(attributes ?? [])].filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))))

describe("the span of a call", () => {
  it.scoped("has the attributes of the conventions, and an attempt as its child", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": answer }).connect({ host: "http://[::1]:9999" })
      const options = { temperature: 0.5, num_predict: 100, stop: ["END"], top_k: 3 }
      const { spans } = yield* within(traced(client.chat({ ...request, options, format: "json" }, { session: "s-1" })))
      const [call, attempt, ...rest] = spans
      assert.deepStrictEqual(rest, [])
      assert.deepInclude(call, { name: "chat llama3.2", kind: "client", from: 0, to: 3000, status: "success" })
      assert.deepStrictEqual(attributesOf(call?.attributes, "gen_ai", "server", "error"), {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "llama3.2",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.top_k": 3,
        "gen_ai.output.type": "json",
        "gen_ai.conversation.id": "s-1",
        "gen_ai.response.model": "llama3.2",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 22,
        "gen_ai.response.time_to_first_chunk": 1,
        "gen_ai.client.operation.duration": 3,
        "server.address": "::1",
        "server.port": 9999
      })
      assert.deepStrictEqual(attributesOf(call?.attributes, "ollama.phase"), {
        "ollama.phase.waiting": 0,
        "ollama.phase.lost": 0,
        "ollama.phase.queued": 0,
        "ollama.phase.loading": 0,
        "ollama.phase.prompt": 1,
        "ollama.phase.generating": 2,
        "ollama.phase.other": 0
      })
      assert.deepStrictEqual(call?.events, [["ollama.first_token", 1000]])
      assert.deepInclude(attempt, { name: "POST /api/chat", parent: "chat llama3.2", status: "success" })
      assert.strictEqual(attempt?.attributes.get("http.response.status_code"), 200)
    })
  )

  it.scoped("of a stream lives until the stream ends, however it does", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": stream(token(said), wait("9 seconds"), end()) }).connect()
      const whole = yield* within(traced(Stream.runDrain(client.chatStream(request))))
      assert.deepInclude(whole.spans[0], { from: 0, to: 9000, status: "success" })
      assert.isTrue(whole.spans[0]?.attributes.get("gen_ai.request.stream"))
      const own = tracer()
      const left = Stream.runForEach(Stream.take(client.chatStream(request), 1), () => Effect.sleep("3 seconds"))
      const started = yield* Clock.currentTimeMillis
      yield* within(Effect.withTracer(left, own.tracer))
      const [span] = own.spans()
      assert.deepStrictEqual([span?.to, span?.status], [started + 3000, "interrupted"])
    })
  )

  it.scoped("of one that fails has the tag as its error type, and each attempt its own", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [failure(503, "server busy"), failure(404, "model 'llama3.2' not found")] })
      const client = yield* server.connect({ policy: Policy.make({ retry: { jitter: "none" } }) })
      const { spans } = yield* within(traced(client.chat(request)))
      assert.deepStrictEqual(
        spans.map(({ attributes, name, status }) => [name, status, attributes.get("error.type")]),
        [
          ["chat llama3.2", "failure", "ModelNotFound"],
          ["POST /api/chat", "failure", "Overloaded"],
          ["POST /api/chat", "failure", "ModelNotFound"]
        ]
      )
      assert.deepStrictEqual(spans[0]?.attributes.get("ollama.decisions"), ["retried: Overloaded"])
      assert.strictEqual(spans[2]?.attributes.get("http.request.resend_count"), 1)
    })
  )

  it.scoped("of one that the caller leaves is no failure, and is over at once", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": silent }).connect()
      const own = tracer()
      const fiber = yield* Effect.fork(Effect.withTracer(client.chat(request), own.tracer))
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(
        own.spans().map(({ to }) => to),
        [undefined, undefined]
      )
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(
        own.spans().map(({ status, to }) => [to, status]),
        [
          [4000, "interrupted"],
          [4000, "interrupted"]
        ]
      )
    })
  )

  it.scoped("has the load that it began as a child of its attempt, and an event when it is slow", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(chat("a"), late("20 seconds", loadAnswer)), "/api/ps": psEmpty })
      const client = yield* server.connect({ policy: Policy.make({ slow: { load: "12 seconds", log: false } }) })
      const { spans } = yield* within(traced(client.chat(request)))
      assert.deepStrictEqual(
        spans.map(({ from, name, parent, to }) => [name, parent, from, to]),
        [
          ["chat llama3.2", undefined, 0, 20_000],
          ["POST /api/chat", "chat llama3.2", 0, 20_000],
          ["load llama3.2", "POST /api/chat", 0, 20_000]
        ]
      )
      assert.deepStrictEqual(spans[0]?.events, [
        ["ollama.slow", 12_000],
        ["ollama.first_token", 20_000]
      ])
    })
  )

  it.scoped("is in the span of the program, whose own is left alone; none where tracing is off", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/version": version }).connect()
      const { spans } = yield* traced(Effect.withSpan(client.version(), "mine"))
      assert.deepStrictEqual(
        spans.map(({ name, parent }) => [name, parent]),
        [
          ["mine", undefined],
          ["version", "mine"],
          ["GET /api/version", "version"]
        ]
      )
      assert.strictEqual(spans[0]?.attributes.size, 0)
      const off = yield* traced(Effect.withTracerEnabled(client.version(), false))
      assert.deepStrictEqual(off.spans, [])
    })
  )
})

describe("the words of a call", () => {
  const texts = (spans: ReadonlyArray<{ readonly attributes: ReadonlyMap<string, unknown> }>): string =>
    JSON.stringify(spans.map(({ attributes }) => [...attributes]))

  it.scoped("are in no span", () =>
    Effect.gen(function* () {
      const replies = [answer, stream(token(said), silence), failure(500, prompt)]
      for (const reply of replies) {
        const client = yield* make({ "/api/chat": reply }).connect()
        const { spans } = yield* within(traced(client.chat(request)))
        for (const word of [prompt, said]) assert.notInclude(texts(spans), word)
      }
    })
  )

  it.scoped("are in the call's span where the client is told to record them", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": answer }).connect({ recordContent: true })
      const { spans } = yield* within(traced(Stream.runDrain(client.chatStream(request))))
      const [call, attempt] = spans
      assert.deepStrictEqual(JSON.parse(String(call?.attributes.get("gen_ai.input.messages"))), [
        { role: "user", parts: [{ type: "text", content: prompt }] }
      ])
      assert.deepStrictEqual(JSON.parse(String(call?.attributes.get("gen_ai.output.messages"))), [
        { role: "assistant", parts: [{ type: "text", content: said }], finish_reason: "stop" }
      ])
      assert.isFalse(attempt?.attributes.has("gen_ai.input.messages"))
    })
  )
})

describe("a trace that is carried along", () => {
  it.scoped("is that of the attempt", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [failure(503, "busy"), chat("a")] })
      const client = yield* server.connect({ propagateTrace: true })
      const { spans } = yield* within(traced(client.chat(request)))
      const sent = server.at("/api/chat").map(({ headers }) => headers.traceparent)
      const [, ...attempts] = spans
      assert.deepStrictEqual(
        sent,
        attempts.map(({ span }) => `00-${span.traceId}-${span.spanId}-01`)
      )
    })
  )

  it.scoped("is not sent where tracing is off, or nobody wants it", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": version })
      const wanted = yield* server.connect({ propagateTrace: true })
      yield* Effect.withTracerEnabled(wanted.version(), false)
      yield* traced((yield* server.connect()).version())
      for (const { headers } of server.seen) assert.isUndefined(headers.traceparent)
    })
  )
})
