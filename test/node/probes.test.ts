/** What the doctor finds out on real sockets. */
import { assert, describe, it } from "@effect/vitest"
import { Doctor } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { ConfigProvider, DateTime, Effect, Fiber, Option, Redacted, Schema } from "effect"
import type * as Net from "node:net"
import * as Os from "node:os"
import * as Certificates from "../sockets/certificates.js"
import * as Servers from "../sockets/servers.js"
import * as Proxies from "./proxies.js"

const probes = (options: OllamaNode.TransportOptions = {}): Effect.Effect<Doctor.Probes> =>
  Effect.provide(Doctor.CurrentProbes, OllamaNode.layerProbes(options))

const found = <A>(probe: (probes: Doctor.Probes) => Doctor.Finding<A>, options?: OllamaNode.TransportOptions) =>
  Effect.flatMap(probes(options), (all) => Effect.map(probe(all), Option.getOrThrow))

const nothing: (socket: Net.Socket) => void = () => undefined

describe("the machine", () => {
  it.live("this one", () =>
    Effect.gen(function* () {
      const machine = yield* found(({ machine }) => machine)
      const expected = { linux: "linux", darwin: "macos", win32: "windows" }[process.platform as "linux"]
      assert.strictEqual(machine.os, expected)
    })
  )

  it.live("where addresses are, seen from it", () =>
    Effect.gen(function* () {
      const place = (address: string) => found((all) => all.place(address))
      for (const own of ["127.0.0.1", "127.8.8.8", "::1"]) assert.strictEqual(yield* place(own), "self")
      for (const interfaces of Object.values(Os.networkInterfaces())) {
        for (const { address } of interfaces ?? []) assert.strictEqual(yield* place(address), "self", address)
      }
      assert.strictEqual(yield* place("198.51.100.7"), "remote")
      assert.strictEqual(yield* place("gpu-box"), "unknown")
    })
  )
})

describe("names", () => {
  it.live("an address is its own", () =>
    Effect.gen(function* () {
      const { addresses } = yield* found((all) => all.resolve("127.0.0.1"))
      assert.deepStrictEqual(addresses, [{ address: "127.0.0.1", family: 4 }])
    })
  )

  it.live("localhost has one", () =>
    Effect.gen(function* () {
      const { addresses } = yield* found((all) => all.resolve("localhost"))
      assert.isTrue(addresses.some(({ address }) => address === "127.0.0.1" || address === "::1"))
    })
  )

  it.live("one that does not exist", () =>
    Effect.gen(function* () {
      const { addresses, code } = yield* found((all) => all.resolve("nonexistent.invalid"))
      assert.deepStrictEqual(addresses, [])
      assert.include(["ENOTFOUND", "EAI_AGAIN"], code)
    })
  )
})

describe("connections", () => {
  it.scopedLive("that are made, and closed again", () =>
    Effect.gen(function* () {
      const server = yield* Servers.tcp(nothing)
      assert.deepStrictEqual(yield* found((all) => all.connect("127.0.0.1", server.port)), { outcome: "connected" })
      yield* server.next("closed")
    })
  )

  it.scopedLive("that are refused, by the machine itself", () =>
    Effect.gen(function* () {
      const port = yield* Servers.closedPort
      assert.deepStrictEqual(yield* found((all) => all.connect("127.0.0.1", port)), {
        outcome: "refused",
        code: "ECONNREFUSED"
      })
    })
  )

  it.live.skipIf(process.platform !== "linux")("to where no way leads", () =>
    Effect.gen(function* () {
      const seen = yield* found((all) => all.connect("255.255.255.255", 80))
      assert.deepStrictEqual(seen, { outcome: "unroutable", code: "ENETUNREACH" })
    })
  )

  it.scopedLive("that are left while they are made", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make()
      const { connect } = yield* probes()
      const silent = new URL(yield* server.stage({ _tag: "ConnectTimeout", limit: "1 second" }))
      const fiber = yield* Effect.fork(connect("127.0.0.1", Number(silent.port)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
    })
  )
})

const secure = (pair: keyof Omit<Certificates.Certificates, "ca">, host: string, isKnown = true) =>
  Effect.gen(function* () {
    const { ca, ...pairs } = yield* Certificates.make
    const server = yield* Servers.https(pairs[pair], Servers.answer)
    return yield* found((all) => all.tls(host, server.port), isKnown ? { ca } : {})
  })

