import { assert, describe, it } from "@effect/vitest"
import { Fault } from "effect-ollama/testing"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { failure, html, json, late, noSuchPath, silent, version } from "../support/replies.js"
import * as Server from "../support/server.js"
import { commandsOf, examine, expectCause, expectCheck, simulated } from "./doctorScene.js"

describe("the address as it is understood", () => {
  const addresses = [
    [undefined, "http://127.0.0.1:11434", "ok", /None was given/],
    ["gpu-box", "http://gpu-box:11434", "ok", /Without a scheme it is http, on Ollama's port 11434/],
    [' "gpu-box:1234" ', "http://gpu-box:1234", "ok", /Without a scheme it is http\./],
    ["http://gpu-box", "http://gpu-box:80", "warning", /no port it is port 80, not Ollama's 11434.*It means port 80/],
    ["https://gpu-box", "https://gpu-box:443", "ok", /With https:\/\/ and no port it is port 443/],
    ["0.0.0.0", "http://127.0.0.1:11434", "ok", /listens on 0\.0\.0\.0 or \[::\]; a program connects to 127\.0\.0\.1/],
    [":1234", "http://127.0.0.1:1234", "ok", /a program connects to 127\.0\.0\.1/],
    ["::", "http://[::1]:11434", "ok", /a program connects to \[::1\]/],
    ["gpu-box:99999", "http://gpu-box:11434", "ok", /behind the colon is no port: 11434 is taken/],
    ["https://x/ollama/", "https://x:443/ollama", "ok", /Calls go to \/ollama\/api/],
    ["http://x:11434/v1", "http://x:11434/v1", "warning", /\/v1 is part of an API.*leave it out/],
    ["ollama.com", "https://ollama.com:443", "ok", /Ollama's cloud/],
    ["https://me:secret-1@x:1", "https://x:1", "ok", /sent as Basic authorization/]
  ] as const
  for (const [host, url, status, says] of addresses) {
    it.effect(host ?? "none", () =>
      Effect.gen(function* () {
        const report = yield* simulated(host === undefined ? {} : { host })
        assert.strictEqual(report.facts.address.url, url)
        expectCheck(report, "address", status, says)
        assert.notInclude(JSON.stringify(report), "secret-1")
      })
    )
  }

  it.effect("that no server can have", () =>
    Effect.gen(function* () {
      for (const host of ["ftp://x", "http://a b", "http://x?key=secret-1"]) {
        const report = yield* simulated({ host })
        expectCause(report, "other", /No server can have this address/)
        expectCheck(report, "address", "failed")
        expectCheck(report, "http", "skipped")
        assert.strictEqual(report.facts.server, undefined)
        assert.notInclude(JSON.stringify(report), "secret-1")
      }
    })
  )

  it.effect("and a header that cannot be sent", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ headers: { "x-team": "a\nb" } })
      expectCause(report, "other", /Correct headers\.x-team/)
    })
  )
})

/** What the transport or the server says, where nothing else is known. */
const faults = [
  [Fault.refused(), "unreachable", /gpu-box:11434 refused the connection \(ECONNREFUSED\)/, "unknown"],
  [Fault.dns(), "unreachable", /The name gpu-box has no address \(ENOTFOUND\)/, undefined],
  [Fault.unroutable(), "unreachable", /No way leads to gpu-box \(EHOSTUNREACH\)/, "unknown"],
  [Fault.connectTimeout("3 seconds"), "unreachable", /No connection to gpu-box within 3 s/, "unknown"],
  [Fault.firewall(), "blocked", /This machine forbids the connection \(EACCES\)/, undefined],
  [Fault.selfSignedTls(), "blocked", /TLS failed \(DEPTH_ZERO_SELF_SIGNED_CERT\)/, undefined],
  [Fault.notHttp(), "unreachable", /does not speak HTTP/, undefined],
  [Fault.blackHole(), "unreachable", /no answer within 5 s: it is starting, hangs, or has too much to do/, undefined],
  [Fault.resetBeforeHeaders(), "unreachable", /closed without a byte/, undefined],
  [Fault.captivePortal(), "blocked", /answers 200 with a web page: a login page/, undefined],
  [Fault.redirect("http://login.hotel.test/?id=1"), "blocked", /the way to http:\/\/login\.hotel\.test\/:/, undefined],
  [Fault.proxyAuth(), "blocked", /says 407 .*a proxy refuses/, undefined],
  [Fault.forbidden(), "blocked", /takes only local names, and gpu-box is none/, undefined],
  [Fault.badGateway(), "unreachable", /nginx, which answers, says 502 .*finds no Ollama there/, undefined],
  [Fault.status(504, { html: "<html>504</html>" }), "blocked", /a proxy in front of Ollama gave up waiting/, undefined],
  [
    Fault.status(503, { html: "<html>503</html>" }),
    "overloaded",
    /something in front of Ollama sheds calls/,
    undefined
  ],
  [
    Fault.status(401, { html: "<html>401</html>" }),
    "blocked",
    /wants credentials, which Ollama itself never/,
    undefined
  ],
  [Fault.status(403, { html: "<html>403</html>" }), "blocked", /says 403.*a proxy refuses/, undefined],
  [Fault.status(200, { json: { hello: 1 } }), "unreachable", /it is a server, but not Ollama/, undefined],
  [Fault.status(200, { text: "hello" }), "unreachable", /it is a server, but not Ollama/, undefined]
] as const

