import { assert, describe, it } from "@effect/vitest"
import type { Doctor } from "effect-ollama"
import { Fault } from "effect-ollama/testing"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { broken, version } from "../support/replies.js"
import * as Server from "../support/server.js"
import { commandsOf, examine, expectCause, expectCheck, type Findings, fixesOf, simulated } from "./doctorScene.js"

const after = <A>(wait: Duration.DurationInput, value: A): Effect.Effect<A> => Effect.delay(Effect.succeed(value), wait)

/** A host by a name, at one address of another machine. */
const remote = (outcome: Doctor.Connected | Effect.Effect<Doctor.Connected>, more: Findings = {}): Findings => ({
  machine: {},
  addresses: ["10.0.0.7"],
  place: "remote",
  tcp: { any: outcome },
  ...more
})

const down = { faults: [Fault.refused()] }
const silent = { faults: [Fault.connectTimeout("10 seconds")] }

describe("the name", () => {
  it.effect("that does not exist", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { host: "gpu-bx" },
        { faults: [Fault.dns()] },
        { addresses: after(7, []), dnsCode: "ENOTFOUND" }
      )
      expectCause(report, "unreachable", /The name gpu-bx has no address \(ENOTFOUND\)/)
      expectCheck(report, "dns", "failed", /gpu-bx has no address/)
      expectCheck(report, "tcp", "skipped")
      assert.strictEqual(Duration.toMillis(report.facts.dns?.took ?? Duration.zero), 7)
      assert.match(fixesOf(report, "unreachable"), /Correct the address/)
    })
  )

  it.effect("that nobody answers for within 3 s", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ host: "gpu-box" }, silent, { addresses: Effect.never })
      expectCause(report, "unreachable", /No name server said within 3 s what gpu-box is \(ETIMEDOUT\)/)
    })
  )

  it.effect("of the machine around a container, which is not known", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { host: "host.docker.internal" },
        { faults: [Fault.dns()] },
        { machine: { container: "docker" }, addresses: [], dnsCode: "ENOTFOUND" }
      )
      expectCause(report, "unreachable", /host\.docker\.internal/)
      assert.include(commandsOf(report, "unreachable"), "--add-host=host.docker.internal:host-gateway")
    })
  )

  it.effect("with an address that does not answer and one that does", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { host: "localhost" },
        {},
        {
          addresses: ["::1", "127.0.0.1"],
          place: "self",
          tcp: { "::1": { outcome: "refused", code: "ECONNREFUSED" }, "127.0.0.1": { outcome: "connected" } }
        }
      )
      expectCause(report, "none", /Nothing is wrong/)
      expectCheck(report, "dns", "ok", /localhost is ::1, 127\.0\.0\.1/)
      expectCheck(report, "tcp", "warning", /\[::1\]:11434 refused .*; 127\.0\.0\.1:11434 connected/)
    })
  )
})