describe.skipIf(Certificates.missing)("certificates", () => {
  it.scopedLive("that are trusted", () =>
    Effect.gen(function* () {
      for (const host of ["127.0.0.1", "localhost"]) {
        const tls = yield* secure("server", host)
        assert.deepInclude(tls, { trusted: true, protocol: "TLSv1.3", subject: "ollama.test", issuer: "Test CA" })
        assert.deepStrictEqual(tls.names, ["127.0.0.1", "localhost", "ollama.test"])
        assert.notProperty(tls, "fault")
        const now = yield* DateTime.now
        assert.isTrue(tls.validTo !== undefined && DateTime.greaterThan(tls.validTo, now))
      }
    })
  )

  const bad = [
    ["selfSigned", "selfSigned", "127.0.0.1", true],
    ["unknownAuthority", "server", "127.0.0.1", false],
    ["expired", "expired", "127.0.0.1", true],
    ["wrongName", "otherName", "127.0.0.1", true],
    ["wrongName", "otherName", "localhost", true]
  ] as const
  for (const [fault, pair, host, isKnown] of bad) {
    it.scopedLive(`${fault}, at ${host}`, () =>
      Effect.gen(function* () {
        const tls = yield* secure(pair, host, isKnown)
        assert.deepInclude(tls, { trusted: false, fault })
        assert.isString(tls.code)
        assert.isString(tls.issuer)
      })
    )
  }

  it.scopedLive("of a port that speaks HTTP, and of one that nothing listens on", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http(Servers.answer)
      const tls = yield* found((all) => all.tls("127.0.0.1", server.port))
      assert.deepInclude(tls, { trusted: false, fault: "notTls" })
      const closed = yield* Servers.closedPort
      const { tls: probe } = yield* probes()
      assert.deepStrictEqual(yield* probe("127.0.0.1", closed), Option.none())
    })
  )

  it.scopedLive("at the end of a tunnel, which only the proxy knows the name of", () =>
    Effect.gen(function* () {
      const { ca, server: pair } = yield* Certificates.make
      const server = yield* Servers.https(pair, Servers.answer)
      const proxy = yield* Proxies.http({ target: server.port })
      const tls = yield* found((all) => all.tls("ollama.test", 443), { ca, proxy: { https: proxy.address } })
      assert.deepInclude(tls, { trusted: true, issuer: "Test CA" })
      assert.deepStrictEqual(proxy.asked, ["CONNECT ollama.test:443"])
    })
  )
})

const http = "http://ollama.test:11434"
const https = "https://ollama.test:443"

describe("proxies", () => {
  const settings = (options: OllamaNode.TransportOptions, url: string, env: Record<string, string> = {}) =>
    found((all) => all.proxies(url), options).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
      Effect.map((all) => all.map(({ address, from, used }) => [from, Redacted.value(address), used]))
    )

  it.live("those of the options, those of the environment, and those that are not used", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* settings({}, http), [])
      assert.deepStrictEqual(yield* settings({}, http, { HTTP_PROXY: "http://p:1" }), [
        ["HTTP_PROXY", "http://p:1", false]
      ])
      assert.deepStrictEqual(yield* settings({ proxy: { http: "p:1", https: Redacted.make("p:2") } }, http), [
        ["proxy.http", "p:1", true],
        ["proxy.https", "p:2", false]
      ])
      // as `layerConfig` makes it of the environment
      const env = { https_proxy: "p:2" }
      assert.deepStrictEqual(yield* settings({ proxy: { https: Redacted.make("p:2") } }, https, env), [
        ["https_proxy", "p:2", true]
      ])
      assert.deepStrictEqual(yield* settings({ proxy: { http: "p:1", no: "ollama.test" } }, http), [
        ["proxy.http", "p:1", false]
      ])
      assert.deepStrictEqual(yield* settings({ proxy: { http: "p:1" } }, "http://127.0.0.1:11434"), [
        ["proxy.http", "p:1", false]
      ])
    })
  )

  const ask = (address: string, url: string) =>
    found((all) => all.askProxy({ from: "HTTP_PROXY", address: Redacted.make(address), used: true }, url))

  it.scopedLive("that let calls through, with their credentials", () =>
    Effect.gen(function* () {
      const server = yield* Servers.http((exchange) => Servers.json(exchange, 200, { version: "0.33.0" }))
      const proxy = yield* Proxies.http({ target: server.port, credentials: "me:pw" })
      const address = `http://me:pw@${proxy.address}`
      assert.deepStrictEqual(yield* ask(address, http), { outcome: "answers", status: 200 })
      assert.deepStrictEqual(yield* ask(address, https), { outcome: "answers" })
      assert.deepStrictEqual(proxy.asked, ["GET http://ollama.test:11434/api/version", "CONNECT ollama.test:443"])
      const socks = yield* Proxies.socks({ target: server.port })
      assert.deepStrictEqual(yield* ask(`socks5://${socks.address}`, http), { outcome: "answers" })
    })
  )

  const refusals = [
    [407, "wantsCredentials"],
    [403, "refuses"],
    [502, "noWay"]
  ] as const
  for (const [status, outcome] of refusals) {
    it.scopedLive(`that answer ${status}`, () =>
      Effect.gen(function* () {
        const proxy = yield* Proxies.http({ target: 1, refuse: status })
        assert.deepStrictEqual(yield* ask(proxy.address, http), { outcome, status })
        assert.deepStrictEqual(yield* ask(proxy.address, https), { outcome, status })
      })
    )
  }

  it.scopedLive("that are not there, or no proxies", () =>
    Effect.gen(function* () {
      const closed = yield* Servers.closedPort
      for (const url of [http, https]) {
        const gone = yield* ask(`127.0.0.1:${closed}`, url)
        assert.deepStrictEqual(gone, { outcome: "unreachable", code: "ECONNREFUSED" })
        const ssh = yield* Servers.tcp((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"))
        assert.include(["unreachable", "failed"], (yield* ask(ssh.address, url)).outcome)
      }
    })
  )
})

