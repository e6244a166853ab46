/** The retry table for one host: each failure, how it is made, and how often it is sent. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { within } from "../support/clock.js"
import {
  broken,
  chat,
  empty,
  end,
  errorLine,
  failure,
  html,
  json,
  problem,
  progress,
  psEmpty,
  redirect,
  type Reply,
  request,
  silence,
  silent,
  stream,
  token
} from "../support/replies.js"
import { make } from "../support/server.js"

interface Row {
  readonly reply: Reply
  /** The class, and its own field that tells causes apart. */
  readonly is: string
  readonly isRetryable: boolean
  /** How often it is sent when it fails each time and the policy allows four attempts. */
  readonly sent: 1 | 2 | 4
  readonly policy?: Policy.Patch
}

const row = (reply: Reply, is: string, isRetryable: boolean, sent: Row["sent"], policy: Policy.Patch = {}): Row => ({
  reply,
  is,
  isRetryable,
  sent,
  policy
})

const error = "x"

const table: Readonly<Record<string, Row>> = {
  refused: row(broken("ECONNREFUSED"), "Unreachable refused", true, 4),
  dns: row(broken("ENOTFOUND"), "Unreachable dns", true, 4),
  unroutable: row(broken("EHOSTUNREACH"), "Unreachable unroutable", true, 4),
  reset: row(broken("ECONNRESET"), "Unreachable reset", true, 4),
  gateway: row(html(502), "Unreachable gateway", true, 4),
  upstream: row(failure(502, "Post: dial tcp: lookup ollama.com"), "Unreachable upstream", true, 4),
  connect: row(broken("UND_ERR_CONNECT_TIMEOUT"), "Timeout connect", true, 4),
  tls: row(broken("DEPTH_ZERO_SELF_SIGNED_CERT"), "Unreachable tls", false, 1),
  protocol: row(broken("HPE_INVALID_CONSTANT"), "Unreachable protocol", false, 1),
  load: row(silent, "Timeout load", true, 1, { timeouts: { load: 100, firstToken: 100 } }),
  gap: row(stream(token("a"), silence), "Timeout gap", true, 1, { timeouts: { gap: 100 } }),
  total: row(silent, "Timeout total", false, 1, { timeouts: { total: 100 } }),
  server: row(
    failure(503, "server busy, please try again.  maximum pending requests exceeded"),
    "Overloaded server",
    true,
    4
  ),
  "429": row(failure(429, "too many requests"), "Overloaded server", true, 4),
  "529": row(failure(529, "overloaded"), "Overloaded server", true, 4),
  "504": row(html(504), "Overloaded gateway", true, 4),
  quota: row(failure(429, "you (a) have reached your weekly usage limit"), "Overloaded quota", false, 1),
  "origin or Host": row(empty(403), "Blocked hostHeader", false, 1),
  proxy: row(html(407), "Blocked proxy", false, 1),
  firewall: row(broken("EPERM"), "Blocked firewall", false, 1),
  "captive portal": row(html(200), "Blocked captivePortal", false, 1),
  redirect: row(redirect("https://login.example/"), "Blocked captivePortal", false, 1),
  "cloud disabled": row(
    failure(403, "ollama cloud is disabled: remote model is unavailable"),
    "Blocked cloudDisabled",
    false,
    1
  ),
  forbidden: row(failure(403, "no"), "Blocked forbidden", false, 1),
  "401": row(failure(401, "unauthorized"), "Unauthorized", false, 1),
  "402": row(failure(402, "balance"), "Unauthorized", false, 1),
  model: row(failure(404, "model 'llama3.2' not found"), "ModelNotFound", false, 1),
  "400": row(failure(400, "invalid"), "InvalidRequest malformed", false, 1),
  option: row(failure(500, 'option "num_ctx" must be of type integer'), "InvalidRequest option", false, 1),
  format: row(
    failure(500, 'invalid format: "x"; expected "json" or a valid JSON Schema object'),
    "InvalidRequest format",
    false,
    1
  ),
  endpoint: row(
    { ...empty(404, { "content-type": "text/plain" }), body: ["404 page not found"] },
    "InvalidRequest noSuchEndpoint",
    false,
    1
  ),
  "not JSON": row(stream("what?\n"), "ProtocolError", false, 1),
  "empty 200": row(empty(200), "ProtocolError", false, 1),
  "out of memory": row(
    failure(500, "model requires more system memory (8 GiB) than is available (4 GiB)"),
    "LoadFailed true",
    false,
    1
  ),
  "load failed": row(failure(500, "timed out waiting for llama-server to start - "), "LoadFailed false", true, 1),
  crashed: row(failure(500, "llama-server process no longer running: unknown"), "ServerError true", true, 2),
  "crashed, as a first line": row(
    stream(errorLine("model runner has unexpectedly stopped")),
    "ServerError true",
    true,
    2
  ),
  later: row(failure(500, "unexpected server status: llm server loading model"), "ServerError false", true, 2),
  "500": row(failure(500, error), "ServerError false", false, 1),
  "500 with nothing": row(empty(500), "ServerError false", false, 1),
  "error line first": row(stream(errorLine(error)), "ServerError false", false, 1),
  "error line after a chunk": row(stream(token("a"), errorLine(error)), "ServerError false", true, 1),
  "crashed after a chunk": row(
    stream(token("a"), errorLine("an error was encountered while running the model: unexpected EOF")),
    "ServerError true",
    true,
    1
  ),
  "ended before a chunk": row(stream(), "StreamInterrupted", true, 4),
  "cut in the first chunk": row(stream('{"model":"llama'), "StreamInterrupted", true, 4),
  "ended after a chunk": row(stream(token("a")), "StreamInterrupted", true, 1),
  "reset after the headers": row(stream({ broken: problem("ECONNRESET") }), "Unreachable reset", true, 4),
  "reset after a chunk": row(stream(token("a"), { broken: problem("UND_ERR_SOCKET") }), "StreamInterrupted", true, 1)
}

