/** Calls that are more than one request, or whose answer is a status: ensureModel, load, unload, blobs. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Policy } from "effect-ollama"
import { expectTag, within } from "../support/clock.js"
import {
  digest,
  empty,
  errorLine,
  failure,
  html,
  json,
  model,
  noSuchPath,
  progress,
  ps,
  refused,
  show,
  stream
} from "../support/replies.js"
import { make } from "../support/server.js"

const once = { policy: Policy.make({ retry: { attempts: 1 } }) }
const missing = failure(404, `model '${model}' not found`)
const loaded = json({ model, created_at: "", done: true, done_reason: "load" })

describe("ensureModel", () => {
  it.scoped("a model that is there is shown, and not pulled", () =>
    Effect.gen(function* () {
      const server = make({ "/api/show": show })
      const client = yield* server.connect()
      assert.deepStrictEqual(yield* client.ensureModel(model), { details: {}, model_info: {} })
      assert.lengthOf(server.seen, 1)
    })
  )

  it.scoped("one that is missing is pulled, and shown then", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/show": [missing, show],
        "/api/pull": stream(progress("pulling manifest"), progress("success"))
      })
      const client = yield* server.connect()
      yield* client.ensureModel(model)
      assert.deepStrictEqual(
        server.seen.map(({ json, path }) => [path, json]),
        [
          ["/api/show", { model }],
          ["/api/pull", { model, stream: true }],
          ["/api/show", { model }]
        ]
      )
    })
  )

  it.scoped("a pull that fails is the failure", () =>
    Effect.gen(function* () {
      const pull = stream(progress("pulling manifest"), errorLine("pull model manifest: file does not exist"))
      const server = make({ "/api/show": missing, "/api/pull": pull })
      const client = yield* server.connect()
      const error = expectTag(yield* Effect.flip(client.ensureModel("nobody/has-this")), "ModelNotFound")
      assert.strictEqual(error.endpoint, "/api/pull")
    })
  )

  it.scoped("other failures of show are not answered with a pull", () =>
    Effect.gen(function* () {
      const server = make({ "/api/show": refused })
      const client = yield* server.connect(once)
      expectTag(yield* Effect.flip(client.ensureModel(model)), "Unreachable")
      assert.lengthOf(server.at("/api/pull"), 0)
    })
  )
})

describe("load", () => {
  it.scoped("asks generate for nothing", () =>
    Effect.gen(function* () {
      const server = make({ "/api/generate": loaded })
      const client = yield* server.connect()
      assert.strictEqual((yield* client.load({ model, keep_alive: "1h" })).done_reason, "load")
      assert.deepStrictEqual(server.seen[0]?.json, { model, keep_alive: "1h" })
    })
  )

  const cannotGenerate = failure(400, '"all-minilm" does not support generate')

  it.scoped("an embedding model is loaded by its own endpoint, with the same options", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/generate": cannotGenerate,
        "/api/embed": json({ model: "all-minilm", embeddings: [] })
      })
      const client = yield* server.connect()
      const response = yield* client.load({ model: "all-minilm", keep_alive: -1, options: { num_ctx: 256 } })
      assert.strictEqual(response.model, "all-minilm")
      assert.deepStrictEqual(server.at("/api/embed")[0]?.json, {
        model: "all-minilm",
        keep_alive: -1,
        options: { num_ctx: 256 }
      })
    })
  )

  it.scoped("a failure of that load is what is told", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/generate": cannotGenerate,
        "/api/embed": failure(500, "model requires more system memory (8 GiB) than is available (4 GiB)")
      })
      const client = yield* server.connect()
      assert.isTrue(expectTag(yield* Effect.flip(client.load({ model: "all-minilm" })), "LoadFailed").outOfMemory)
    })
  )

  it.scoped("a model that can do neither: the first answer is what is told", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/generate": cannotGenerate,
        "/api/embed": failure(501, "this model does not support embeddings")
      })
      const client = yield* server.connect()
      const error = expectTag(yield* Effect.flip(client.load({ model: "all-minilm" })), "InvalidRequest")
      assert.strictEqual(error.endpoint, "/api/generate")
    })
  )

  it.scoped("a model that is missing is missing", () =>
    Effect.gen(function* () {
      const server = make({ "/api/generate": missing })
      const client = yield* server.connect()
      expectTag(yield* Effect.flip(client.load({ model })), "ModelNotFound")
      assert.lengthOf(server.seen, 1)
    })
  )
})

describe("blobs", () => {
  const path = `/api/blobs/${digest}`
  const has = (reply: Parameters<typeof make>[0][string]) =>
    Effect.gen(function* () {
      const server = make({ [path]: reply })
      const client = yield* server.connect(once)
      return yield* Effect.either(client.hasBlob(digest))
    })

  it.scoped("hasBlob: 200 is true, 404 is false", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* has(empty(200)), { right: true })
      assert.deepInclude(yield* has(empty(404)), { right: false })
    })
  )

  it.scoped("hasBlob: what is no answer of this endpoint is a failure", () =>
    Effect.gen(function* () {
      for (const [reply, tag] of [
        [noSuchPath, "InvalidRequest"],
        [html(404), "InvalidRequest"],
        [html(200), "Blocked"],
        [empty(500), "ServerError"],
        [empty(403), "Blocked"],
        [refused, "Unreachable"]
      ] as const) {
        const result = yield* has(reply)
        assert.strictEqual(result._tag === "Left" ? result.left._tag : "Right", tag)
      }
    })
  )

  it.scoped("uploadBlob: 200 (it was there) and 201 are both good", () =>
    Effect.gen(function* () {
      for (const status of [200, 201]) {
        const server = make({ [path]: empty(status) })
        const client = yield* server.connect(once)
        assert.isUndefined(yield* client.uploadBlob({ digest, content: new Uint8Array(4) }))
      }
    })
  )

  it.scoped("uploadBlob: a content that does not fit the digest", () =>
    Effect.gen(function* () {
      const server = make({ [path]: failure(400, 'digest mismatch, expected "sha256:a", got "sha256:b"') })
      const client = yield* server.connect()
      const error = expectTag(
        yield* Effect.flip(client.uploadBlob({ digest, content: new Uint8Array(4) })),
        "InvalidRequest"
      )
      assert.strictEqual(error.issue, "digest")
      assert.strictEqual(error.field, "digest")
    })
  )
})

describe("transfers", () => {
  it.scoped("give every line, and end after success", () =>
    Effect.gen(function* () {
      const lines = [
        progress("pulling manifest"),
        progress("pulling a", { digest, total: 10, completed: 4 }),
        progress("success")
      ]
      const server = make({ "/api/pull": stream(...lines, progress("what follows")) })
      const client = yield* server.connect()
      const all = Chunk.toReadonlyArray(yield* Stream.runCollect(client.pull({ model })))
      assert.deepStrictEqual(all, [
        { status: "pulling manifest" },
        { status: "pulling a", digest, total: 10, completed: 4 },
        { status: "success" }
      ])
    })
  )
})

describe("running and ps", () => {
  it.scoped("running is a request of its own, not the look that is remembered", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": refused, "/api/ps": ps() })
      const client = yield* server.connect(once)
      yield* within(Effect.either(client.chat({ model, messages: [] })))
      assert.lengthOf((yield* client.running()).models, 1)
      assert.lengthOf(server.at("/api/ps"), 2)
    })
  )
})