describe("the connection", () => {
  it.effect("refused on this machine: nothing listens, and how it is started here", () =>
    Effect.gen(function* () {
      const report = yield* simulated({}, down, {
        machine: { os: "macos" },
        addresses: ["127.0.0.1"],
        place: "self",
        tcp: { any: after(2, { outcome: "refused", code: "ECONNREFUSED" }) }
      })
      expectCause(report, "unreachable", /127\.0\.0\.1:11434 refused the connection after 2 ms: nothing listens/, {
        blocked: "no"
      })
      const commands = commandsOf(report, "unreachable")
      assert.include(commands, "macOS: open -a Ollama")
      assert.notInclude(commands, "systemctl")
      assert.notInclude(fixesOf(report, "unreachable"), "listen on all addresses")
    })
  )

  it.effect("refused on another machine: it may listen on its loopback only; every system's way", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ host: "gpu-box" }, down, remote({ outcome: "refused" }))
      expectCause(report, "unreachable", /nothing listens there/, { blocked: "unknown" })
      const commands = commandsOf(report, "unreachable")
      assert.include(commands, 'Linux (systemd):     Environment="OLLAMA_HOST=0.0.0.0"')
      assert.include(commands, "Docker: docker run -d --name ollama -e OLLAMA_HOST=0.0.0.0")
      assert.include(commands, "macOS: launchctl setenv OLLAMA_HOST 0.0.0.0")
      assert.include(commands, "Windows: setx OLLAMA_HOST 0.0.0.0")
    })
  )

  it.effect("refused by a message of the network: a firewall", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ host: "gpu-box" }, down, remote({ outcome: "refused", byNetwork: true }))
      expectCause(report, "blocked", /a firewall rejects the connection/, { unreachable: "unknown" })
      assert.include(commandsOf(report, "blocked"), "ufw allow 11434/tcp")
    })
  )

  it.effect("refused inside of a container: localhost is the container", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ host: "localhost" }, down, {
        machine: { container: "docker" },
        addresses: ["127.0.0.1"],
        place: "self",
        tcp: { any: { outcome: "refused" } }
      })
      expectCause(report, "unreachable", /refused/)
      assert.match(fixesOf(report, "unreachable"), /Inside a container localhost is the container itself/)
      assert.include(commandsOf(report, "unreachable"), "OLLAMA_HOST=http://host.docker.internal:11434")
    })
  )

  it.effect(
    "refused by another machine, whose name begins as an address of one's own does: nothing of the container",
    () =>
      Effect.gen(function* () {
        const report = yield* simulated({ host: "127.example.com" }, down, {
          ...remote({ outcome: "refused" }),
          machine: { container: "docker" }
        })
        expectCause(report, "unreachable", /refused/)
        assert.notMatch(fixesOf(report, "unreachable"), /Inside a container/)
      })
  )

  const onLink = { place: "onLink" } as const
  const dropping = [
    ["this machine", "blocked", { place: "self" }, /though it is this machine: a firewall drops/],
    ["a neighbour", "blocked", onLink, /within 5 s, and nothing said .*: a firewall drops/],
    ["a private network", "blocked", {}, /a firewall drops the packets/],
    ["the internet", "unreachable", { addresses: ["198.51.100.7"] }, /the machine is off, the address is another/]
  ] as const
  for (const [where, cause, more, says] of dropping) {
    it.effect(`swallowed, by ${where}`, () =>
      Effect.gen(function* () {
        const report = yield* simulated({ host: "gpu-box" }, silent, remote(Effect.never, more))
        expectCause(report, cause, says, { [cause === "blocked" ? "unreachable" : "blocked"]: "unknown" })
        expectCheck(report, "tcp", "failed", /no answer \(5 s\)/)
        assert.include(commandsOf(report, "blocked"), "11434")
      })
    )
  }

  it.effect("turned away at once: a rule or a route; after seconds: the machine is off", () =>
    Effect.gen(function* () {
      const outcome = { outcome: "unroutable", code: "EHOSTUNREACH" } as const
      const faults = { faults: [Fault.unroutable()] }
      const atOnce = yield* simulated({ host: "gpu-box" }, faults, remote(after(3, outcome)))
      expectCause(atOnce, "blocked", /closed \(EHOSTUNREACH\), said after 3 ms/, { unreachable: "unknown" })
      const late = yield* simulated({ host: "gpu-box" }, faults, remote(after("3.1 seconds", outcome)))
      expectCause(late, "unreachable", /said after 3\.1 s: its machine does not answer in its own network/)
    })
  )

  it.effect("turned away soon, because the search for a neighbour was already under way: it is off", () =>
    Effect.gen(function* () {
      const outcome = { outcome: "unroutable", code: "EHOSTUNREACH" } as const
      let asked = 0
      const connect = Effect.suspend(() =>
        asked++ === 0 ? after("400 millis", outcome) : after("3.1 seconds", outcome)
      )
      const report = yield* simulated({ host: "gpu-box" }, { faults: [Fault.unroutable()] }, remote(connect))
      expectCause(report, "unreachable", /said after 3\.1 s: its machine does not answer in its own network/)
    })
  )

  it.effect("forbidden by this machine", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { host: "gpu-box" },
        { faults: [Fault.firewall("EPERM")] },
        remote({ outcome: "forbidden", code: "EPERM" }, { machine: { os: "windows" } })
      )
      expectCause(report, "blocked", /This machine forbids the connection to 10\.0\.0\.7:11434 \(EPERM\)/)
      assert.include(commandsOf(report, "blocked"), "-Direction Outbound")
    })
  )

  it.effect("impossible, because this program has no more: no cause of the four", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { host: "gpu-box" },
        { faults: [Fault.unroutable()] },
        remote({ outcome: "exhausted", code: "EADDRNOTAVAIL" })
      )
      expectCause(report, "other", /this machine has no port or file left/, { unreachable: "unknown" })
    })
  )

  it.effect("made and closed without a byte: Docker -p to a server on its loopback", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { host: "gpu-box" },
        { faults: [Fault.resetBeforeHeaders()] },
        remote({ outcome: "connected" })
      )
      expectCause(report, "unreachable", /closed without a byte: a port that is passed on \(Docker -p/)
      assert.include(commandsOf(report, "unreachable"), "-e OLLAMA_HOST=0.0.0.0")
    })
  )
})

