/** Embeddings: how texts come together, what is sent, and that each gets its own vector. */
import * as EmbeddingModel from "@effect/ai/EmbeddingModel"
import * as AiModel from "@effect/ai/Model"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as TestClock from "effect/TestClock"
import { OllamaClient } from "effect-ollama"
import { OllamaEmbeddingModel } from "effect-ollama/ai"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { json, model } from "../support/replies.js"
import { make } from "../support/server.js"

type Config = Parameters<typeof OllamaEmbeddingModel.model>[1]

const scene = (config: Config, options: OllamaSimulator.Options = {}) =>
  OllamaEmbeddingModel.model("all-minilm", config).pipe(
    Layer.provideMerge(OllamaClient.layer()),
    Layer.provideMerge(
      OllamaSimulator.layer({ models: [{ name: "all-minilm", embeddingLength: 4, loaded: true }], ...options })
    )
  )

/** The bodies of the requests for vectors; without input they are loads of the client's own. */
const sent = Effect.map(
  Effect.flatMap(OllamaSimulator.OllamaSimulator, ({ requests }) => requests),
  (all) =>
    all.flatMap(({ json, path }) =>
      path === "/api/embed" && Predicate.isRecord(json) && "input" in json ? [json] : []
    )
)

const inputs = Effect.map(sent, (bodies) => bodies.map(({ input }) => input))

const words = ["red", "green", "blue", "green"]

/** The vectors as the client gives them, one text at a time. */
const oneByOne = Effect.forEach(words, (input) =>
  Effect.map(OllamaClient.embed({ model: "all-minilm", input }), ({ embeddings }) => [...(embeddings[0] ?? [])])
)

describe("batched", () => {
  it.effect("many texts are one request, and each gets its own vector", () =>
    Effect.gen(function* () {
      const { embedMany } = yield* EmbeddingModel.EmbeddingModel
      const vectors = yield* embedMany(words)
      assert.deepStrictEqual(yield* inputs, [words])
      assert.deepStrictEqual(vectors, yield* oneByOne)
      assert.lengthOf(vectors[0] ?? [], 4)
    }).pipe(Effect.provide(scene({ mode: "batched" })))
  )

  it.effect("not more at once than maxBatchSize", () =>
    Effect.gen(function* () {
      const { embedMany } = yield* EmbeddingModel.EmbeddingModel
      const vectors = yield* embedMany(words)
      assert.deepStrictEqual((yield* inputs).flat(), words)
      assert.isTrue((yield* inputs).every((input) => Array.isArray(input) && input.length <= 3))
      assert.deepStrictEqual(vectors, yield* oneByOne)
    }).pipe(Effect.provide(scene({ mode: "batched", maxBatchSize: 3 })))
  )

  it.effect("texts of different callers of one batch come together", () =>
    Effect.gen(function* () {
      const { embed } = yield* EmbeddingModel.EmbeddingModel
      yield* Effect.forEach(["red", "blue"], embed, { batching: true, concurrency: "unbounded" })
      assert.deepStrictEqual(yield* inputs, [["red", "blue"]])
    }).pipe(Effect.provide(scene({ mode: "batched" })))
  )

  it.effect("a cache asks for a text once", () =>
    Effect.gen(function* () {
      const { embed } = yield* EmbeddingModel.EmbeddingModel
      const [first, second] = [yield* embed("red"), yield* embed("red")]
      assert.deepStrictEqual(first, second)
      assert.deepStrictEqual(yield* inputs, [["red"]])
    }).pipe(Effect.provide(scene({ mode: "batched", cache: { capacity: 10, timeToLive: "1 minute" } })))
  )

  it.effect("what is set is sent, and can be changed for some", () =>
    Effect.gen(function* () {
      const { embed } = yield* EmbeddingModel.EmbeddingModel
      yield* embed("red")
      yield* embed("blue").pipe(OllamaEmbeddingModel.withConfigOverride({ options: { seed: 1 }, truncate: true }))
      const common = { model: "all-minilm", dimensions: 2, keep_alive: "1h" }
      assert.deepStrictEqual(yield* sent, [
        { ...common, input: ["red"], truncate: false, options: { num_ctx: 512 } },
        { ...common, input: ["blue"], truncate: true, options: { num_ctx: 512, seed: 1 } }
      ])
    }).pipe(
      Effect.provide(
        scene({ mode: "batched", dimensions: 2, keep_alive: "1h", truncate: false, options: { num_ctx: 512 } })
      )
    )
  )

  it.effect("it is a Model", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* AiModel.ProviderName, "ollama")
    }).pipe(Effect.provide(scene({ mode: "batched" })))
  )

  it.effect("a failure fails every text of its request", () =>
    Effect.gen(function* () {
      const { embed } = yield* EmbeddingModel.EmbeddingModel
      const results = yield* Effect.forEach(["red", "blue"], (text) => Effect.flip(embed(text)), { batching: true })
      assert.deepStrictEqual(
        results.map(({ _tag }) => _tag),
        ["HttpResponseError", "HttpResponseError"]
      )
      assert.lengthOf(yield* inputs, 1)
    }).pipe(
      Effect.provide(
        scene({ mode: "batched" }, { faults: [Fault.status(404, { json: { error: "model 'all-minilm' not found" } })] })
      )
    )
  )

  it.effect("a server that gives too few vectors fails the call, and nothing waits for ever", () =>
    Effect.gen(function* () {
      const { embedMany } = yield* EmbeddingModel.EmbeddingModel
      assert.strictEqual((yield* Effect.flip(embedMany(["red", "blue"])))._tag, "MalformedOutput")
    }).pipe(
      Effect.provide(OllamaEmbeddingModel.layerBatched({ model })),
      Effect.provide(OllamaClient.layer()),
      Effect.provide(make({ "/api/embed": json({ model, embeddings: [[0.5]] }) }).layer)
    )
  )

  const slow = scene(
    { mode: "batched" },
    { models: [{ name: "all-minilm", embeddingLength: 4, loaded: true, promptTime: "1 minute" }] }
  )

  const leaving: ReadonlyArray<readonly [string, (model: EmbeddingModel.Service) => Effect.Effect<unknown, unknown>]> =
    [
      ["one text", ({ embed }) => embed("red")],
      ["many texts", ({ embedMany }) => embedMany(words)]
    ]
  for (const [name, run] of leaving) {
    it.effect(`leaving stops the server: ${name}`, () =>
      Effect.gen(function* () {
        const simulator = yield* OllamaSimulator.OllamaSimulator
        const fiber = yield* Effect.fork(run(yield* EmbeddingModel.EmbeddingModel))
        yield* TestClock.adjust("1 second")
        assert.lengthOf(yield* inputs, 1)
        yield* Fiber.interrupt(fiber)
        const index = (yield* simulator.requests).findIndex(({ path }) => path === "/api/embed")
        assert.strictEqual((yield* simulator.ended(index)).how, "left")
        assert.strictEqual(yield* simulator.inFlight, 0)
      }).pipe(Effect.provide(slow))
    )
  }
})