describe("what answers", () => {
  for (const [fault, cause, says, blocked] of faults) {
    const what = "status" in fault ? `${fault._tag} ${fault.status} ${fault.body.slice(0, 20)}` : fault._tag
    it.effect(what, () =>
      Effect.gen(function* () {
        const report = yield* simulated({ host: "gpu-box" }, { faults: [fault] })
        expectCause(report, cause, says, blocked === undefined ? {} : { blocked })
        expectCheck(report, "http", "failed")
        expectCheck(report, "server", "failed")
        for (const name of ["version", "models", "memory"] as const) expectCheck(report, name, "skipped")
        assert.isAbove(report.causes[report.verdict.cause === "other" ? "blocked" : cause].fixes.length, 0)
        assert.isTrue(report.isComplete)
      })
    )
  }

  it.effect("the simulator, which says so", () =>
    Effect.gen(function* () {
      const report = yield* simulated({})
      assert.strictEqual(report.facts.server?.kind, "simulator")
      expectCheck(report, "server", "warning", /the simulator of effect-ollama/)
      expectCause(report, "none", /Nothing is wrong/, { unreachable: "no", blocked: "no" })
    })
  )

  it.effect("Ollama itself, and in front of it a proxy that says its name", () =>
    Effect.gen(function* () {
      const named = json({ version: "0.33.0" }, 200, { server: "nginx/1.22.1" })
      const server = Server.make({ "/api/version": named, "/api/tags": json({ models: [] }) })
      const report = yield* examine({ call: "never" }, server.layer)
      assert.strictEqual(report.facts.server?.kind, "ollama")
      expectCheck(report, "server", "ok", /It is Ollama \(in front of it, or in its place: nginx\/1\.22\.1\)/)
    })
  )

  it.effect("a proxy that has Ollama under another path, and a web server in its place", () =>
    Effect.gen(function* () {
      const page = html(404, { server: "nginx" })
      const at = (answers: (url: string) => boolean) =>
        Server.make({ "/api/version": ({ url }) => (answers(url) ? version : page) }, {})
      const report = yield* examine({ host: "http://gpu-box:8080" }, at((url) => url.includes(":11434")).layer)
      expectCause(report, "blocked", /nginx, which answers, says 404.*Ollama answers at http:\/\/gpu-box:11434/)
      assert.include(commandsOf(report, "blocked"), "OLLAMA_HOST=http://gpu-box:11434")
      assert.deepStrictEqual(report.facts.elsewhere, ["http://gpu-box:11434"])
      const path = yield* examine({ host: "http://gpu-box:11434/v1" }, Server.make({ "/api/version": version }).layer)
      expectCause(path, "unreachable", /leave it out.*Ollama answers at http:\/\/gpu-box:11434/)
    })
  )

  it.effect("nothing of the client's credentials goes to the places that are tried", () =>
    Effect.gen(function* () {
      const server = Server.make({ "/api/version": noSuchPath })
      const options = { host: "http://me:secret-1@gpu-box:8080", headers: { "x-key": Redacted.make("secret-2") } }
      yield* examine(options, server.layer)
      const elsewhere = server.seen.filter(({ url }) => !url.startsWith("http://gpu-box:8080/"))
      assert.isAbove(elsewhere.length, 0)
      assert.notInclude(JSON.stringify(elsewhere), "secret-2")
      assert.isTrue(elsewhere.every(({ headers }) => headers["authorization"] === undefined))
    })
  )
})

