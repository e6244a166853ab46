/**
 * From what a transport throws to the failure that names the cause: the codes of the operating system, of undici, of
 * node:http and of fetch, which sit at different depths of the cause chain; and the words of Deno's fetch, which gives no
 * codes. Checked on Node 20, 22 and 24 with fetch, undici 7 and node:http, on Bun 1.4 and on Deno 2.9.
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import type * as OllamaError from "../OllamaError.js"
import type { Seed } from "./context.js"
import { defined } from "./defined.js"
import * as Page from "./page.js"
import { blocked, invalid, timeout, unreachable } from "./seed.js"

/** What was found in the cause chain. */
export interface Found {
  readonly code?: string
  readonly name: string
  readonly message: string
  /** The messages of the whole chain, for those failures that have no code. */
  readonly chain: ReadonlyArray<string>
}

const text = (u: unknown, otherwise: string): string => (typeof u === "string" ? u : otherwise)

/** Walks causes and aggregated errors, at most five deep, to the first code. */
export const find = (error: unknown): Found => {
  const chain: Array<string> = []
  let named: Found | undefined
  const visit = (u: unknown, depth: number): Found | undefined => {
    if (!Predicate.isRecord(u)) return undefined
    // the platform's own wrapper prints addresses and requests: only what is below it counts
    if (!("_tag" in u && "request" in u)) {
      const found = { name: text(u.name, "Error"), message: text(u.message, ""), chain }
      const code = text(u.code, "")
      chain.push(found.message)
      if (found.message || !named) named = found
      if (code) return { code, ...found }
    }
    if (depth === 0) return undefined
    for (const inner of [...(Array.isArray(u.errors) ? u.errors : []), u.cause]) {
      const found = visit(inner, depth - 1)
      if (found) return found
    }
    return undefined
  }
  return visit(error, 5) ?? named ?? { name: "Error", message: "", chain }
}

/** The short form that a failure keeps. */
export const cause = ({ code, message, name }: Found): OllamaError.Cause => defined({ code, name, message })

export const refused = unreachable("refused", "Start Ollama (`ollama serve`), and check address and port (OLLAMA_HOST)")
const dns = unreachable("dns", "Correct the host name in the address (OLLAMA_HOST), or check the name server")
const unroutable = unreachable(
  "unroutable",
  "No way leads to this host: check the address, that the machine is on, the VPN, and firewalls that drop packets"
)
const exhausted = unreachable(
  "unroutable",
  "This machine cannot open another connection (no files, ports or memory are left for it): close what is not needed, raise the limits (ulimit -n), or make fewer calls at once"
)
export const reset = unreachable(
  "reset",
  "The connection was closed before an answer: the server may have stopped or restarted; look into its log and ask again"
)
const tls = unreachable(
  "tls",
  "TLS failed: give the transport the certificate authority that signed the server, or correct the name in the address; write http:// if the port does not speak TLS"
)
const cutShort = unreachable(
  "reset",
  "The answer is shorter or longer than it says: the server may have stopped, or a proxy changes answers; ask again"
)
const headersTooLarge = unreachable(
  "protocol",
  "The headers of the answer are larger than any server of Ollama's sends: check the address, and the proxy before the server"
)
const notHttp = unreachable("protocol", "What listens there does not speak HTTP: check address and port (OLLAMA_HOST)")
const firewall = blocked(
  "firewall",
  "This machine's firewall or sandbox forbids the connection: allow it for this program and port"
)
const sandbox = blocked(
  "firewall",
  "Deno's sandbox forbids the connection: run the program with --allow-net for this host and port"
)
const proxy = blocked(
  "proxy",
  "A proxy refuses the call: give it credentials (HTTP_PROXY=http://user:password@proxy), or name the host in NO_PROXY"
)
const proxyDown = unreachable(
  "gateway",
  "The proxy cannot be used: check that it runs and the address in HTTP_PROXY, or name the host in NO_PROXY"
)
const noTunnel = unreachable(
  "gateway",
  "The proxy has no way to this host: correct HTTP_PROXY, or name the host in NO_PROXY"
)

/** TLS that was not agreed upon, so that nothing was sent. */
const tlsCode =
  /^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|CRL_)/

interface Rule {
  readonly code?: RegExp
  readonly chain?: RegExp
  readonly seed: Seed
}

/** HTTP to a port that speaks TLS, where the server says nothing of it; found by a probe. */
export const tlsPort = unreachable("protocol", "Write https:// in the address: this port speaks TLS")

const gaveUp = timeout(
  Duration.minutes(5),
  "The transport gave up (fetch does so after 300 s): use OllamaNode, which has no such limit"
)

/** Whether it was the client itself that closed: its layer was released while the call ran. */
export const isReleased = ({ code }: Found): boolean => code === "UND_ERR_DESTROYED" || code === "UND_ERR_CLOSED"

