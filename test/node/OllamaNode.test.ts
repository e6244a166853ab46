import { assert, describe, it } from "@effect/vitest"
import { NodeHttpClient } from "@effect/platform-node"
import { OllamaClient, OllamaError, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import type { IncomingHttpHeaders } from "node:http"
import * as DiagnosticsChannel from "node:diagnostics_channel"
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import * as Certificates from "../sockets/certificates.js"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"
import * as Proxies from "./proxies.js"

const policy = Policy.none

const chat = OllamaClient.chat(Transports.request)

const chatStream = Effect.flatMap(OllamaClient.OllamaClient, (client) =>
  Stream.runDrain(client.chatStream(Transports.request))
)

/** What undici is told of every request, from its own diagnostics. */
const requestsOfUndici = Effect.gen(function* () {
  const seen: Array<{ readonly headersTimeout: unknown; readonly bodyTimeout: unknown }> = []
  const note = (message: unknown): void => {
    const { request } = message as { request: { headersTimeout: unknown; bodyTimeout: unknown } }
    seen.push({ headersTimeout: request.headersTimeout, bodyTimeout: request.bodyTimeout })
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => DiagnosticsChannel.subscribe("undici:request:create", note)),
    () => Effect.sync(() => DiagnosticsChannel.unsubscribe("undici:request:create", note))
  )
  return seen
})

describe("limits", () => {
  it.scopedLive("undici has none on headers and bodies", () =>
    Effect.gen(function* () {
      const seen = yield* requestsOfUndici
      const server = yield* Servers.http(Servers.answer)
      yield* Effect.provide(chat, OllamaNode.layer({ host: server.address, policy }))
      assert.deepStrictEqual(seen, [{ headersTimeout: 0, bodyTimeout: 0 }])
    })
  )

  it.scopedLive("the platform's own undici layer has one, which is why", () =>
    Effect.gen(function* () {
      const seen = yield* requestsOfUndici
      const server = yield* Servers.http(Servers.answer)
      const layer = OllamaClient.layer({ host: server.address, policy })
      yield* Effect.provide(chat, Layer.provide(layer, NodeHttpClient.layerUndici))
      assert.deepStrictEqual(seen, [{ headersTimeout: 3_600_000, bodyTimeout: 0 }])
    })
  )
})

describe("requests", () => {
  const version = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version

  it.scopedLive("carry the name and version of the library, unless they have one", () =>
    Effect.gen(function* () {
      const seen: Array<IncomingHttpHeaders> = []
      const server = yield* Servers.http((exchange) => {
        seen.push(exchange.request.headers)
        Servers.answer(exchange)
      })
      yield* Effect.provide(chat, OllamaNode.layer({ host: server.address, policy }))
      yield* Effect.provide(
        chat,
        OllamaNode.layer({ host: server.address, policy, headers: { "user-agent": "mine/1" } })
      )
      assert.deepStrictEqual(
        seen.map((headers) => headers["user-agent"]),
        [`effect-ollama/${version}`, "mine/1"]
      )
    })
  )
})

describe("connections", () => {
  it.scopedLive("are kept: ten calls need no more than two", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http(Servers.answer)
      const layer = OllamaNode.layer({ host: server.address, policy })
      yield* Effect.provide(Effect.replicateEffect(Effect.zip(chat, chatStream), 5), layer)
      // one is free again only a turn of the event loop after its answer, so that a call at once takes a second one
      assert.isAtMost(server.connections(), 2)
    })
  )

  it.scopedLive("are kept also after failures", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http((exchange) => Servers.json(exchange, 404, { error: "model 'm' not found" }))
      const layer = OllamaNode.layer({ host: server.address, policy })
      const errors = yield* Effect.provide(Effect.replicateEffect(Effect.flip(chat), 10), layer)
      assert.deepStrictEqual([...new Set(errors.map((error) => error._tag))], ["ModelNotFound"])
      assert.isAtMost(server.connections(), 2)
    })
  )

  it.scopedLive("there are no more of than allowed: the others wait", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http(Servers.answer)
      const layer = OllamaNode.layer({ host: server.address, policy, connections: 1 })
      yield* Effect.provide(
        Effect.all(
          Array.from({ length: 10 }, () => chat),
          { concurrency: "unbounded" }
        ),
        layer
      )
      assert.strictEqual(server.connections(), 1)
    })
  )

  it.scopedLive("there are as many as calls by default", () =>
    Effect.gen(function* () {
      const waiting: Array<Servers.Exchange> = []
      const server = yield* Servers.http((exchange) => {
        waiting.push(exchange)
        if (waiting.length === 10) for (const one of waiting) Servers.answer(one)
      })
      const layer = OllamaNode.layer({ host: server.address, policy })
      yield* Effect.provide(
        Effect.all(
          Array.from({ length: 10 }, () => chat),
          { concurrency: "unbounded" }
        ),
        layer
      )
      assert.strictEqual(server.connections(), 10)
    })
  )

  it.scopedLive("one for each call without keepAlive", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http(Servers.answer)
      const layer = OllamaNode.layer({ host: server.address, policy, keepAlive: "none" })
      yield* Effect.provide(Effect.replicateEffect(chat, 3), layer)
      assert.strictEqual(server.connections(), 3)
    })
  )

  it.scopedLive("idle ones are closed after keepAlive", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http((exchange) => {
        // no hint of the server's own
        exchange.response.setHeader("keep-alive", "")
        Servers.answer(exchange)
      })
      const layer = OllamaNode.layer({ host: server.address, policy, keepAlive: "20 millis" })
      yield* Effect.provide(Effect.zipRight(chat, server.next("closed")), layer)
    })
  )

  it.scopedLive("end with the Scope of the layer, idle and busy ones", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http((exchange) => {
        if (exchange.connection === 0) Servers.answer(exchange)
      })
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(OllamaNode.layer({ host: server.address, policy }), scope)
      yield* Effect.provide(chat, context)
      yield* server.next("request")
      const silent = yield* Servers.http(() => undefined)
      const other = yield* Layer.buildWithScope(OllamaNode.layer({ host: silent.address, policy }), scope)
      yield* Effect.forkScoped(Effect.provide(chat, other))
      yield* silent.next("request")
      yield* Scope.close(scope, Exit.void)
      yield* server.next("closed")
      yield* silent.next("closed")
    })
  )
})

