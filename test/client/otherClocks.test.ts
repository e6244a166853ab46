import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { type OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { expectTag, expectTimeout, failsAt, within } from "../support/clock.js"
import { digest, empty, json, late, model, progress, silence, silent, stream, wait } from "../support/replies.js"
import { make, type Route } from "../support/server.js"

/** One attempt, so that what is seen is the clock of an attempt. */
const once = Policy.make({ retry: { attempts: 1 } })

type Call = (client: OllamaClient.Service) => Effect.Effect<unknown, OllamaError.OllamaError>

const reads: ReadonlyArray<readonly [string, string, Call]> = [
  ["list", "/api/tags", (client) => client.list()],
  ["running", "/api/ps", (client) => client.running()],
  ["show", "/api/show", (client) => client.show({ model })],
  ["version", "/api/version", (client) => client.version()],
  ["status", "/api/status", (client) => client.status()],
  ["account", "/api/me", (client) => client.account()],
  ["hasBlob", `/api/blobs/${digest}`, (client) => client.hasBlob(digest)],
  ["webSearch", "/api/experimental/web_search", (client) => client.webSearch({ query: "x".repeat(1000) })],
  ["webFetch", "/api/experimental/web_fetch", (client) => client.webFetch({ url: "https://example.com" })],
  ["copy", "/api/copy", (client) => client.copy({ source: model, destination: "other" })],
  ["remove", "/api/delete", (client) => client.remove({ model })],
  ["signOut", "/api/signout", (client) => client.signOut()],
  ["unload", "/api/generate", (client) => client.unload({ model })],
  ["pull, before its first line", "/api/pull", (client) => Stream.runDrain(client.pull({ model }))],
  ["push, before its first line", "/api/push", (client) => Stream.runDrain(client.push({ model }))],
  ["create, before its first line", "/api/create", (client) => Stream.runDrain(client.create({ model, from: "x" }))]
]

describe("response", () => {
  for (const [name, path, call] of reads) {
    it.scoped(`${name}: the firstToken limit, and nothing is asked about models`, () =>
      Effect.gen(function* () {
        const server = make({ [path]: silent })
        const client = yield* server.connect({ policy: once })
        const limit = name === "webSearch" ? 40_000 : 30_000
        expectTimeout(yield* failsAt(call(client), limit), "response", limit)
        assert.deepStrictEqual(
          server.seen.map((asked) => asked.path),
          [path]
        )
        assert.isTrue(server.seen[0]?.left)
      })
    )
  }

  it.scoped("a body that does not end is no answer", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": { ...json({}), body: ['{"version":', silence] } })
      const client = yield* server.connect({ policy: once })
      expectTimeout(yield* failsAt(client.version(), 30_000), "response", 30_000)
    })
  )

  it.scoped("a firstToken limit of the policy is the limit", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": silent })
      const client = yield* server.connect({ policy: Policy.merge(once, { timeouts: { firstToken: 250, load: 1 } }) })
      expectTimeout(yield* failsAt(client.version(), 250), "response", 250)
    })
  )

  it.scoped("reads are sent again after it, on the same host", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": [silent, silent, json({ version: "1" })] })
      const client = yield* server.connect({ policy: Policy.make({ retry: { jitter: "none", baseDelay: 100 } }) })
      assert.deepStrictEqual(yield* within(client.version()), { version: "1" })
      assert.deepStrictEqual(
        server.seen.map((asked) => asked.at),
        [0, 30_100, 60_300]
      )
    })
  )

  it.scoped("a response clock of three attempts lists the first two", () =>
    Effect.gen(function* () {
      const server = make({ "/api/tags": silent })
      const client = yield* server.connect({ policy: Policy.make({ retry: { jitter: "none", baseDelay: 100 } }) })
      const error = expectTimeout(yield* failsAt(client.list(), 90_300), "response", 30_000)
      assert.deepStrictEqual(
        error.attempts.map(({ phase, tag }) => [tag, phase]),
        [
          ["Timeout", "response"],
          ["Timeout", "response"]
        ]
      )
    })
  )
})

describe("load", () => {
  it.scoped("`load` runs on the load clock", () =>
    Effect.gen(function* () {
      const server = make({ "/api/generate": silent })
      const client = yield* server.connect()
      expectTimeout(yield* failsAt(client.load({ model }), 300_000), "load", 300_000)
      assert.strictEqual(server.at("/api/ps").length, 0)
      assert.strictEqual(server.at("/api/generate").length, 1)
    })
  )
})

