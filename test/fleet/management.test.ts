/** The calls about servers and models: of all hosts, of any, or of the one that is named. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { OllamaClient, type OllamaError } from "effect-ollama"
import { Fault } from "effect-ollama/testing"
import { expectTag, within } from "../support/clock.js"
import { asked, inOrder, model, recorded, request, settled, simulator, url, world } from "./scene.js"

const digest = `sha256:${"0".repeat(64)}`

const different = world(
  {
    a: { models: [{ name: model, loaded: true }, "gemma3"], version: "0.12.3" },
    b: {
      models: [
        { name: model, loaded: true },
        { name: "qwen3", loaded: true }
      ],
      version: "0.9.6"
    },
    c: { models: ["all-minilm"], version: "0.33.0" }
  },
  inOrder("a", "b", "c")
)

const names = ({ models }: { readonly models: ReadonlyArray<{ readonly name: string }> }) =>
  models.map(({ name }) => name).toSorted()

describe("without a host", () => {
  it.effect("list and running give the union", () =>
    Effect.gen(function* () {
      yield* settled
      assert.deepStrictEqual(names(yield* within(OllamaClient.list(), 0)), [
        "all-minilm:latest",
        "gemma3:latest",
        `${model}:latest`,
        "qwen3:latest"
      ])
      assert.deepStrictEqual(names(yield* within(OllamaClient.running(), 0)), [`${model}:latest`, "qwen3:latest"])
    }).pipe(Effect.provide(different))
  )

  it.effect("hosts that fail are left out, and when all do that is the failure", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("b")).inject(Fault.status(500, { body: "broken" }, { path: "/api/tags" }))
      assert.notInclude(names(yield* within(OllamaClient.list(), "1 minute")), "qwen3:latest")
      for (const host of ["a", "c"]) {
        yield* (yield* simulator(host)).inject(Fault.status(500, { body: "broken" }, { path: "/api/tags" }))
      }
      expectTag(yield* Effect.flip(within(OllamaClient.list(), "1 minute")), "ServerError")
    }).pipe(Effect.provide(different))
  )

  it.effect("version is the lowest, by its numbers", () =>
    Effect.gen(function* () {
      yield* settled
      const { version } = yield* within(OllamaClient.version(), 0)
      assert.strictEqual(version, "0.9.6-simulator")
    }).pipe(Effect.provide(different))
  )

  it.effect("show is answered by a host that has the model", () =>
    Effect.gen(function* () {
      yield* settled
      const shown = yield* within(OllamaClient.show({ model: "all-minilm" }), 0)
      assert.isDefined(shown.details)
      assert.strictEqual(yield* asked("c", "/api/show"), 1)
      expectTag(yield* Effect.flip(within(OllamaClient.show({ model: "nowhere" }), 0)), "ModelNotFound")
    }).pipe(Effect.provide(different))
  )

  const needing: ReadonlyArray<
    readonly [name: string, call: Effect.Effect<unknown, OllamaError.OllamaError, OllamaClient.OllamaClient>]
  > = [
    ["pull", Stream.runDrain(OllamaClient.pull({ model }))],
    ["push", Stream.runDrain(OllamaClient.push({ model }))],
    ["create", Stream.runDrain(OllamaClient.create({ model: "mine", from: model }))],
    ["copy", OllamaClient.copy({ source: model, destination: "mine" })],
    ["remove", OllamaClient.remove({ model })],
    ["hasBlob", OllamaClient.hasBlob(digest)],
    ["uploadBlob", OllamaClient.uploadBlob({ digest, content: new Uint8Array(1) })],
    ["load", OllamaClient.load({ model })],
    ["unload", OllamaClient.unload({ model })],
    ["ensureModel", OllamaClient.ensureModel(model)],
    ["status", OllamaClient.status()],
    ["account", OllamaClient.account()],
    ["signOut", OllamaClient.signOut()]
  ]
  for (const [name, call] of needing) {
    it.effect(`${name} says that it needs one`, () =>
      Effect.gen(function* () {
        const error = expectTag(yield* Effect.flip(within(call, 0)), "InvalidRequest")
        assert.strictEqual(error.field, "host")
      }).pipe(Effect.provide(different))
    )
  }
})

describe("with a host", () => {
  it.effect("it is that one, whatever the placement", () =>
    Effect.gen(function* () {
      yield* settled
      const { record } = yield* recorded({ host: "b" }, request, 0)
      assert.strictEqual(record.host, url("b"))
      assert.strictEqual(yield* asked("a", "/api/chat"), 0)
      assert.deepStrictEqual(names(yield* within(OllamaClient.list({ host: "c" }), 0)), ["all-minilm:latest"])
      assert.strictEqual((yield* within(OllamaClient.version({ host: "c" }), 0)).version, "0.33.0-simulator")
      yield* within(Stream.runDrain(OllamaClient.pull({ model: "tinyllama" }, { host: "c" })), "1 second")
      assert.include(names(yield* within(OllamaClient.list({ host: "c" }), 0)), "tinyllama:latest")
      yield* within(OllamaClient.ensureModel("tinyllama", { host: "c" }), 0)
      yield* within(OllamaClient.load({ model: "gemma3" }, { host: "a" }), "1 minute")
      assert.include(names(yield* within(OllamaClient.running({ host: "a" }), 0)), "gemma3:latest")
      yield* within(OllamaClient.unload({ model: "gemma3" }, { host: "a" }), "1 minute")
      assert.notInclude(names(yield* within(OllamaClient.running({ host: "a" }), 0)), "gemma3:latest")
    }).pipe(Effect.provide(different))
  )

  it.effect("its failures stay there, and are retried there", () =>
    Effect.gen(function* () {
      yield* settled
      yield* (yield* simulator("b")).inject(Fault.serverBusy({ path: "/api/chat", times: 2 }))
      const { record, result } = yield* recorded({ host: "b" }, request, "5 seconds")
      assert.isTrue(Either.isRight(result), String(result))
      assert.deepStrictEqual(
        record.decisions.map(({ what }) => what),
        ["retried", "retried"]
      )
      assert.strictEqual(record.servedBy?.host, url("b"))
    }).pipe(Effect.provide(different))
  )

  it.effect("that the fleet does not have is refused", () =>
    Effect.gen(function* () {
      for (const host of ["d", "http://a b", "http://a:1"]) {
        const error = expectTag(yield* Effect.flip(OllamaClient.chat(request, { host })), "InvalidRequest")
        assert.strictEqual(error.field, "host")
      }
    }).pipe(Effect.provide(different))
  )
})