describe("the version", () => {
  const versions = [
    ["0.33.0", "ok", /^0\.33\.0\.$/],
    ["0.24.0", "warning", /a tool call that the server cannot read may block its model/],
    ["0.11.0", "warning", /too old for truncate and shift.*status 200/],
    ["0.5.7", "warning", /too old for thinking/],
    ["0.0.0", "ok", /a development build/]
  ] as const
  for (const [number, status, says] of versions) {
    it.effect(number, () =>
      Effect.gen(function* () {
        const server = Server.make({ "/api/version": json({ version: number }) })
        const report = yield* examine({ call: "never" }, server.layer, { machine: { os: "windows" } })
        expectCheck(report, "version", status, says)
        const upgrade = report.checks.find(({ name }) => name === "version")?.fixes[0]?.commands ?? []
        assert.strictEqual(
          upgrade.some(({ lines }) => lines.includes("winget upgrade Ollama.Ollama")),
          status === "warning"
        )
      })
    )
  }
})

describe("the origin of a web page", () => {
  it.effect("that is refused, with the variable that lets it in", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ origin: "https://app.example.com" }, {}, { machine: { os: "windows" } })
      expectCause(report, "blocked", /refuses calls from web pages of https:\/\/app\.example\.com \(403\)/, {
        unreachable: "no"
      })
      expectCheck(report, "origin", "failed")
      assert.include(commandsOf(report, "blocked"), "Windows: setx OLLAMA_ORIGINS https://app.example.com")
    })
  )

  it.effect("that is let in", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ origin: "https://a.b" }, { origins: ["https://a.b"] })
      expectCheck(report, "origin", "ok", /Pages of https:\/\/a\.b may call it/)
      expectCause(report, "none", /^/, { blocked: "no" })
    })
  )

  it.effect("that the program sends itself", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ headers: { origin: "https://app.example.com" } })
      expectCause(report, "blocked", /the origin of this page is not on its list/)
    })
  )
})

describe("large requests", () => {
  it.effect("that vanish, where small ones are answered", () =>
    Effect.gen(function* () {
      const server = Server.make({ "/api/version": version, "/api/show": silent, "/api/ps": silent })
      const report = yield* examine({ host: "gpu-box" }, server.layer)
      expectCause(report, "blocked", /A request of 8192 bytes had no answer within 3 s.*loses large packets/, {
        overloaded: "unknown"
      })
      assert.include(commandsOf(report, "blocked"), "mtu")
    })
  )

  it.effect("that are too large for a proxy are none of the four causes", () =>
    Effect.gen(function* () {
      const server = Server.make({ "/api/version": version, "/api/show": html(413) })
      const report = yield* examine({}, server.layer)
      assert.strictEqual(report.facts.large?.outcome, "tooLarge")
      assert.strictEqual(report.causes.blocked.holds, "no")
    })
  )
})

describe("a slow host", () => {
  it.effect("says its version late, twice", () =>
    Effect.gen(function* () {
      const server = Server.make({ "/api/version": late(2500, version) })
      const near = { addresses: ["10.0.0.7"], tcp: { any: { outcome: "connected" } } } as const
      const report = yield* examine({}, server.layer, near)
      expectCause(report, "overloaded", /It took 2\.5 s to say its version, where a connection takes 0 ms/)
      const far = yield* examine({}, server.layer)
      assert.strictEqual(far.causes.overloaded.holds, "unknown")
    })
  )

  it.effect("a packet that was lost is no slow host", () =>
    Effect.gen(function* () {
      const server = Server.make({ "/api/version": [late(2500, version), late(2500, version), version] })
      const report = yield* examine({}, server.layer)
      assert.strictEqual(Duration.toMillis(report.facts.server?.took ?? Duration.infinity), 0)
      assert.notStrictEqual(report.causes.overloaded.holds, "yes")
    })
  )
})

describe("the cloud", () => {
  it.effect("is never asked what is in memory, and no model of it is called", () =>
    Effect.gen(function* () {
      const server = Server.make({
        "/api/version": version,
        "/api/tags": json({ models: [] }),
        "/api/show": failure(404, "model 'x' not found")
      })
      const report = yield* examine({ host: "ollama.com", apiKey: Redacted.make("secret-1") }, server.layer)
      assert.strictEqual(report.facts.server?.kind, "cloud")
      assert.lengthOf(server.at("/api/ps"), 0)
      assert.lengthOf(server.at("/api/generate"), 0)
    })
  )

  it.effect("wants a key", () =>
    Effect.gen(function* () {
      const server = Server.make({ "/api/version": failure(401, "unauthorized") })
      const report = yield* examine({ host: "ollama.com" }, server.layer)
      expectCause(report, "other", /It wants credentials \(401\)/)
      assert.match(report.checks.flatMap(({ fixes }) => fixes.map(({ text }) => text)).join(), /OLLAMA_API_KEY/)
    })
  )
})
