/**
 * The simulator against what a real Ollama answered to the same requests (`test/wire/recorded/v0.33`).
 */
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { OllamaSimulator, Recorded } from "effect-ollama/testing"
import { Effect, Fiber, Schema, TestClock } from "effect"

const read = (name: string): Recorded.Exchange =>
  Schema.decodeUnknownSync(Schema.parseJson(Recorded.Exchange))(
    fs.readFileSync(fileURLToPath(new URL(`../wire/recorded/v0.33/${name}.json`, import.meta.url)), "utf8")
  )

const simulated = OllamaSimulator.layer({
  models: [
    { name: "gemma3:270m", capabilities: ["completion"], contextLength: 32768 },
    { name: "echo-tools", capabilities: ["completion", "tools"] },
    { name: "echo-think", capabilities: ["completion", "thinking"] },
    { name: "all-minilm", capabilities: ["embedding"], family: "bert" }
  ],
  cloudDisabled: true,
  reply: ({ request }) =>
    Array.isArray(request["tools"])
      ? { toolCalls: [{ name: "get_weather", arguments: { city: "Paris" } }] }
      : { thinking: "Two and two.", content: "The answer is four." },
  loadTime: "1 millis",
  promptTime: "1 millis",
  tokenTime: "1 millis"
})

/** The recorded request, sent to the simulator. */
const ask = (exchange: Recorded.Exchange) =>
  Effect.gen(function* () {
    const { body, headers, method, path } = exchange.request
    const request = HttpClientRequest.make(method as "POST")(`http://127.0.0.1:11434${path}`).pipe(
      HttpClientRequest.setHeaders(headers),
      body === undefined
        ? (same) => same
        : HttpClientRequest.setBody(
            typeof body === "string"
              ? HttpBody.text(body.startsWith("<5 ") ? "hello" : body)
              : HttpBody.unsafeJson(body)
          )
    )
    const response = yield* HttpClient.execute(request)
    const text = method === "HEAD" ? "" : yield* response.text
    return { status: response.status, type: response.headers["content-type"], text }
  })

const replay = (exchange: Recorded.Exchange) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(ask(exchange))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

const textOf = (exchange: Recorded.Exchange) => exchange.chunks.map(({ text }) => text).join("")

/** Answered with the same bytes. */
const same = [
  "blob-head-missing",
  "blob-post-digest-mismatch",
  "chat-bad-format",
  "chat-bad-json",
  "chat-bad-keepalive",
  "chat-bad-type",
  "chat-empty-body",
  "chat-model-missing",
  "chat-no-model",
  "chat-on-embedding-model",
  "chat-think-unsupported",
  "chat-tools-unsupported",
  "cloud-model-signed-out",
  "copy",
  "copy-missing",
  "create-empty",
  "create-nonstream-from",
  "delete-missing",
  "embed-bad-input",
  "embed-empty",
  "embed-model-missing",
  "embeddings-legacy",
  "generate-suffix-unsupported",
  "method-not-allowed",
  "origin-refused",
  "ps-empty",
  "pull-bad-name",
  "push-no-network",
  "root-get",
  "root-head",
  "route-unknown",
  "show-missing",
  "show-nomodel",
  "status"
]

/** The names of all fields, with those of the first element for a list. */
const shape = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.slice(0, 1).map((item) => (typeof item === "object" && item !== null ? shape(item) : typeof item))
    : typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shape(member)]))
      : typeof value

const linesOf = (text: string): ReadonlyArray<unknown> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

/** Answered with the same fields; of a stream the first and the last line are compared. */
const alike = [
  "chat-load-only",
  "chat-nonstream",
  "chat-stream",
  "chat-stream-length-limit",
  "chat-think",
  "chat-tool-call",
  "chat-unknown-option",
  "embed-dimensions",
  "embed-one",
  "embeddings-legacy-ok",
  "generate-nonstream",
  "generate-preload",
  "generate-stream",
  "generate-unload",
  "version"
]

describe("the simulator and a real Ollama", () => {
  for (const name of same) {
    it.effect(`${name}: the same status, type and text`, () =>
      Effect.gen(function* () {
        const exchange = read(name)
        const answer = yield* replay(exchange)
        assert.strictEqual(answer.status, exchange.response?.status)
        assert.strictEqual(answer.text, textOf(exchange))
        if (!name.startsWith("create")) {
          assert.strictEqual(answer.type, exchange.response?.headers["content-type"])
        }
      }).pipe(Effect.provide(simulated))
    )
  }

  for (const name of alike) {
    it.effect(`${name}: the same fields`, () =>
      Effect.gen(function* () {
        const exchange = read(name)
        const answer = yield* replay(exchange)
        assert.strictEqual(answer.status, exchange.response?.status)
        assert.strictEqual(answer.type, exchange.response?.headers["content-type"])
        const [ours, theirs] = [linesOf(answer.text), linesOf(textOf(exchange))]
        assert.deepStrictEqual(shape(ours.at(0)), shape(theirs.at(0)))
        assert.deepStrictEqual(shape(ours.at(-1)), shape(theirs.at(-1)))
      }).pipe(Effect.provide(simulated))
    )
  }

  it.effect("tags and ps: the same fields of a model", () =>
    Effect.gen(function* () {
      yield* replay(read("generate-preload"))
      for (const name of ["tags", "ps-loaded"]) {
        const exchange = read(name)
        const answer = yield* replay(exchange)
        assert.deepStrictEqual(shape(JSON.parse(answer.text)), shape(JSON.parse(textOf(exchange))), name)
      }
    }).pipe(Effect.provide(simulated))
  )

  it.effect("show: fields that the real one has too, of the same types", () =>
    Effect.gen(function* () {
      const exchange = read("show")
      const [ours, theirs] = [(yield* replay(exchange)).text, textOf(exchange)].map((text) => JSON.parse(text))
      const { model_info: _, tensors: __, ...rest } = shape(theirs) as Record<string, unknown>
      const { model_info: ___, ...own } = shape(ours) as Record<string, unknown>
      assert.deepStrictEqual(own, rest)
      assert.strictEqual(ours.model_info["general.architecture"], "gemma")
    }).pipe(Effect.provide(simulated))
  )

  it.effect("refuses the whole queue as the real one did", () =>
    Effect.gen(function* () {
      const exchange = read("queue-2")
      const fibers = yield* Effect.all(Array.from({ length: 8 }, () => Effect.fork(ask(exchange))))
      yield* TestClock.adjust("1 minute")
      const answers = [...(yield* Fiber.joinAll(fibers))]
      const shed = answers.filter(({ status }) => status === 503)
      assert.strictEqual(shed.length, 5)
      for (const { text } of shed) assert.strictEqual(text, textOf(exchange))
    }).pipe(Effect.provide(OllamaSimulator.layer({ models: ["gemma3:270m"], maxQueue: 2, loadTime: "20 millis" })))
  )
})
