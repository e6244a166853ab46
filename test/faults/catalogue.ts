/**
 * The faults that a client of Ollama meets, as data: how each one is made on real sockets, and what a caller should get.
 * `npm run faults` and the tests run the same ones.
 */
import { Policy } from "effect-ollama"
import { Fault } from "effect-ollama/testing"
import type { OllamaSimulatorServer } from "effect-ollama/testing/node"

/** The words of the model; characters of one to four bytes. */
const tokens = ["Grüße, ", "schö", "ne ", "neu", "e Welt", " 🦙"]

/** How many chunks arrive before a fault inside an answer, and the token that a bad line destroys. */
const good = 3

/** What the model says, and what a caller must get if anything. */
export const text = tokens.join("")

/** What had arrived, where the fault is inside the answer. */
const partial = { text: tokens.slice(0, good).join(""), thinking: "", tool_calls: [], chunks: good }

/** Every failure of the catalogue ends within the 8 seconds of a cell under these limits. */
const small = Policy.make({
  timeouts: { connect: "1 second", load: "2 seconds", firstToken: "2 seconds", gap: "2 seconds" }
})

/** The class of the failure and its own fields, encoded (durations are milliseconds), with all that is known of it. */
export interface Failure {
  readonly _tag: string
  /** One of these. */
  readonly phase: string | ReadonlyArray<string>
  readonly [field: string]: unknown
}

export interface Entry {
  readonly id: string
  readonly what: string
  readonly fault: OllamaSimulatorServer.Stageable
  readonly policy: Policy.Policy
  /** The words that the server itself sends; where they are not all of them, the fault carries the rest. */
  readonly says: ReadonlyArray<string>
  /** `recovered`: the whole answer. */
  readonly expected: "recovered" | Failure
  /** Chat requests that the server must see; absent where it depends on the connections in use. */
  readonly requests?: number
  /** The fault hits a call that follows another one. */
  readonly isSecondCall: boolean
  /** By what a client without our classes may tell this fault: a status, a class for timeouts, one for connections. */
  readonly mark: number | "timeout" | "connection" | undefined
  /** Where a client has no limit of its own until headers: what its transport is told, in milliseconds. */
  readonly transportLimit?: number
}

const entry = (
  id: string,
  what: string,
  fault: Entry["fault"],
  expected: Entry["expected"],
  rest: Partial<Entry> = {}
): Entry => ({
  id,
  what,
  fault,
  expected,
  policy: small,
  says: tokens,
  isSecondCall: false,
  mark: undefined,
  ...rest
})

/** On a slow machine the look at what is in memory may come too late for the call. */
const waiting = ["firstToken", "load"]

const unreachable = (reason: string, phase: string): Failure => ({ _tag: "Unreachable", reason, phase })

/** What sits in the way answers the look at what is in memory too: the stage is the load of a model nothing is known of. */
const blocked = (by: string, status: number): Failure => ({ _tag: "Blocked", by, status, phase: "load" })

const crash = "llama runner process has terminated: exit status 2"
const failure = "something went wrong inside the server"
const badLine = `{"model":"llama3.2","message":{"role":"assistant","content":"${tokens[good]}\u0000`

