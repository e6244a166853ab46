/** What the class of an endpoint changes about retries. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { expectTag, within } from "../support/clock.js"
import {
  broken,
  digest,
  empty,
  failure,
  html,
  json,
  model,
  progress,
  type Reply,
  silent,
  stream
} from "../support/replies.js"
import { make } from "../support/server.js"

const policy = Policy.make({ retry: { attempts: 3, jitter: "none", baseDelay: 10 } })

const everySecond = Schedule.spaced("1 second")

type Call = (client: OllamaClient.Service) => Effect.Effect<unknown, OllamaError.OllamaError>

/** Failures of every kind; at `write`, whether certainly nothing was done. */
const failures: Readonly<Record<string, { readonly reply: Reply; readonly write: boolean; readonly other: boolean }>> =
  {
    refused: { reply: broken("ECONNREFUSED"), write: true, other: true },
    dns: { reply: broken("ENOTFOUND"), write: true, other: true },
    connect: { reply: broken("UND_ERR_CONNECT_TIMEOUT"), write: true, other: true },
    "503": { reply: failure(503, "server busy"), write: true, other: true },
    reset: { reply: broken("ECONNRESET"), write: false, other: true },
    gateway: { reply: html(502), write: false, other: true },
    "504": { reply: html(504), write: false, other: true },
    "429": { reply: failure(429, "slow down"), write: false, other: true },
    crashed: { reply: failure(500, "llama-server process no longer running: unknown"), write: false, other: true },
    "500": { reply: failure(500, "x"), write: false, other: false },
    "400": { reply: failure(400, "x"), write: false, other: false }
  }

const classes: Readonly<Record<string, ReadonlyArray<readonly [string, string, Reply, Call]>>> = {
  write: [
    ["copy", "/api/copy", empty(200), (client) => client.copy({ source: model, destination: "b" })],
    ["remove", "/api/delete", empty(200), (client) => client.remove({ model })],
    ["signOut", "/api/signout", empty(200), (client) => client.signOut()],
    ["unload", "/api/generate", json({ model, done: true }), (client) => client.unload({ model })]
  ],
  other: [
    ["list", "/api/tags", json({ models: [] }), (client) => client.list()],
    ["show", "/api/show", json({ details: {}, model_info: {} }), (client) => client.show({ model })],
    ["webSearch", "/api/experimental/web_search", json({ results: [] }), (client) => client.webSearch({ query: "a" })],
    ["hasBlob", `/api/blobs/${digest}`, empty(200), (client) => client.hasBlob(digest)],
    ["load", "/api/generate", json({ model, done: true }), (client) => client.load({ model })],
    ["embed", "/api/embed", json({ model, embeddings: [[1]] }), (client) => client.embed({ model, input: "a" })],
    ["pull", "/api/pull", stream(progress("success")), (client) => Stream.runDrain(client.pull({ model }))],
    [
      "uploadBlob of bytes",
      `/api/blobs/${digest}`,
      empty(201),
      (client) => client.uploadBlob({ digest, content: new Uint8Array(3) })
    ]
  ]
}

for (const [kind, calls] of Object.entries(classes)) {
  describe(kind === "write" ? "writes: only when certainly nothing was done" : "what may be sent again", () => {
    for (const [name, path, good, call] of calls) {
      it.scoped(name, () =>
        Effect.gen(function* () {
          for (const [title, { other, reply, write }] of Object.entries(failures)) {
            const server = make({ [path]: [reply, good] })
            const client = yield* server.connect({ policy })
            const result = yield* within(Effect.either(call(client)), "1 minute")
            // the answer to HEAD has no text, so a crash is a failure like any other
            const isSent = kind === "write" ? write : other && !(name === "hasBlob" && title === "crashed")
            assert.strictEqual(server.at(path).length, isSent ? 2 : 1, title)
            assert.strictEqual(result._tag, isSent ? "Right" : "Left", title)
          }
        })
      )
    }
  })
}

