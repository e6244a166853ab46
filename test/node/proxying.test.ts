/** Calls through real proxies. The name `ollama.test` exists for the proxies only. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient, type OllamaError } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Config, ConfigProvider, Effect, Layer, Redacted } from "effect"
import * as Certificates from "../sockets/certificates.js"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"
import * as Proxies from "./proxies.js"

const once = { policy: { retry: { attempts: 1 }, timeouts: { load: "none", firstToken: "none" } } } as const

const chat = OllamaClient.chat(Transports.request, once)

const chatOver = (options: OllamaNode.Options) => Effect.provide(chat, OllamaNode.layer(options))

const failure = (options: OllamaNode.Options) => Effect.flip(chatOver(options))

const shortly = (error: OllamaError.OllamaError): string => {
  switch (error._tag) {
    case "Blocked":
      return `Blocked ${error.by}`
    case "Unreachable":
      return `Unreachable ${error.reason}`
    default:
      return error._tag
  }
}

/** A server that keeps the headers it was sent. */
const server = Effect.gen(function* () {
  const headers: Array<Record<string, unknown>> = []
  const listening = yield* Servers.http((exchange) => {
    headers.push(exchange.request.headers)
    Servers.answer(exchange)
  })
  return { ...listening, headers }
})

describe("a proxy for http", () => {
  it.scopedLive("is asked for the whole address, and keeps its credentials to itself", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.http({ target: target.port, credentials: "me:p:w" })
      const answer = yield* chatOver({
        host: "http://ollama.test:11434/base",
        apiKey: Redacted.make("key"),
        proxy: { http: Redacted.make(`http://me:p%3Aw@${proxy.address}`) }
      })
      assert.strictEqual(answer.message.content, "Hello")
      assert.deepStrictEqual(proxy.asked, ["POST http://ollama.test:11434/base/api/chat"])
      const { authorization, host, ...rest } = target.headers[0] ?? {}
      assert.strictEqual(host, "ollama.test:11434")
      assert.strictEqual(authorization, "Bearer key")
      assert.notProperty(rest, "proxy-authorization")
    })
  )

  it.scopedLive("keeps its connection for the next call", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.http({ target: target.port })
      yield* Effect.replicateEffect(chat, 3).pipe(
        Effect.provide(OllamaNode.layer({ host: "ollama.test", connections: 1, proxy: { http: proxy.address } }))
      )
      assert.strictEqual(proxy.asked.length, 3)
      assert.strictEqual(proxy.connections(), 1)
    })
  )

  it.scopedLive.skipIf(Certificates.missing)("may itself be reached over TLS", () =>
    Effect.gen(function* () {
      const { ca, server: certificate } = yield* Certificates.make
      const asked: Array<string | undefined> = []
      const proxy = yield* Servers.https(certificate, (exchange) => {
        asked.push(exchange.request.url)
        Servers.answer(exchange)
      })
      yield* chatOver({ host: "ollama.test", ca, proxy: { http: `https://${proxy.address}` } })
      assert.deepStrictEqual(asked, ["http://ollama.test:11434/api/chat"])
    })
  )

  it.scopedLive("407 is Blocked by the proxy", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.http({ target: target.port, credentials: "me:right" })
      for (const credentials of ["", "me:wrong@"]) {
        const error = yield* failure({ host: "ollama.test", proxy: { http: `http://${credentials}${proxy.address}` } })
        assert.strictEqual(shortly(error), "Blocked proxy", error.message)
        assert.strictEqual(error.status, 407)
        assert.notInclude(JSON.stringify(error) + String(error), "wrong")
      }
    })
  )
})