describe("OllamaNode.doctor", () => {
  const cause = (options: OllamaNode.DoctorOptions) =>
    Effect.map(OllamaNode.doctor(options), (report) => {
      // whatever it is, it can be written down
      Schema.encodeSync(Doctor.Report)(report)
      return { report, cause: report.verdict.cause, text: report.verdict.text }
    })

  it.scopedLive("a server that is well, by its address and by a name", () =>
    Effect.gen(function* () {
      const server = yield* OllamaSimulatorServer.make({ models: [{ name: "llama3.2", loaded: true }] })
      for (const host of [server.url, server.url.replace("127.0.0.1", "localhost")]) {
        const { cause: name, report } = yield* cause({ host })
        assert.strictEqual(name, "none")
        assert.strictEqual(report.facts.tcp.find(({ outcome }) => outcome === "connected")?.place, "self")
        assert.strictEqual(report.facts.call?.outcome, "success")
        assert.isTrue(report.isComplete)
      }
    })
  )

  it.scopedLive("nobody there", () =>
    Effect.gen(function* () {
      const port = yield* Servers.closedPort
      const { cause: name, text } = yield* cause({ host: `127.0.0.1:${port}` })
      assert.strictEqual(name, "unreachable")
      assert.include(text, `127.0.0.1:${port} refused the connection`)
    })
  )

  it.scopedLive.skipIf(Certificates.missing)("certificates: trusted, signed by itself, expired, for another name", () =>
    Effect.gen(function* () {
      const { ca, ...pairs } = yield* Certificates.make
      const version = (exchange: Servers.Exchange) => Servers.json(exchange, 200, { version: "0.33.0" })
      const at = (pair: keyof typeof pairs) =>
        Effect.flatMap(Servers.https(pairs[pair], version), ({ address }) => cause({ host: `https://${address}`, ca }))
      assert.strictEqual((yield* at("server")).cause, "none")
      for (const [pair, says] of [
        ["selfSigned", "signed by itself"],
        ["expired", "has expired"],
        ["otherName", "for other names"]
      ] as const) {
        const { cause: name, text } = yield* at(pair)
        assert.strictEqual(name, "blocked", text)
        assert.include(text, says)
      }
    })
  )

  it.scopedLive("a proxy that wants credentials, and gets the wrong ones: they are in no report", () =>
    Effect.gen(function* () {
      const proxy = yield* Proxies.http({ target: 1, credentials: "me:right-one" })
      const {
        cause: name,
        report,
        text
      } = yield* cause({
        host: "ollama.test",
        proxy: { http: Redacted.make(`http://me:wrong-one@${proxy.address}`) }
      })
      assert.strictEqual(name, "blocked")
      assert.include(text, `the proxy http://${proxy.address} (proxy.http), which wants a name and a password (407)`)
      const all = JSON.stringify(Schema.encodeSync(Doctor.Report)(report)) + Doctor.render(report)
      assert.notInclude(all, "wrong-one")
      assert.notInclude(all, Buffer.from("me:wrong-one").toString("base64"))
    })
  )

  it.scopedLive("options of the transport that cannot be used", () =>
    Effect.gen(function* () {
      const port = yield* Servers.closedPort
      const { report } = yield* cause({ host: `127.0.0.1:${port}`, proxy: { http: "ftp://me:wrong-one@proxy" } })
      const address = report.checks.find(({ name }) => name === "address")
      assert.strictEqual(address?.status, "failed")
      assert.include(address?.text, "proxy.http")
      assert.notInclude(JSON.stringify(report), "wrong-one")
    })
  )
})
