/** Every failure of ours as an AiError, with ours as the cause and no secret in either. */
import { inspect } from "node:util"
import * as AiError from "@effect/ai/AiError"
import * as EmbeddingModel from "@effect/ai/EmbeddingModel"
import * as LanguageModel from "@effect/ai/LanguageModel"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { OllamaClient, OllamaError, Policy } from "effect-ollama"
import { OllamaAiError, OllamaEmbeddingModel, OllamaLanguageModel } from "effect-ollama/ai"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { within } from "../support/clock.js"

const common = { host: "http://127.0.0.1:11434", endpoint: "/api/chat", model: "llama3.2" }
const attempt = { tag: "Timeout", phase: "load", elapsed: Duration.zero } as const
const origin = { module: "OllamaLanguageModel", method: "generateText" }

type Row = readonly [tag: AiError.AiError["_tag"], reason: string | undefined, error: OllamaError.OllamaError]

const rows: ReadonlyArray<Row> = [
  ["HttpRequestError", "Transport", new OllamaError.Timeout({ ...common, phase: "load", limit: Duration.minutes(5) })],
  ["HttpRequestError", "Transport", new OllamaError.Unreachable({ ...common, reason: "refused" })],
  ["HttpRequestError", "Transport", new OllamaError.StreamInterrupted({ ...common, status: 200 })],
  ["HttpResponseError", "StatusCode", new OllamaError.Overloaded({ ...common, by: "server", status: 503 })],
  ["UnknownError", undefined, new OllamaError.Overloaded({ ...common, by: "client" })],
  ["HttpResponseError", "StatusCode", new OllamaError.Blocked({ ...common, by: "origin", status: 403 })],
  ["UnknownError", undefined, new OllamaError.Blocked({ ...common, by: "firewall" })],
  ["UnknownError", undefined, new OllamaError.Blocked({ ...common, by: "captivePortal", status: 200 })],
  [
    "UnknownError",
    undefined,
    new OllamaError.CircuitOpen({ ...common, retryAfter: Duration.zero, lastFailure: attempt })
  ],
  ["HttpResponseError", "StatusCode", new OllamaError.Unauthorized({ ...common, status: 401 })],
  ["HttpResponseError", "StatusCode", new OllamaError.ModelNotFound({ ...common, status: 404 })],
  ["MalformedInput", undefined, new OllamaError.InvalidRequest({ ...common, issue: "option", status: 500 })],
  ["HttpResponseError", "StatusCode", new OllamaError.LoadFailed({ ...common, outOfMemory: true, status: 500 })],
  ["HttpResponseError", "StatusCode", new OllamaError.ServerError({ ...common, crashed: true, status: 500 })],
  ["UnknownError", undefined, new OllamaError.ServerError({ ...common, crashed: true, status: 200 })],
  ["HttpResponseError", "Decode", new OllamaError.ProtocolError({ ...common, excerpt: "secret", status: 200 })],
  ["UnknownError", undefined, new OllamaError.ProtocolError({ ...common, excerpt: "secret" })],
  ["MalformedOutput", undefined, new OllamaError.MalformedOutput({ ...common, text: "secret", issues: [] })]
]

/** All that a log, a page or a debugger would show of an error. */
const shown = (error: unknown): string =>
  [
    String(error),
    JSON.stringify(error),
    inspect(error, { depth: 20 }),
    Cause.pretty(Cause.fail(error), { renderErrorCause: true })
  ].join("\n")