describe("a proxy for https", () => {
  it.scopedLive.skipIf(Certificates.missing)("makes a tunnel, and sees nothing of the request", () =>
    Effect.gen(function* () {
      const { ca, server: certificate } = yield* Certificates.make
      const seen: Array<Record<string, unknown>> = []
      const target = yield* Servers.https(certificate, (exchange) => {
        seen.push(exchange.request.headers)
        Servers.answer(exchange)
      })
      const proxy = yield* Proxies.http({ target: target.port, credentials: "me:pw" })
      const answer = yield* chatOver({
        host: "https://ollama.test",
        ca,
        proxy: { https: `http://me:pw@${proxy.address}` }
      })
      assert.strictEqual(answer.message.content, "Hello")
      assert.deepStrictEqual(proxy.asked, ["CONNECT ollama.test:443"])
      assert.notProperty(seen[0], "proxy-authorization")
    })
  )

  it.scopedLive("407 to the tunnel is Blocked by the proxy", () =>
    Effect.gen(function* () {
      const proxy = yield* Proxies.http({ target: 1, credentials: "me:right" })
      for (const credentials of ["", "me:wrong@"]) {
        const error = yield* failure({
          host: "https://ollama.test",
          proxy: { https: `http://${credentials}${proxy.address}` }
        })
        assert.strictEqual(shortly(error), "Blocked proxy", error.message)
        assert.notInclude(JSON.stringify(error) + String(error), "wrong")
      }
    })
  )

  it.scopedLive("one that has no way is an unreachable gateway", () =>
    Effect.gen(function* () {
      const proxy = yield* Proxies.http({ target: 1, refuse: 502 })
      const error = yield* failure({ host: "https://ollama.test", proxy: { https: proxy.address } })
      assert.strictEqual(shortly(error), "Unreachable gateway", error.message)
    })
  )
})

describe("a SOCKS proxy", () => {
  for (const credentials of [undefined, "me:pw"]) {
    it.scopedLive(`makes tunnels, also for http${credentials === undefined ? "" : ", with credentials"}`, () =>
      Effect.gen(function* () {
        const target = yield* server
        const proxy = yield* Proxies.socks({
          target: target.port,
          ...(credentials === undefined ? {} : { credentials })
        })
        const answer = yield* chatOver({
          host: "ollama.test",
          proxy: { http: `socks5://${credentials === undefined ? "" : `${credentials}@`}${proxy.address}` }
        })
        assert.strictEqual(answer.message.content, "Hello")
        assert.deepStrictEqual(proxy.asked, ["ollama.test:11434"])
        assert.strictEqual(target.headers[0]?.host, "ollama.test:11434")
      })
    )
  }

  it.scopedLive.skipIf(Certificates.missing)("makes tunnels for https", () =>
    Effect.gen(function* () {
      const { ca, server: certificate } = yield* Certificates.make
      const target = yield* Servers.https(certificate, Servers.answer)
      const proxy = yield* Proxies.socks({ target: target.port })
      yield* chatOver({ host: "https://ollama.test", ca, proxy: { https: `socks5h://${proxy.address}` } })
      assert.deepStrictEqual(proxy.asked, ["ollama.test:443"])
    })
  )

  it.scopedLive("is given addresses as such", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.socks({ target: target.port })
      for (const host of ["10.1.2.3", "[fd12::3:4]", "[fd12::]"]) {
        yield* chatOver({ host, proxy: { http: `socks5://${proxy.address}` } })
      }
      assert.deepStrictEqual(proxy.asked, [
        "10.1.2.3:11434",
        "[fd120000000000000000000000030004]:11434",
        "[fd120000000000000000000000000000]:11434"
      ])
    })
  )

  it.scopedLive("its refusals are told apart", () =>
    Effect.gen(function* () {
      const guarded = yield* Proxies.socks({ target: 1, credentials: "me:right" })
      const forbids = yield* Proxies.socks({ target: 1, refuse: 2 })
      const hasNoWay = yield* Proxies.socks({ target: 1, refuse: 4 })
      const no = (proxy: Proxies.Proxy, credentials = "") =>
        Effect.map(
          failure({ host: "ollama.test", proxy: { http: `socks5://${credentials}${proxy.address}` } }),
          shortly
        )
      assert.strictEqual(yield* no(guarded), "Blocked proxy")
      assert.strictEqual(yield* no(guarded, "me:wrong@"), "Blocked proxy")
      assert.strictEqual(yield* no(forbids), "Blocked proxy")
      assert.strictEqual(yield* no(hasNoWay), "Unreachable gateway")
    })
  )
})