describe("transfers", () => {
  const transfers = [
    ["pull", "/api/pull", (client: OllamaClient.Service) => client.pull({ model })],
    ["push", "/api/push", (client: OllamaClient.Service) => client.push({ model })],
    ["create", "/api/create", (client: OllamaClient.Service) => client.create({ model, from: "x" })]
  ] as const
  for (const [name, path, call] of transfers) {
    it.scoped(`${name}: ten minutes of silence after a line, no limit on the whole`, () =>
      Effect.gen(function* () {
        const slow = Array.from({ length: 12 }, () => [progress("verifying sha256 digest"), wait(599_999)]).flat()
        const server = make({ [path]: [stream(...slow, progress("success")), stream(progress("writing"), silence)] })
        const client = yield* server.connect()
        const all = yield* within(Stream.runCollect(call(client)), "5 hours")
        assert.strictEqual(Chunk.size(all), 13)
        const error = expectTimeout(yield* failsAt(Stream.runDrain(call(client)), 600_000), "gap", 600_000)
        assert.deepStrictEqual(error.partial, { text: "", thinking: "", tool_calls: [], chunks: 1 })
      })
    )
  }
})

describe("uploads", () => {
  const path = `/api/blobs/${digest}`
  const piece = new Uint8Array(10)
  const pieces = (count: number) =>
    Stream.fromIterable(Array.from({ length: count }, () => piece)).pipe(Stream.rechunk(1))

  it.scoped("as long as bytes are taken there is no limit", () =>
    Effect.gen(function* () {
      const server = make({ [path]: { ...empty(201), takes: { every: "29 seconds" } } })
      const client = yield* server.connect()
      yield* within(client.uploadBlob({ digest, content: pieces(50) }))
      assert.strictEqual(server.at(path).length, 1)
    })
  )

  it.scoped("the gap counts from the last byte that was taken", () =>
    Effect.gen(function* () {
      const server = make({ [path]: { ...empty(201), takes: { every: "20 seconds", pieces: 3 } } })
      const client = yield* server.connect()
      // taken at 0, 20 and 40 seconds
      const error = yield* failsAt(client.uploadBlob({ digest, content: pieces(50) }), 70_000)
      expectTimeout(error, "gap", 30_000)
    })
  )

  it.scoped("the gap counts after the last byte, too", () =>
    Effect.gen(function* () {
      const server = make({ [path]: { ...silent, takes: { every: "20 seconds" } } })
      const client = yield* server.connect()
      const error = yield* failsAt(client.uploadBlob({ digest, content: pieces(3) }), 70_000)
      expectTimeout(error, "gap", 30_000)
      assert.strictEqual(server.at(path).length, 1)
    })
  )

  it.scoped("bytes that are sent at once have the gap and a millisecond for each 1000 of them", () =>
    Effect.gen(function* () {
      const server = make({ [path]: [late(39_999, empty(201)), silent] })
      const client = yield* server.connect({ policy: once })
      const content = new Uint8Array(10_000_000)
      yield* within(client.uploadBlob({ digest, content }))
      expectTimeout(yield* failsAt(client.uploadBlob({ digest, content }), 40_000), "gap", 40_000)
    })
  )

  it.scoped("a failure of the content comes through as it is", () =>
    Effect.gen(function* () {
      const server = make({ [path]: { ...empty(201), takes: { every: 1 } } })
      const client = yield* server.connect()
      const content = Stream.concat(pieces(2), Stream.fail("no disk" as const))
      assert.strictEqual(yield* within(Effect.flip(client.uploadBlob({ digest, content }))), "no disk")
      assert.strictEqual(server.at(path).length, 1)
    })
  )

  it.scoped("a defect of the content stays one: it is no failure of the server", () =>
    Effect.gen(function* () {
      const server = make({ [path]: empty(201) })
      const client = yield* server.connect()
      const bug = new Error("a bug")
      const exit = yield* within(
        Effect.exit(client.uploadBlob({ digest, content: Stream.concat(pieces(2), Stream.die(bug)) }))
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.lengthOf(server.at(path), 1)
    })
  )

  it.scoped("the total limit counts here, too", () =>
    Effect.gen(function* () {
      const server = make({ [path]: { ...empty(201), takes: { every: "10 seconds" } } })
      const client = yield* server.connect()
      const call = client.uploadBlob({ digest, content: pieces(50) }, { policy: { timeouts: { total: "1 minute" } } })
      expectTimeout(yield* failsAt(call, 60_000), "total", 60_000)
    })
  )
})

describe("connect", () => {
  it.scoped("is the transport's: its failure names the phase, and its limit where it is known", () =>
    Effect.gen(function* () {
      const connectTimeout: Route = {
        ...empty(0),
        broken: Object.assign(new Error("Connect Timeout Error"), { code: "UND_ERR_CONNECT_TIMEOUT" })
      }
      const server = make({ "/api/version": connectTimeout })
      const client = yield* server.connect({ policy: once })
      const error = expectTag(yield* within(Effect.flip(client.version())), "Timeout")
      assert.strictEqual(error.phase, "connect")
      assert.strictEqual(error.cause?.code, "UND_ERR_CONNECT_TIMEOUT")
    })
  )
})
