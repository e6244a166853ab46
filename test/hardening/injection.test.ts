/** No value of a request becomes a part of the request's head: whatever a caller hands on from its own users. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Ref, Redacted, Stream } from "effect"
import { OllamaClient, OllamaConfig } from "effect-ollama"
import type { IncomingHttpHeaders } from "node:http"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

const names: ReadonlyArray<string> = [
  "m\r\nx-injected: 1",
  "m\r\n\r\nGET /api/delete HTTP/1.1\r\nhost: x\r\n\r\n",
  "m HTTP/1.1\r\n",
  "../../api/delete",
  "..%2f..%2fapi%2fdelete",
  "m?stream=false#x",
  "m\0",
  "m\u0001\u007f\u0085",
  "\u2028\u202em",
  "m\ud800",
  "ｍodel．．／",
  "\ud83e\udd99",
  '","stream":false,"x":"',
  "__proto__",
  "constructor",
  "http://elsewhere/m",
  "m".repeat(100_000)
]

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly json: unknown
}

const collecting = Effect.gen(function* () {
  const seen: Array<Seen> = []
  const server = yield* Servers.http((exchange) => {
    const { headers, method, url } = exchange.request
    const parsed: unknown = exchange.body === "" ? undefined : JSON.parse(exchange.body)
    seen.push({ method, url, headers, json: parsed })
    if (url === "/api/chat") Servers.answer(exchange)
    else
      Servers.json(
        exchange,
        200,
        url === "/api/ps" ? { models: [] } : { details: {}, model_info: {}, status: "success" }
      )
  })
  return { server, seen }
})

const policy = { timeouts: { load: "none", firstToken: "none" }, retry: { attempts: 1 } } as const

/** Calls by what they send as a name, and where. */
const calls: ReadonlyArray<
  readonly [
    path: string,
    field: string,
    run: (client: OllamaClient.Service, name: string) => Effect.Effect<unknown, unknown>
  ]
> = [
  ["/api/chat", "model", (client, model) => client.chat({ ...Transports.request, model }, { policy, session: model })],
  ["/api/show", "model", (client, model) => client.show({ model }, { policy })],
  ["/api/pull", "model", (client, model) => Stream.runDrain(client.pull({ model }, { policy }))],
  ["/api/copy", "source", (client, source) => client.copy({ source, destination: source }, { policy })],
  ["/api/delete", "model", (client, model) => client.remove({ model }, { policy })]
]

const plainHeaders = ["accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type"]
const allowed = new Set([...plainHeaders, "host", "sec-fetch-mode", "transfer-encoding", "user-agent", "authorization"])

describe.each(["fetch", "undici"] as const)("over %s, a name", (transport) => {
  for (const name of names) {
    it.scopedLive(`is a text in the body and nothing else: ${JSON.stringify(name).slice(0, 60)}`, () =>
      Effect.gen(function* () {
        const { seen, server } = yield* collecting
        yield* Effect.gen(function* () {
          const client = yield* OllamaClient.OllamaClient
          for (const [path, field, run] of calls) {
            seen.length = 0
            const made = yield* Effect.either(run(client, name))
            // whoever refuses it has sent nothing
            if (Either.isLeft(made) && seen.length === 0) continue
            assert.deepStrictEqual(
              seen.map(({ url }) => url),
              [path]
            )
            const [asked] = seen
            assert.deepInclude(asked?.json, { [field]: name })
            for (const header of Object.keys(asked?.headers ?? {})) assert.isTrue(allowed.has(header), header)
            assert.strictEqual(asked?.headers.host, server.address)
          }
        }).pipe(Effect.provide(Transports.layer(transport, { host: server.address })))
        assert.isFalse("polluted" in {})
      })
    )
  }
})

describe("a digest", () => {
  const good = `sha256:${"a".repeat(64)}`
  const digests = [
    `${good}\r\nx-injected: 1`,
    `${good}/../../delete`,
    `${good}?x`,
    `${good}#x`,
    `${good}\n`,
    `${good}%0d%0a`,
    `sha256:${"a".repeat(63)}\u0661`,
    `../${good}`,
    "",
    "__proto__"
  ]
  it.scopedLive("that is none is refused before anything is sent", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* collecting
      yield* Effect.gen(function* () {
        const client = yield* OllamaClient.OllamaClient
        for (const digest of digests) {
          const errors = [
            yield* Effect.flip(client.hasBlob(digest)),
            yield* Effect.flip(client.uploadBlob({ digest, content: new Uint8Array(1) }))
          ]
          for (const error of errors) {
            assert.strictEqual(error._tag, "InvalidRequest")
            assert.notInclude(error.message, "x-injected")
          }
        }
      }).pipe(Effect.provide(Transports.layer("undici", { host: server.address })))
      assert.deepStrictEqual(seen, [])
    })
  )
})