/** The 22 faults. */
export const base: ReadonlyArray<Entry> = [
  entry("01-refused", "nothing listens", Fault.refused(), unreachable("refused", "connect"), {
    requests: 0,
    mark: "connection"
  }),
  entry("02-dns", "the name does not exist", Fault.dns(), unreachable("dns", "connect"), {
    requests: 0,
    mark: "connection"
  }),
  entry(
    "03-blackhole",
    "accepted, never answered",
    Fault.blackHole(),
    { _tag: "Timeout", phase: "load", limit: 2000 },
    { requests: 1, mark: "timeout" }
  ),
  entry(
    "04-headers-stall",
    "headers, then silence",
    Fault.stallAfterHeaders(),
    { _tag: "Timeout", phase: "firstToken", limit: 2000, status: 200 },
    { requests: 1, mark: "timeout" }
  ),
  entry(
    "05-mid-stall",
    "silence inside the answer",
    Fault.stallAfter(good),
    { _tag: "Timeout", phase: "gap", limit: 2000, partial },
    { requests: 1, mark: "timeout" }
  ),
  entry("06-rst-early", "reset before headers", Fault.resetBeforeHeaders(), unreachable("reset", "load"), {
    requests: 3,
    mark: "connection"
  }),
  entry(
    "07-rst-mid",
    "reset inside the answer",
    Fault.resetAfter(good),
    { _tag: "StreamInterrupted", phase: "gap", partial },
    { requests: 1 }
  ),
  entry(
    "08-fin-mid",
    "a clean end without done",
    Fault.endAfter(good),
    { _tag: "StreamInterrupted", phase: "gap", partial },
    { requests: 1 }
  ),
  entry("09-503x2", "503 twice, then well", Fault.serverBusy({ times: 2 }), "recovered", { requests: 3, mark: 503 }),
  entry("10-429", "429 with Retry-After: 1, then well", Fault.rateLimited(1, { times: 1 }), "recovered", {
    requests: 2,
    mark: 429
  }),
  entry("11-403", "403 with an empty body", Fault.forbidden(), blocked("hostHeader", 403), { requests: 1, mark: 403 }),
  entry("12-407", "a proxy wants credentials", Fault.proxyAuth(), blocked("proxy", 407), { requests: 1, mark: 407 }),
  entry("13-captive", "200 with a login page", Fault.captivePortal(), blocked("captivePortal", 200), { requests: 1 }),
  entry(
    "14-mid-error",
    "an error line inside the answer",
    Fault.errorLineAfter(good, crash),
    { _tag: "ServerError", phase: "gap", crashed: true, transient: false, detail: crash, partial },
    { requests: 1, mark: -1 }
  ),
  entry(
    "15-500",
    "500",
    Fault.status(500, { json: { error: failure } }),
    { _tag: "ServerError", phase: waiting, status: 500, crashed: false, transient: false, detail: failure },
    { requests: 1, mark: 500 }
  ),
  entry(
    "16-404",
    "the model is not installed",
    Fault.status(404, { json: { error: "model 'llama3.2' not found" } }),
    { _tag: "ModelNotFound", phase: waiting, status: 404, model: "llama3.2" },
    { requests: 1, mark: 404 }
  ),
  entry("17-slow5s", "headers 5 s late (default limits)", Fault.slowHeaders("5 seconds"), "recovered", {
    policy: Policy.defaults,
    requests: 1
  }),
  entry(
    "18-badjson",
    "a line that is no JSON",
    Fault.badLineAfter(good, { line: badLine }),
    // what could command a terminal is taken out of it
    { _tag: "ProtocolError", phase: "gap", line: good + 1, excerpt: badLine.replace("\0", ""), partial },
    { says: tokens.filter((_, index) => index !== good), requests: 1 }
  ),
  entry("19-utf8split", "a byte at a time", Fault.splitBytes(1), "recovered", { requests: 1 }),
  entry("20-tls-selfsigned", "a certificate nobody signed", Fault.selfSignedTls(), unreachable("tls", "connect"), {
    requests: 0,
    mark: "connection"
  }),
  entry("21-http-to-tls", "HTTP to a TLS port", Fault.httpToTls(), unreachable("protocol", "load"), {
    requests: 0,
    mark: "connection"
  }),
  entry(
    "22-unroutable",
    "packets are dropped",
    Fault.connectTimeout(),
    { _tag: "Timeout", phase: "connect", limit: 1000 },
    { requests: 0, mark: "timeout" }
  )
]

/** Variants of those, and what proxies and kept connections add. */
export const extra: ReadonlyArray<Entry> = [
  entry(
    "08b-fin-raw",
    "closed inside the answer",
    Fault.cutAfter(good),
    { _tag: "StreamInterrupted", phase: "gap", partial },
    { requests: 1 }
  ),
  entry(
    "17b-hdrtimeout",
    "headers later than the limit",
    Fault.slowHeaders("5 seconds"),
    { _tag: "Timeout", phase: "firstToken", limit: 2000 },
    { requests: 1, mark: "timeout", transportLimit: 1000 }
  ),
  entry("21b-https-to-http", "TLS to an HTTP port", Fault.httpsToHttp(), unreachable("tls", "connect"), {
    requests: 0,
    mark: "connection"
  }),
  entry("x1-stale-keepalive", "a kept connection is dead", Fault.staleKeepAlive(), "recovered", {
    isSecondCall: true,
    mark: "connection"
  }),
  entry(
    "x2-503-forever",
    "503 again and again",
    Fault.serverBusy(),
    { _tag: "Overloaded", phase: waiting, by: "server", status: 503 },
    { requests: 3, mark: 503 }
  ),
  entry(
    "x3-502-html",
    "a proxy without a server",
    Fault.badGateway(),
    { ...unreachable("gateway", "load"), status: 502 },
    { requests: 3, mark: 502 }
  ),
  entry(
    "x4-empty200",
    "200 with an empty body",
    Fault.emptyBody(),
    { _tag: "ProtocolError", phase: waiting, status: 200, excerpt: "" },
    { requests: 1 }
  )
]
