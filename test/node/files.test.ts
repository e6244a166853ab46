import { assert, describe, it } from "@effect/vitest"
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { OllamaNode } from "effect-ollama/node"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as Servers from "../sockets/servers.js"

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`

/** A file of more than one piece. */
const content = new Uint8Array(1_000_003).map((_, i) => (i * 31) % 251)

const file = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const path = yield* files.makeTempFileScoped()
    yield* files.writeFile(path, bytes)
    return path
  }).pipe(Effect.provide(NodeFileSystem.layer))

/** Keeps blobs by their digest, as the server does. */
const blobServer = (has: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const blobs = new Set(has)
    const asked: Array<string> = []
    const server = yield* Servers.http(({ bytes, request, response }) => {
      const digest = (request.url ?? "").replace("/api/blobs/", "")
      asked.push(request.method ?? "")
      if (request.method === "HEAD") return void response.writeHead(blobs.has(digest) ? 200 : 404).end()
      if (digestOf(bytes) !== digest) {
        response.writeHead(400, { "content-type": "application/json" })
        return void response.end(JSON.stringify({ error: `digest mismatch, expected ${digest}` }))
      }
      blobs.add(digest)
      response.writeHead(201).end()
    })
    return { server, asked }
  })

describe("digestFile", () => {
  for (const bytes of [content, new Uint8Array(0)]) {
    it.scopedLive(`of ${bytes.length} bytes`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* OllamaNode.digestFile(yield* file(bytes)), digestOf(bytes))
      })
    )
  }

  it.live("fails with the path of a file that is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(OllamaNode.digestFile("/nowhere/model.gguf"))
      assert.strictEqual(error._tag, "SystemError")
      assert.strictEqual(error._tag === "SystemError" ? error.reason : undefined, "NotFound")
      assert.include(error.message, "/nowhere/model.gguf")
    })
  )
})

describe("uploadFile", () => {
  it.scopedLive("asks first, then uploads", () =>
    Effect.gen(function* () {
      const { asked, server } = yield* blobServer()
      const path = yield* file(content)
      const layer = OllamaNode.layer({ host: server.address })
      const first = yield* Effect.provide(OllamaNode.uploadFile({ path }), layer)
      const second = yield* Effect.provide(OllamaNode.uploadFile({ path, digest: first.digest }), layer)
      assert.deepStrictEqual([first, second], [{ digest: digestOf(content) }, { digest: digestOf(content) }])
      assert.deepStrictEqual(asked, ["HEAD", "POST", "HEAD"])
    })
  )

  for (const digest of [undefined, digestOf(content)]) {
    it.scopedLive(`a file that is not there fails before anything is sent${digest ? ", also with a digest" : ""}`, () =>
      Effect.gen(function* () {
        const { asked, server } = yield* blobServer()
        const error = yield* Effect.flip(
          Effect.provide(
            OllamaNode.uploadFile({ path: "/nowhere/model.gguf", digest }),
            OllamaNode.layer({ host: server.address })
          )
        )
        assert.strictEqual(error._tag, "SystemError")
        assert.include(error.message, "/nowhere/model.gguf")
        assert.deepStrictEqual(asked, [])
      })
    )
  }

  it.scopedLive("a digest of another content is refused by the server", () =>
    Effect.gen(function* () {
      const { server } = yield* blobServer()
      const error = yield* Effect.flip(
        Effect.provide(
          OllamaNode.uploadFile({ path: yield* file(content), digest: digestOf(new Uint8Array(1)) }),
          OllamaNode.layer({ host: server.address })
        )
      )
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.strictEqual(error._tag === "InvalidRequest" ? error.issue : undefined, "digest")
    })
  )

  it.scopedLive("a malformed digest is refused here", () =>
    Effect.gen(function* () {
      const { asked, server } = yield* blobServer()
      const error = yield* Effect.flip(
        Effect.provide(
          OllamaNode.uploadFile({ path: yield* file(content), digest: "sha256:1" }),
          OllamaNode.layer({ host: server.address })
        )
      )
      assert.strictEqual(error._tag === "InvalidRequest" ? error.field : error._tag, "digest")
      assert.deepStrictEqual(asked, [])
    })
  )
})