describe("TLS", () => {
  it.scopedLive.skipIf(Certificates.missing)(
    "an own authority is trusted, as text or bytes, alone or among others",
    () =>
      Effect.gen(function* () {
        const { ca, selfSigned, server: certificate } = yield* Certificates.make
        const server = yield* Servers.https(certificate, Servers.answer)
        const der = new X509Certificate(ca).raw
        for (const trusted of [ca, new TextEncoder().encode(ca), der, [selfSigned.cert, ca], selfSigned.cert + ca]) {
          const answer = yield* Effect.provide(
            chat,
            OllamaNode.layer({ host: `https://${server.address}`, ca: trusted, policy })
          )
          assert.strictEqual(answer.message.content, "Hello")
        }
      })
  )

  it.scopedLive.skipIf(Certificates.missing)("another authority is not", () =>
    Effect.gen(function* () {
      const { selfSigned, server: certificate } = yield* Certificates.make
      const server = yield* Servers.https(certificate, Servers.answer)
      const error = yield* Effect.flip(
        Effect.provide(chat, OllamaNode.layer({ host: `https://${server.address}`, ca: selfSigned.cert, policy }))
      )
      assert.strictEqual(error._tag === "Unreachable" ? error.reason : error._tag, "tls")
    })
  )

  it.scopedLive.skipIf(Certificates.missing)("a wrong name in the certificate is refused", () =>
    Effect.gen(function* () {
      const { ca, server: certificate } = yield* Certificates.make
      const target = yield* Servers.https(certificate, Servers.answer)
      const proxy = yield* Proxies.http({ target: target.port })
      const error = yield* Effect.flip(
        Effect.provide(
          chat,
          OllamaNode.layer({ host: "https://other.test", ca, proxy: { https: proxy.address }, policy })
        )
      )
      assert.strictEqual(error._tag === "Unreachable" ? error.reason : error._tag, "tls")
      assert.strictEqual(error.cause?.code, "ERR_TLS_CERT_ALTNAME_INVALID")
    })
  )

  it.scopedLive.skipIf(Certificates.missing)("rejectUnauthorized: false takes any certificate", () =>
    Effect.gen(function* () {
      const { selfSigned } = yield* Certificates.make
      const server = yield* Servers.https(selfSigned, Servers.answer)
      yield* Effect.provide(
        chat,
        OllamaNode.layer({ host: `https://${server.address}`, rejectUnauthorized: false, policy })
      )
    })
  )
})

describe("options that cannot be used", () => {
  const cases: ReadonlyArray<[field: string, options: OllamaNode.TransportOptions]> = [
    ["connectTimeout", { connectTimeout: -5 }],
    ["connectTimeout", { connectTimeout: 0 }],
    ["connections", { connections: 0 }],
    ["connections", { connections: 1.5 }],
    ["keepAlive", { keepAlive: -1 }],
    ["ca", { ca: "ca.pem" }],
    ["ca", { ca: [] }],
    ["ca", { ca: new Uint8Array(3) }],
    ["ca", { ca: "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n" }],
    ["proxy.http", { proxy: { http: "ftp://proxy" } }],
    ["proxy.https", { proxy: { https: "http://" } }]
  ]
  it.live.each(cases)("%s: %j", ([field, options]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(OllamaNode.layerHttpClient(options))))
      assert.instanceOf(error, OllamaError.InvalidRequest)
      assert.strictEqual(error.field, field)
      assert.include(error.message, field)
    })
  )
})