describe("data loader", () => {
  it.effect("collects the texts of all callers for as long as its window, then sends them together", () =>
    Effect.gen(function* () {
      const { embed } = yield* EmbeddingModel.EmbeddingModel
      const first = yield* Effect.fork(embed("red"))
      yield* TestClock.adjust("30 millis")
      const second = yield* Effect.fork(embed("blue"))
      yield* TestClock.adjust("19 millis")
      assert.deepStrictEqual(yield* inputs, [])
      yield* TestClock.adjust("1 millis")
      const vectors = [yield* Fiber.join(first), yield* Fiber.join(second)]
      assert.deepStrictEqual(yield* inputs, [["red", "blue"]])
      const [red, , blue] = yield* oneByOne
      assert.deepStrictEqual(vectors, [red, blue])
    }).pipe(Effect.provide(scene({ mode: "data-loader", window: "50 millis" })))
  )

  it.effect("does not wait longer once there are maxBatchSize of them", () =>
    Effect.gen(function* () {
      const { embed } = yield* EmbeddingModel.EmbeddingModel
      const fibers = yield* Effect.forEach(["red", "blue"], (text) => Effect.fork(embed(text)))
      yield* TestClock.adjust(0)
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(yield* inputs, [["red", "blue"]])
    }).pipe(Effect.provide(scene({ mode: "data-loader", window: "1 hour", maxBatchSize: 2 })))
  )

  it.effect("many texts of one caller come together too; what is set where the layer is made holds for all", () =>
    Effect.gen(function* () {
      const { embedMany } = yield* EmbeddingModel.EmbeddingModel
      const ask = OllamaEmbeddingModel.withConfigOverride(embedMany(words), { truncate: false })
      const fiber = yield* Effect.fork(ask)
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), yield* oneByOne)
      assert.deepStrictEqual((yield* sent)[0], { model: "all-minilm", input: words, keep_alive: "1h" })
    }).pipe(Effect.provide(scene({ mode: "data-loader", window: "50 millis", keep_alive: "1h" })))
  )

  it.effect("a caller may leave while others wait for the same request", () =>
    Effect.gen(function* () {
      const { embedMany } = yield* EmbeddingModel.EmbeddingModel
      const leaver = yield* Effect.fork(embedMany(["red"]))
      const stayer = yield* Effect.fork(embedMany(["blue"]))
      yield* TestClock.adjust("10 millis")
      yield* Fiber.interrupt(leaver)
      yield* TestClock.adjust("40 millis")
      assert.deepStrictEqual(yield* Fiber.join(stayer), [(yield* oneByOne)[2]])
    }).pipe(Effect.provide(scene({ mode: "data-loader", window: "50 millis" })))
  )
})