describe("credentials and headers", () => {
  const values = ["a\r\nx-injected: 1", "a\nb", "a\0b", "a\u007fb", "a\u0100", "\ud83e\udd99", "a\u2028b"]
  it.scopedLive("that no header can carry are refused, and not repeated", () =>
    Effect.gen(function* () {
      for (const value of values) {
        const options: ReadonlyArray<OllamaClient.Options> = [
          { apiKey: Redacted.make(value) },
          { headers: { "x-a": value } },
          { headers: { "x-a": Redacted.make(value) } },
          { headers: { [`x-${value}`]: "a" } },
          { headers: { "x a": "a" } },
          { headers: { "": "a" } }
        ]
        for (const option of options) {
          const error = yield* Effect.flip(
            Effect.scoped(Effect.provide(OllamaClient.OllamaClient, Transports.layer("undici", option)))
          )
          assert.strictEqual(error._tag, "InvalidRequest")
          assert.notMatch(error.message, /[\r\n\0]/)
        }
      }
    })
  )

  it.scopedLive("that say where a body ends, or what becomes of the connection, are the transport's", () =>
    Effect.gen(function* () {
      const framing = [
        "content-length",
        "Transfer-Encoding",
        "connection",
        "Keep-Alive",
        "upgrade",
        "trailer",
        "expect",
        "te"
      ]
      for (const name of framing) {
        const error = yield* Effect.flip(
          Effect.scoped(
            Effect.provide(OllamaClient.OllamaClient, Transports.layer("undici", { headers: { [name]: "1" } }))
          )
        )
        assert.strictEqual(error._tag, "InvalidRequest")
        assert.strictEqual(error.field, `headers.${name}`)
      }
    })
  )
})

describe("an address", () => {
  const bad = [
    "gpu-box\r\nx-injected: 1",
    "http://gpu-box/?x",
    "http://gpu-box/#x",
    "http://gpu\0box",
    "http://gpu-box\\@elsewhere",
    "http://gpu box",
    "http://[::1",
    "http://[::1]@[x]",
    "file:///etc/passwd",
    "http://\u202egpu"
  ]
  for (const host of bad) {
    it(`that is none is refused: ${JSON.stringify(host)}`, () => {
      const address = OllamaConfig.address(host)
      assert.isTrue(Either.isLeft(address), JSON.stringify(address))
      if (Either.isLeft(address)) assert.notMatch(address.left.message, /[\r\n\0]/)
    })
  }

  it("without one of its own is what is before it: nothing else is read from it", () => {
    const hosts = { "gpu-box/\r\n": "gpu-box:11434", "javascript:alert(1)": "javascript:11434" }
    for (const [host, wanted] of Object.entries(hosts)) {
      assert.strictEqual(Either.getOrThrow(OllamaConfig.address(host)).url, `http://${wanted}`)
    }
  })

  it("with a path that leads up stays on its host, and hides no other", () => {
    for (const host of ["http://gpu-box/../..", "http://gpu-box//elsewhere", "http://gpu-box/%2e%2e/"]) {
      const address = Either.getOrThrow(OllamaConfig.address(host))
      assert.strictEqual(new URL(`${address.url}/api/chat`).host, "gpu-box")
    }
  })
})

describe("what a program adds to a request", () => {
  it.scopedLive("by a span's trace is a header of two dozen bytes, whatever the span is called", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* collecting
      const done = yield* Ref.make(false)
      yield* OllamaClient.chat(Transports.request, { policy }).pipe(
        Effect.withSpan("a\r\nx-injected: 1"),
        Effect.zipRight(Ref.set(done, true)),
        Effect.provide(Transports.layer("undici", { host: server.address, propagateTrace: true }))
      )
      assert.isTrue(yield* Ref.get(done))
      assert.isUndefined(seen[0]?.headers["x-injected"])
      assert.match(String(seen[0]?.headers["traceparent"]), /^00-[0-9a-f]+-[0-9a-f]+-0[01]$/)
    })
  )
})