describe("writes", () => {
  it.scoped("are not sent again when no answer came in time: it may have been done", () =>
    Effect.gen(function* () {
      const server = make({ "/api/copy": silent })
      const client = yield* server.connect({ policy })
      const error = expectTag(yield* within(Effect.flip(client.copy({ source: model, destination: "b" }))), "Timeout")
      assert.strictEqual(error.phase, "response")
      assert.strictEqual(server.at("/api/copy").length, 1)
    })
  )

  it.scoped("are not sent again by a schedule of the user's either", () =>
    Effect.gen(function* () {
      const server = make({ "/api/delete": [failure(503, "busy"), broken("ECONNRESET"), empty(200)] })
      const client = yield* server.connect({ retrySchedule: everySecond })
      expectTag(yield* within(Effect.flip(client.remove({ model }))), "Unreachable")
      assert.strictEqual(server.at("/api/delete").length, 2)
    })
  )
})

describe("an upload of a Stream", () => {
  const content = Stream.make(new Uint8Array(3), new Uint8Array(4))
  const path = `/api/blobs/${digest}`

  it.scoped("is never sent again", () =>
    Effect.gen(function* () {
      for (const [title, { reply }] of Object.entries(failures)) {
        const server = make({ [path]: [reply, empty(201)] })
        const client = yield* server.connect({ policy })
        yield* within(Effect.flip(client.uploadBlob({ digest, content })), "1 minute")
        assert.strictEqual(server.at(path).length, 1, title)
      }
    })
  )

  it.scoped("by a schedule of the user's neither", () =>
    Effect.gen(function* () {
      const server = make({ [path]: [failure(503, "busy"), empty(201)] })
      const client = yield* server.connect()
      yield* within(Effect.flip(client.uploadBlob({ digest, content }, { retrySchedule: everySecond })))
      assert.strictEqual(server.at(path).length, 1)
    })
  )
})

describe("Retry-After", () => {
  const waits = (
    header: Record<string, string>,
    reply: (header: Record<string, string>) => Reply = (h) => failure(503, "busy", h)
  ) =>
    Effect.gen(function* () {
      const server = make({ "/api/version": [reply(header), json({ version: "1" })] })
      const client = yield* server.connect({ policy })
      yield* within(client.version(), "1 minute")
      const [first, second] = server.at("/api/version")
      return (second?.at ?? Number.NaN) - (first?.at ?? 0)
    })

  it.scoped("is kept between the wait that was computed and five seconds more", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* waits({ "retry-after": "3" }), 3000)
      assert.strictEqual(yield* waits({ "retry-after": "0" }), 10)
      assert.strictEqual(yield* waits({ "retry-after": "0.005" }), 10)
      assert.strictEqual(yield* waits({ "retry-after": "86400" }), 5010)
      assert.strictEqual(yield* waits({ "retry-after-ms": "1500", "retry-after": "9" }), 1500)
      assert.strictEqual(yield* waits({ "retry-after": "2" }, (h) => failure(429, "slow down", h)), 2000)
      assert.strictEqual(yield* waits({ "retry-after": "2" }, (h) => html(504, h)), 2000)
    })
  )

  it.scoped("that cannot be read counts as none", () =>
    Effect.gen(function* () {
      for (const value of ["soon", "-1", "NaN", "Infinity", "1,2", "", "0x10", "1e3"]) {
        assert.strictEqual(yield* waits({ "retry-after": value }), 10, value)
      }
    })
  )

  it.scoped("as a date counts from the test's clock", () =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      assert.strictEqual(yield* waits({ "retry-after": new Date(now + 4000).toUTCString() }), 4000)
      assert.strictEqual(yield* waits({ "retry-after": "Wed, 01 Jan 1969 00:00:00 GMT" }), 10)
    })
  )

  it.scoped("is in the failure", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": failure(503, "busy", { "retry-after": "7" }) })
      const client = yield* server.connect({ policy: Policy.none })
      const error = expectTag(yield* Effect.flip(client.version()), "Overloaded")
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(7))
      assert.match(error.message, /retry after 7 s/)
    })
  )

  it.scoped("a hint of the quota is for the caller: nothing is sent again", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/version": failure(429, "you have reached your weekly usage limit", { "retry-after": "1" })
      })
      const client = yield* server.connect({ policy })
      const error = expectTag(yield* within(Effect.flip(client.version())), "Overloaded")
      assert.deepStrictEqual(error.retryAfter, Duration.seconds(1))
      assert.strictEqual(server.seen.length, 1)
    })
  )
})