describe("a proxy that is down or none", () => {
  const addresses = ["http://ollama.test", "https://ollama.test"]
  for (const host of addresses) {
    it.scopedLive(`nothing listens there: ${host}`, () =>
      Effect.gen(function* () {
        const address = `127.0.0.1:${yield* Servers.closedPort}`
        const error = yield* failure({ host, proxy: { http: address, https: address } })
        assert.strictEqual(shortly(error), "Unreachable gateway", error.message)
        assert.strictEqual(error.phase, "connect")
        assert.include(error.cause?.message, address)
      })
    )
  }

  it.scopedLive("what listens there is no proxy", () =>
    Effect.gen(function* () {
      const ssh = yield* Servers.tcp((socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n"))
      const error = yield* failure({ host: "https://ollama.test", proxy: { https: ssh.address } })
      assert.strictEqual(shortly(error), "Unreachable gateway", error.message)
    })
  )
})

describe("where no proxy is used", () => {
  for (const name of ["127.0.0.1", "localhost"]) {
    it.scopedLive(`never for ${name}`, () =>
      Effect.gen(function* () {
        const target = yield* server
        const proxy = yield* Proxies.http({ target: target.port })
        yield* chatOver({
          host: `${name}:${target.port}`,
          proxy: { http: proxy.address, https: proxy.address }
        })
        assert.deepStrictEqual(proxy.asked, [])
        assert.strictEqual(target.headers.length, 1)
      })
    )
  }

  it.scopedLive("not for what NO_PROXY names, which then is not found", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.http({ target: target.port })
      const error = yield* failure({ host: "ollama.test", proxy: { http: proxy.address, no: "example.com, .test" } })
      assert.strictEqual(shortly(error), "Unreachable dns", error.message)
      assert.deepStrictEqual(proxy.asked, [])
    })
  )
})

describe("the environment", () => {
  const over = (variables: Record<string, string>) =>
    Effect.provide(
      chat,
      Layer.provide(
        OllamaNode.layerConfig(),
        Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
      )
    )

  for (const name of ["HTTP_PROXY", "http_proxy"]) {
    it.scopedLive(`${name} is honoured by layerConfig`, () =>
      Effect.gen(function* () {
        const target = yield* server
        const proxy = yield* Proxies.http({ target: target.port })
        yield* over({ OLLAMA_HOST: "ollama.test", [name]: proxy.address, HTTPS_PROXY: "" })
        assert.strictEqual(proxy.asked.length, 1)
      })
    )
  }

  it.scopedLive("the name in capitals comes first, and an empty one counts as absent", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.http({ target: target.port })
      const other = yield* Proxies.http({ target: target.port })
      yield* over({ OLLAMA_HOST: "ollama.test", HTTP_PROXY: proxy.address, http_proxy: other.address })
      yield* over({ OLLAMA_HOST: "ollama.test", HTTP_PROXY: "", http_proxy: other.address })
      assert.deepStrictEqual([proxy.asked.length, other.asked.length], [1, 1])
    })
  )

  it.scopedLive("NO_PROXY and options win", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.http({ target: target.port })
      const env = { OLLAMA_HOST: "ollama.test", HTTP_PROXY: proxy.address }
      const excepted = yield* Effect.flip(over({ ...env, no_proxy: "ollama.test" }))
      assert.strictEqual(excepted._tag, "Unreachable")
      yield* Effect.provide(
        chat,
        Layer.provide(
          OllamaNode.layerConfig({ host: Config.succeed(target.address) }),
          Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env))))
        )
      )
      assert.deepStrictEqual(proxy.asked, [])
    })
  )

  it.scopedLive("layer does not read it", () =>
    Effect.gen(function* () {
      const target = yield* server
      const proxy = yield* Proxies.http({ target: target.port })
      const error = yield* Effect.flip(
        Effect.provide(
          chat,
          Layer.provide(
            OllamaNode.layer({ host: "ollama.test" }),
            Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HTTP_PROXY", proxy.address]])))
          )
        )
      )
      assert.strictEqual(error._tag, "Unreachable")
      assert.deepStrictEqual(proxy.asked, [])
    })
  )
})