const is = (e: OllamaError.OllamaError): string => {
  switch (e._tag) {
    case "Timeout":
      return `Timeout ${e.phase}`
    case "Unreachable":
      return `Unreachable ${e.reason}`
    case "Overloaded":
    case "Blocked":
      return `${e._tag} ${e.by}`
    case "InvalidRequest":
      return `InvalidRequest ${e.issue}`
    case "LoadFailed":
      return `LoadFailed ${e.outOfMemory}`
    case "ServerError":
      return `ServerError ${e.crashed}`
    default:
      return e._tag
  }
}

/** Waits of 1, 2 and 4 seconds. */
const policy = Policy.make({ retry: { attempts: 4, jitter: "none", baseDelay: "1 second" } })
const waits = [0, 1000, 3000, 7000]

const calls: ReadonlyArray<
  [
    string,
    (client: OllamaClient.Service, options: OllamaClient.CallOptions) => Effect.Effect<unknown, OllamaError.OllamaError>
  ]
> = [
  ["chat", (client, options) => client.chat(request, options)],
  ["chatStream", (client, options) => Stream.runDrain(client.chatStream(request, options))]
]

for (const [name, call] of calls) {
  describe(`${name}: the retry table`, () => {
    for (const [title, expected] of Object.entries(table)) {
      it.scoped(`${title}: ${expected.is}, sent ${expected.sent} times`, () =>
        Effect.gen(function* () {
          // a model that is loaded has its own clock
          const server = make({ "/api/chat": expected.reply, ...(title === "load" ? { "/api/ps": psEmpty } : {}) })
          const client = yield* server.connect({ policy })
          const failed = yield* within(Effect.flip(call(client, { policy: expected.policy ?? {} })), "2 minutes")
          assert.strictEqual(is(failed), expected.is)
          assert.strictEqual(failed.isRetryable, expected.isRetryable)
          const sent = server.at("/api/chat").map((asked) => asked.at)
          assert.deepStrictEqual(sent, waits.slice(0, expected.sent))
          assert.strictEqual(failed.attempts.length, sent.length - 1)
          for (const earlier of failed.attempts) assert.strictEqual(earlier.tag, failed._tag)
        })
      )
    }

    it.scoped("what fails once and then succeeds is a success", () =>
      Effect.gen(function* () {
        for (const { reply, sent } of Object.values(table)) {
          if (sent === 1) continue
          const server = make({ "/api/chat": [reply, chat("a")] })
          const client = yield* server.connect({ policy })
          yield* within(call(client, {}), "2 minutes")
          assert.strictEqual(server.at("/api/chat").length, 2)
        }
      })
    )
  })
}