describe("a failure of ours as an AiError", () => {
  for (const [tag, reason, failure] of rows) {
    it(`${failure._tag} ${failure.status ?? "without a status"}: ${tag}${reason === undefined ? "" : ` (${reason})`}`, () => {
      const error = OllamaAiError.fromOllamaError(failure, origin)
      assert.isTrue(AiError.isAiError(error))
      assert.strictEqual(error._tag, tag)
      assert.strictEqual("reason" in error ? error.reason : undefined, reason)
      assert.strictEqual(error.description, failure.message)
      assert.deepStrictEqual([error.module, error.method], [origin.module, origin.method])
      if ("response" in error) assert.strictEqual(error.response.status, failure.status)
      if ("request" in error) assert.strictEqual(error.request.url, "http://127.0.0.1:11434/api/chat")
      assert.strictEqual(Option.getOrNull(OllamaAiError.toOllamaError(error)), failure)
      assert.strictEqual(OllamaAiError.isRetryable(error), failure.isRetryable)
      assert.notInclude(shown(error), "secret")
      // it goes to another process, though only its own kind knows what is inside
      const encoded = Schema.encodeSync(AiError.AiError)(error)
      assert.strictEqual(Schema.decodeUnknownSync(AiError.AiError)(encoded)._tag, tag)
      assert.notInclude(JSON.stringify(encoded), "secret")
    })
  }

  it("there is a row for each of them", () => {
    const tags = OllamaError.OllamaError.members.map(({ _tag }) => _tag)
    assert.sameMembers([...new Set(rows.map(([, , { _tag }]) => _tag))], tags)
  })

  it("an error of somebody else has none of ours inside, and is not known to be retryable", () => {
    const other = new AiError.UnknownError({ ...origin, cause: new Error("no") })
    for (const error of [other, new Error("no"), undefined, "no"]) {
      assert.isTrue(Option.isNone(OllamaAiError.toOllamaError(error)))
      assert.isFalse(OllamaAiError.isRetryable(error))
    }
  })
})

const prompt = "the prompt about Rumpelstiltskin"
const key = "sk-0123456789abcdef"
const said = "the answer about Bluebeard"
const plants = ["Rumpelstiltskin", key, "hunter2", "Bluebeard"]

const loaded = ["llama3.2", "all-minilm"].map((name) => ({ name, loaded: true }))

const scene = (...faults: ReadonlyArray<Fault.Fault>) =>
  Layer.merge(
    OllamaLanguageModel.layer({ model: "llama3.2" }),
    OllamaEmbeddingModel.layerBatched({ model: "all-minilm" })
  ).pipe(
    Layer.provide(
      OllamaClient.layer({
        host: "http://me:hunter2@127.0.0.1:11434",
        apiKey: Redacted.make(key),
        policy: Policy.make({ retry: { attempts: 1 }, breaker: "off" })
      })
    ),
    Layer.provide(OllamaSimulator.layer({ faults, reply: said, models: loaded }))
  )

const when = { path: "/api/chat" }

/** By what happens to the server: the failure that a program finds inside. */
const faults: ReadonlyArray<readonly [name: string, tag: OllamaError.OllamaError["_tag"], fault: Fault.Fault]> = [
  ["refused", "Unreachable", Fault.refused()],
  ["a firewall", "Blocked", Fault.firewall()],
  ["busy", "Overloaded", Fault.serverBusy()],
  ["forbidden", "Blocked", Fault.forbidden()],
  ["a captive portal", "Blocked", Fault.captivePortal()],
  [
    "a status that says everything back",
    "ServerError",
    Fault.status(500, { json: { error: `${prompt} ${key} hunter2` } })
  ],
  ["unauthorized", "Unauthorized", Fault.status(401, { json: { error: "unauthorized" } })],
  ["no such model", "ModelNotFound", Fault.status(404, { json: { error: "model 'llama3.2' not found" } })],
  ["out of memory", "LoadFailed", Fault.status(500, { json: { error: "model requires more system memory (8 GiB)" } })],
  ["an empty body", "ProtocolError", Fault.emptyBody()],
  ["no sign", "Timeout", Fault.slowHeaders("2 hours")]
]