describe("TLS", () => {
  const secure = (tls: Partial<Doctor.Tls>, host = "https://gpu-box") =>
    simulated({ host }, { faults: [Fault.selfSignedTls()] }, remote({ outcome: "connected" }, { tls }))

  const faults = [
    ["selfSigned", "DEPTH_ZERO_SELF_SIGNED_CERT", /signed by itself, so it is not trusted/, /NODE_EXTRA_CA_CERTS/],
    ["unknownAuthority", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", /an authority that is not trusted here/, /option ca/],
    ["expired", "CERT_HAS_EXPIRED", /has expired/, /Renew the certificate/],
    ["notYetValid", "CERT_NOT_YET_VALID", /not valid yet/, /Set the clock/],
    ["wrongName", "ERR_TLS_CERT_ALTNAME_INVALID", /for other names/, /the certificate is for: other\.lan/],
    ["other", "ERR_SSL_TLSV1_ALERT", /TLS failed/, /^/]
  ] as const
  for (const [fault, code, says, fix] of faults) {
    it.effect(fault, () =>
      Effect.gen(function* () {
        const report = yield* secure({ trusted: false, fault, code, issuer: "Corp CA", names: ["other.lan"] })
        expectCause(report, "blocked", says, { unreachable: "unknown" })
        assert.include(report.verdict.text, code)
        assert.include(report.verdict.text, "signed by Corp CA")
        assert.match(fixesOf(report, "blocked"), fix)
        expectCheck(report, "tls", "failed", new RegExp(fault))
      })
    )
  }

  it.effect("to a port that does not speak it", () =>
    Effect.gen(function* () {
      const report = yield* simulated(
        { host: "https://gpu-box:11434" },
        { faults: [Fault.httpsToHttp({ times: 1 })] },
        remote({ outcome: "connected" }, { tls: { trusted: false, fault: "notTls", code: "EPROTO" } })
      )
      expectCause(report, "unreachable", /does not speak TLS \(EPROTO\)\. Ollama answers at http:\/\/gpu-box:11434/)
      assert.include(commandsOf(report, "unreachable"), "OLLAMA_HOST=http://gpu-box:11434")
    })
  )

  it.effect("not wanted by the address, and spoken by the port", () =>
    Effect.gen(function* () {
      const secured = ({ url }: Server.Seen) => (url.startsWith("https:") ? version : broken("ECONNRESET"))
      const server = Server.make({ "/": secured, "/api/version": secured })
      const report = yield* examine({ host: "http://gpu-box:443" }, server.layer, remote({ outcome: "connected" }))
      expectCause(
        report,
        "blocked",
        /This port speaks TLS.*the address is http\. Ollama answers at .*https:\/\/gpu-box:443/
      )
      assert.include(commandsOf(report, "blocked"), "OLLAMA_HOST=https://gpu-box:443")
    })
  )

  it.effect("that is well, and a certificate that ends soon", () =>
    Effect.gen(function* () {
      const tls = { protocol: "TLSv1.3", issuer: "Some CA", validTo: DateTime.unsafeMake(7 * 24 * 3_600_000) }
      const report = yield* simulated({ host: "https://gpu-box" }, {}, remote({ outcome: "connected" }, { tls }))
      expectCause(report, "none", /Nothing is wrong/)
      expectCheck(report, "tls", "warning", /Trusted, TLSv1\.3, signed by Some CA, valid until 1970-01-08/)
    })
  )
})

describe("the proxy", () => {
  const setting = (used: boolean, address = "http://squid.lan:3128"): Doctor.ProxySetting => ({
    from: "HTTP_PROXY",
    address: Redacted.make(address),
    used
  })

  const outcomes = [
    ["wantsCredentials", 407, "blocked", /squid\.lan:3128 \(HTTP_PROXY\), which wants a name and a password \(407\)/],
    ["refuses", 403, "blocked", /which refuses the way to gpu-box \(403\)/],
    ["unreachable", undefined, "blocked", /which cannot be reached \(ECONNREFUSED\)/],
    ["failed", undefined, "blocked", /which cannot be reached/],
    ["noWay", 503, "unreachable", /which gets no connection to gpu-box \(503\)/]
  ] as const
  for (const [outcome, status, cause, says] of outcomes) {
    it.effect(outcome, () =>
      Effect.gen(function* () {
        const report = yield* simulated(
          { host: "gpu-box" },
          { faults: [Fault.proxyAuth()] },
          {
            machine: {},
            proxies: [setting(true)],
            proxyAnswer: { outcome, ...(status === undefined ? { code: "ECONNREFUSED" } : { status }) }
          }
        )
        expectCause(report, cause, says)
        expectCheck(report, "proxy", "failed", /HTTP_PROXY http:\/\/squid\.lan:3128 is used/)
        expectCheck(report, "tcp", "skipped", /through a proxy/)
        assert.include(commandsOf(report, cause), "NO_PROXY=")
      })
    )
  }

  it.effect("that answers, and one that is set and not used", () =>
    Effect.gen(function* () {
      const used = yield* simulated({ host: "gpu-box" }, {}, { proxies: [setting(true)], proxyAnswer: {} })
      expectCause(used, "none", /Nothing is wrong/)
      expectCheck(used, "proxy", "ok", /is used, and answers/)
      const unused = yield* simulated({ host: "gpu-box" }, {}, { proxies: [setting(false)], proxyAnswer: {} })
      expectCheck(unused, "proxy", "ok", /is set, and not used for this address/)
      assert.strictEqual(unused.facts.proxies[0]?.answer, undefined)
    })
  )
})

describe("without probes", () => {
  it.effect("what they would find is unknown, and nothing fails", () =>
    Effect.gen(function* () {
      const report = yield* simulated({ host: "gpu-box" })
      expectCheck(report, "dns", "unknown")
      expectCheck(report, "tcp", "unknown")
      assert.deepStrictEqual(report.facts.machine, { os: "unknown", wsl: false })
      assert.strictEqual(report.verdict.cause, "none")
    })
  )
})