describe("the attempts of a call", () => {
  it.scoped("are listed in its failure, oldest first, with what is known of each", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/chat": [
          { ...failure(503, "server busy"), delay: 50 },
          broken("ECONNREFUSED"),
          failure(500, "llama-server process no longer running: unknown"),
          failure(400, "no good")
        ]
      })
      const client = yield* server.connect({ policy })
      const failed = yield* within(Effect.flip(client.chat(request)))
      assert.strictEqual(failed._tag, "InvalidRequest")
      assert.deepStrictEqual(
        failed.attempts.map(({ detail, phase, status, tag, ...rest }) => [tag, phase, status, detail, rest.host]),
        [
          ["Overloaded", "firstToken", 503, "server busy", "http://127.0.0.1:11434"],
          ["Unreachable", "connect", undefined, undefined, "http://127.0.0.1:11434"],
          [
            "ServerError",
            "firstToken",
            500,
            "llama-server process no longer running: unknown",
            "http://127.0.0.1:11434"
          ]
        ]
      )
      assert.match(failed.message, /attempt 4/)
    })
  )

  it.scoped("a failure that is sent again once counts by its class, not by its place", () =>
    Effect.gen(function* () {
      const crashed = failure(500, "llama-server process no longer running: unknown")
      const server = make({ "/api/chat": [failure(503, "busy"), crashed, failure(503, "busy"), crashed, chat("a")] })
      const client = yield* server.connect({ policy: Policy.merge(policy, { retry: { attempts: 10 } }) })
      const failed = yield* within(Effect.flip(client.chat(request)))
      assert.strictEqual(failed._tag, "ServerError")
      assert.strictEqual(server.at("/api/chat").length, 4)
    })
  )

  it.scoped("by default there are three, and never a fourth", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": failure(503, "busy"), "/api/version": failure(503, "busy") })
      const client = yield* server.connect()
      yield* within(Effect.flip(client.chat(request)))
      yield* within(Effect.flip(client.version()))
      assert.strictEqual(server.at("/api/chat").length, 3)
      assert.strictEqual(server.at("/api/version").length, 3)
    })
  )

  it.scoped("the same encoded request is sent each time", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [failure(503, "busy"), failure(503, "busy"), chat("a")] })
      const client = yield* server.connect()
      yield* within(client.chat({ ...request, options: { seed: 7 } }))
      assert.strictEqual(new Set(server.at("/api/chat").map((asked) => asked.body)).size, 1)
    })
  )
})

describe("a connection that was reset", () => {
  it.scoped("is tried again at once when the server had answered before, else after the backoff", () =>
    Effect.gen(function* () {
      const reset = broken("ECONNRESET")
      const server = make({ "/api/version": [reset, json({ version: "1" }), reset, json({ version: "2" })] })
      const client = yield* server.connect({ policy })
      assert.deepStrictEqual(yield* within(client.version(), 1000), { version: "1" })
      assert.deepStrictEqual(yield* within(client.version(), 0), { version: "2" })
      assert.deepStrictEqual(
        server.at("/api/version").map((asked) => asked.at),
        [0, 1000, 1000, 1000]
      )
    })
  )

  it.scoped("is not tried again by a policy of one attempt", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": [json({ version: "1" }), broken("ECONNRESET"), json({ version: "2" })] })
      const client = yield* server.connect({ policy: Policy.none })
      yield* client.version()
      assert.strictEqual((yield* Effect.flip(client.version()))._tag, "Unreachable")
      assert.strictEqual(server.at("/api/version").length, 2)
    })
  )

  it.scoped("a pull is not begun again after its first line", () =>
    Effect.gen(function* () {
      const server = make({
        "/api/pull": [broken("ECONNREFUSED"), stream(progress("pulling manifest"), { broken: problem("ECONNRESET") })]
      })
      const client = yield* server.connect({ policy })
      const failed = yield* within(Effect.flip(Stream.runDrain(client.pull({ model: "a" }))))
      assert.strictEqual(failed._tag, "StreamInterrupted")
      assert.strictEqual(server.at("/api/pull").length, 2)
      assert.strictEqual(failed.attempts[0]?.tag, "Unreachable")
    })
  )

  it.scoped("an answer that ends in the middle after good chunks is not asked for again", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [stream(token("a"), token("b")), stream(token("c"), end())] })
      const client = yield* server.connect({ policy })
      const failed = yield* within(Effect.flip(client.chat(request)))
      assert.strictEqual(failed.partial?.text, "ab")
      assert.strictEqual(server.at("/api/chat").length, 1)
    })
  )
})