/** First match wins; what is left is a reset: ECONNRESET, EPIPE, UND_ERR_SOCKET, ABORT_ERR and their like. */
const rules: ReadonlyArray<Rule> = [
  // the second of Bun before 1.3, also of names that are not there
  { code: /^(ECONNREFUSED|ConnectionRefused)$/, seed: refused },
  { code: /^(ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL|ENONAME)$/, seed: dns },
  {
    // EINVAL: a route of this machine that throws packets away (`ip route add blackhole`)
    code: /^(E(HOST|NET)(UNREACH|DOWN)|ETIMEDOUT|EINVAL|FailedToOpenSocket)$/,
    seed: unroutable
  },
  { code: /^(E[MN]FILE|ENOBUFS|ENOMEM|EADDRNOTAVAIL)$/, seed: exhausted },
  { code: /^(EACCES|EPERM)$/, seed: firewall },
  {
    code: /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/,
    seed: gaveUp
  },
  { chain: /^TimeoutError$/, seed: gaveUp },
  { chain: /^NotCapable$/, seed: sandbox },
  // of OllamaNode: the proxy is not there, or breaks off
  { code: /^ERR_PROXY_CONNECTION_FAILED$/, seed: proxyDown },
  // a tunnel through a proxy that the proxy does not open
  { chain: /Proxy response \((407|403|401)\)/, seed: proxy },
  { chain: /Proxy response \(\d+\)/, seed: noTunnel },
  { code: /^ERR_TUNNEL_CONNECTION_FAILED$/, seed: noTunnel },
  { code: tlsCode, seed: tls },
  { code: /^(UND_ERR_HEADERS_OVERFLOW|HPE_HEADER_OVERFLOW)$/, seed: headersTooLarge },
  { code: /^UND_ERR_RES_CONTENT_LENGTH_MISMATCH$/, seed: cutShort },
  { code: /^(HPE_|Malformed_HTTP_Response$)/, seed: notHttp },
  {
    chain: /bad port|Requests to port \d+ are blocked|ERR_INVALID_URL|Failed to parse URL|Invalid URL/i,
    seed: invalid("address", "host")
  },
  { chain: /HTTPParser|Parse Error|Response does not match the HTTP\/1\.1 protocol/i, seed: notHttp },
  // Deno, by hyper, rustls and the operating system (Linux, macOS, Windows)
  { chain: /\(Connect\): dns error/, seed: dns },
  { chain: /\(Connect\): tcp .*\(os error (111|61|10061)\)/, seed: refused },
  { chain: /\(Connect\): tcp .*\(os error (101|113|110|51|65|60|10051|10065|10060)\)/, seed: unroutable },
  { chain: /\(Connect\): tcp .*\(os error (23|24|99|105|49|55|10024|10055)\)/, seed: exhausted },
  { chain: /\(Connect\): tcp .*\(os error (1|13|10013)\)/, seed: firewall },
  { chain: /\(Connect\): .*(tls|certificate|corrupt message)/i, seed: tls },
  { chain: /\(SendRequest\): (invalid|message head is too large|received unexpected message)/, seed: notHttp },
  // all that a browser says of any failure (page.ts finds out more)
  { chain: Page.words, seed: refused }
]

/** What a connection was waiting for when its time was over, by the words of OllamaNode; else for an answer of the host. */
const waitedFor: ReadonlyArray<readonly [message: RegExp, remedy: string]> = [
  [
    /^no address of /,
    "The name server does not answer: check the network and the name servers of this machine, or write an IP address (OLLAMA_HOST)"
  ],
  [
    /^no proxy at /,
    "The proxy does not answer: check that it runs and the address in HTTP_PROXY, or name the host in NO_PROXY"
  ],
  [
    /^no tunnel through /,
    "The proxy does not get through to this host: start the server, or name the host in NO_PROXY"
  ],
  [
    /^no TLS with /,
    "The port takes connections, but does not answer TLS: write http:// if it does not speak TLS, or restart what listens there"
  ],
  [
    /^/,
    "Nothing answers there: check address, VPN and firewalls that drop packets; raise timeouts.connect for a far host"
  ]
]

/** Node's fetch hides a 407 behind an error with neither code nor message. */
const isHidden407 = (found: Found): boolean =>
  found.code === undefined && found.chain.includes("fetch failed") && found.chain.at(-1) === ""

/** @param connectLimit what the transport's connect timer is set to, where that is known */
export const classify = (found: Found, connectLimit: Duration.Duration | undefined): Seed => {
  if (found.code === "UND_ERR_CONNECT_TIMEOUT") {
    const remedy = waitedFor.find(([message]) => message.test(found.message))?.[1] ?? ""
    return timeout(connectLimit ?? Duration.seconds(10), remedy)
  }
  if (isHidden407(found)) return proxy
  const rule = rules.find(({ chain, code }) =>
    code ? code.test(found.code ?? "") : [found.name, ...found.chain].some((text) => chain?.test(text))
  )
  return rule?.seed ?? reset
}

const connectCode =
  /^(ECONNREFUSED|ConnectionRefused|FailedToOpenSocket|ENOTFOUND|EAI_\w+|ENODATA|E(HOST|NET)(UNREACH|DOWN)|EADDRNOTAVAIL|EINVAL|E[MN]FILE|ENOBUFS|ENOMEM|EACCES|EPERM|UND_ERR_CONNECT_TIMEOUT|ERR_(PROXY|TUNNEL)_CONNECTION_FAILED)$/

/** Whether the failure says that no connection was made, so that nothing was sent. */
export const isBeforeConnection = ({ chain, code, name }: Found): boolean =>
  code === undefined
    ? name === "NotCapable" || chain.some((text) => text.includes("client error (Connect)"))
    : connectCode.test(code) || tlsCode.test(code)

/** Whether the server closed a connection without an answer, which is also what HTTP to a TLS port looks like. */
export const isReset = (seed: Seed): boolean => seed === reset

/** Whether a request failed because its connection broke, whatever else is known of it. */
export const isBroken = (error: unknown): boolean => isReset(classify(find(error), undefined))