describe("a call that fails", () => {
  for (const [name, tag, fault] of faults) {
    it.effect(`${name}: ${tag} inside, and no secret or prompt outside`, () =>
      Effect.gen(function* () {
        const { embed } = yield* EmbeddingModel.EmbeddingModel
        const errors = yield* within(
          Effect.all([
            Effect.flip(LanguageModel.generateText({ prompt })),
            Effect.flip(LanguageModel.generateObject({ prompt, schema: Schema.Struct({ a: Schema.Number }) })),
            Effect.flip(Stream.runDrain(LanguageModel.streamText({ prompt }))),
            Effect.flip(embed(prompt))
          ])
        )
        for (const error of errors) {
          assert.isTrue(AiError.isAiError(error))
          const failure = Option.getOrThrow(OllamaAiError.toOllamaError(error))
          assert.strictEqual(failure._tag, tag)
          for (const plant of plants) assert.notInclude(shown(error), plant)
        }
        const methods = errors.map(({ method, module }) => `${module}.${method}`)
        assert.deepStrictEqual(methods, [
          "OllamaLanguageModel.generateText",
          "OllamaLanguageModel.generateObject",
          "OllamaLanguageModel.streamText",
          "OllamaEmbeddingModel.embedMany"
        ])
      }).pipe(Effect.provide(scene(fault)))
    )
  }

  const middle: ReadonlyArray<readonly [name: string, tag: OllamaError.OllamaError["_tag"], fault: Fault.Fault]> = [
    ["the connection breaks", "StreamInterrupted", Fault.resetAfter(2, when)],
    ["it ends too early", "StreamInterrupted", Fault.endAfter(2, when)],
    ["a line that is none", "ProtocolError", Fault.badLineAfter(2, { ...when, line: `${said} ${prompt}` })],
    ["an error line", "ServerError", Fault.errorLineAfter(2, `no more of ${prompt} with ${key}`, when)]
  ]
  for (const [name, tag, fault] of middle) {
    it.effect(`in the middle of the answer, ${name}: ${tag}, with what had arrived inside`, () =>
      Effect.gen(function* () {
        const whole = yield* Effect.flip(LanguageModel.generateText({ prompt }))
        const failure = Option.getOrThrow(OllamaAiError.toOllamaError(whole))
        assert.strictEqual(failure._tag, tag)
        assert.strictEqual(failure.partial?.text, "the answer")
        for (const plant of plants) assert.notInclude(shown(whole), plant)
      }).pipe(Effect.provide(scene(fault)))
    )

    it.effect(`the parts of a stream come before the failure: ${name}`, () =>
      Effect.gen(function* () {
        const parts: Array<string> = []
        const run = Stream.runForEach(LanguageModel.streamText({ prompt }), (part) =>
          Effect.sync(() => void parts.push(part.type))
        )
        const error = yield* Effect.flip(run)
        assert.strictEqual(Option.getOrThrow(OllamaAiError.toOllamaError(error))._tag, tag)
        assert.deepStrictEqual(parts, ["response-metadata", "text-start", "text-delta", "text-delta"])
        for (const plant of plants) assert.notInclude(shown(error), plant)
      }).pipe(Effect.provide(scene(fault)))
    )
  }

  it.effect("an answer that does not fit says where, not what", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({ a: Schema.Number })
      const error = yield* Effect.flip(LanguageModel.generateObject({ prompt, schema }))
      const failure = Option.getOrThrow(OllamaAiError.toOllamaError(error))
      assert.strictEqual(failure._tag === "MalformedOutput" ? failure.text : undefined, said)
      for (const plant of plants) assert.notInclude(shown(error), plant)
    }).pipe(Effect.provide(scene()))
  )

  it.effect("what the client retries by its policy, a program never sees", () =>
    Effect.gen(function* () {
      const { text } = yield* within(LanguageModel.generateText({ prompt }))
      assert.strictEqual(text, "Hi")
    }).pipe(
      Effect.provide(OllamaLanguageModel.model("llama3.2")),
      Effect.provide(OllamaClient.layer()),
      Effect.provide(OllamaSimulator.layer({ reply: "Hi", faults: [Fault.serverBusy({ ...when, times: 1 })] }))
    )
  )
})
