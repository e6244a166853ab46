/**
 * Faults as values: what can go wrong between a program and Ollama, as plain data for the simulator.
 *
 * A fault says what happens and, by `When`, to which requests: all of them by default, or the first `times`, after
 * the first `after`, of one `path` or one `model`. The same values work in memory and on real sockets.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type {
  Address,
  Answer,
  BadLineAfter,
  BlackHole,
  CloseBeforeHeaders,
  ConnectTimeout,
  Crash,
  CutAfter,
  Dns,
  EndAfter,
  EndlessLine,
  ErrorLineAfter,
  Fault,
  Firewall,
  HttpToTls,
  HttpsToHttp,
  NotHttp,
  Refused,
  ResetAfter,
  ResetBeforeHeaders,
  SelfSignedTls,
  SlowHeaders,
  SplitBytes,
  StaleKeepAlive,
  StallAfter,
  Unroutable,
  When
} from "./internal/faultModel.js"
import { type Text, type TextName, texts as table } from "./internal/texts.js"

export type {
  When,
  Refused,
  Dns,
  Unroutable,
  ConnectTimeout,
  Firewall,
  SelfSignedTls,
  HttpToTls,
  HttpsToHttp,
  BlackHole,
  ResetBeforeHeaders,
  CloseBeforeHeaders,
  NotHttp,
  StaleKeepAlive,
  Answer,
  SlowHeaders,
  StallAfter,
  ResetAfter,
  EndAfter,
  CutAfter,
  Crash,
  ErrorLineAfter,
  BadLineAfter,
  SplitBytes,
  EndlessLine,
  Address,
  Served,
  Fault
} from "./internal/faultModel.js"

const addresses: ReadonlySet<string> = new Set<Address["_tag"]>([
  "Refused",
  "Dns",
  "Unroutable",
  "ConnectTimeout",
  "Firewall",
  "SelfSignedTls",
  "HttpToTls",
  "HttpsToHttp"
])

/**
 * Whether a fault belongs to the address rather than to the server behind it.
 *
 * @since 0.1.0
 * @category refinements
 */
export const isAddress = (fault: Fault): fault is Address => addresses.has(fault._tag)

/**
 * Nothing listens: `ECONNREFUSED`.
 *
 * @since 0.1.0
 * @category connection
 */
export const refused = (when?: When): Refused => ({ _tag: "Refused", probes: true, ...when })

/**
 * The name does not resolve: `ENOTFOUND`.
 *
 * @since 0.1.0
 * @category connection
 */
export const dns = (when?: When): Dns => ({ _tag: "Dns", probes: true, ...when })

/**
 * No route to the host: `EHOSTUNREACH` (`ENETUNREACH` on sockets), at once.
 *
 * @since 0.1.0
 * @category connection
 */
export const unroutable = (when?: When): Unroutable => ({ _tag: "Unroutable", probes: true, ...when })

/**
 * Connection attempts are swallowed without an answer, as behind a firewall that drops packets. In memory the call
 * fails with `UND_ERR_CONNECT_TIMEOUT` after `limit` (default 10 seconds, which is undici's own); on sockets the client's
 * own limit decides.
 *
 * @since 0.1.0
 * @category connection
 */
export const connectTimeout = (limit: Duration.DurationInput = "10 seconds", when?: When): ConnectTimeout => ({
  _tag: "ConnectTimeout",
  limit,
  probes: true,
  ...when
})

/**
 * The operating system forbids the connection: `EACCES` or `EPERM`. In memory only.
 *
 * @since 0.1.0
 * @category connection
 */
export const firewall = (code: "EACCES" | "EPERM" = "EACCES", when?: When): Firewall => ({
  _tag: "Firewall",
  code,
  probes: true,
  ...when
})

/**
 * The server's certificate is not trusted: `DEPTH_ZERO_SELF_SIGNED_CERT`.
 *
 * @since 0.1.0
 * @category connection
 */
export const selfSignedTls = (when?: When): SelfSignedTls => ({ _tag: "SelfSignedTls", probes: true, ...when })

/**
 * Plain HTTP to a port that speaks TLS: the other side closes.
 *
 * @since 0.1.0
 * @category connection
 */
export const httpToTls = (when?: When): HttpToTls => ({ _tag: "HttpToTls", probes: true, ...when })

/**
 * TLS to a port that speaks plain HTTP: `ERR_SSL_WRONG_VERSION_NUMBER`.
 *
 * @since 0.1.0
 * @category connection
 */
export const httpsToHttp = (when?: When): HttpsToHttp => ({ _tag: "HttpsToHttp", probes: true, ...when })

/**
 * The connection is accepted and the request read; nothing is ever answered.
 *
 * @since 0.1.0
 * @category connection
 */
export const blackHole = (when?: When): BlackHole => ({ _tag: "BlackHole", probes: true, ...when })

/**
 * The connection is reset (TCP RST) before any header.
 *
 * @since 0.1.0
 * @category connection
 */
export const resetBeforeHeaders = (when?: When): ResetBeforeHeaders => ({
  _tag: "ResetBeforeHeaders",
  probes: true,
  ...when
})

/**
 * The connection is closed (TCP FIN) before any header.
 *
 * @since 0.1.0
 * @category connection
 */
export const closeBeforeHeaders = (when?: When): CloseBeforeHeaders => ({
  _tag: "CloseBeforeHeaders",
  probes: true,
  ...when
})

/**
 * What answers does not speak HTTP.
 *
 * @since 0.1.0
 * @category connection
 */
export const notHttp = (when?: When): NotHttp => ({ _tag: "NotHttp", probes: true, ...when })

/**
 * A kept-alive connection was closed by the server (or a device on the way) while it was idle, and the client finds out
 * by using it: the connection is reset when a request arrives on it. Requests on fresh connections pass. By default one
 * connection is hit.
 *
 * @since 0.1.0
 * @category connection
 */
export const staleKeepAlive = (when?: When): StaleKeepAlive => ({ _tag: "StaleKeepAlive", times: 1, ...when })

/**
 * What an answer of {@link status} consists of; at most one of the bodies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Content {
  readonly headers?: Readonly<Record<string, string>>
  /** As it is, without a content type of its own. */
  readonly body?: string
  readonly json?: unknown
  readonly text?: string
  readonly html?: string
}

const bodyOf = (content: Content): { readonly body: string; readonly type?: string } =>
  content.json !== undefined
    ? { body: JSON.stringify(content.json), type: "application/json; charset=utf-8" }
    : content.html !== undefined
      ? { body: content.html, type: "text/html; charset=utf-8" }
      : content.text !== undefined
        ? { body: content.text, type: "text/plain; charset=utf-8" }
        : { body: content.body ?? "" }

/**
 * An answer with this status instead of the server's own.
 *
 * @example
 * ```ts
 * import { Fault } from "effect-ollama/testing"
 *
 * // the first two chats are shed, later ones pass
 * export const busy = Fault.status(503, { json: { error: "busy" } }, { path: "/api/chat", times: 2 })
 * ```
 *
 * @since 0.1.0
 * @category answers
 */
export const status = (code: number, content: Content = {}, when?: When): Answer => {
  const { body, type } = bodyOf(content)
  return {
    _tag: "Answer",
    status: code,
    headers: { ...(type === undefined ? {} : { "content-type": type }), ...content.headers },
    body,
    ...when
  }
}

/**
 * 503 with the text of Ollama's full scheduler queue.
 *
 * @since 0.1.0
 * @category answers
 */
export const serverBusy = (when?: When): Answer => error("server.busy", when)

/**
 * 429 with a Retry-After header (seconds as a number, or the header's text), as a gateway sends it; Ollama itself never
 * sends Retry-After.
 *
 * @since 0.1.0
 * @category answers
 */
export const rateLimited = (retryAfter?: number | string, when?: When): Answer =>
  status(
    429,
    {
      json: { error: "too many requests" },
      ...(retryAfter === undefined ? {} : { headers: { "retry-after": String(retryAfter) } })
    },
    when
  )

/**
 * 403 with an empty body: Ollama's answer to an Origin or a Host that is not allowed.
 *
 * @since 0.1.0
 * @category answers
 */
export const forbidden = (when?: When): Answer => status(403, {}, { probes: true, ...when })

/**
 * 407 of a proxy that wants credentials.
 *
 * @since 0.1.0
 * @category answers
 */
export const proxyAuth = (when?: When): Answer =>
  status(
    407,
    {
      html: "<html><head><title>407 Proxy Authentication Required</title></head><body></body></html>",
      headers: { "proxy-authenticate": 'Basic realm="proxy"' }
    },
    { probes: true, ...when }
  )

/**
 * 200 with the HTML login page of a captive portal.
 *
 * @since 0.1.0
 * @category answers
 */
export const captivePortal = (when?: When): Answer =>
  status(
    200,
    {
      html: '<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>\n<body><form action="/login" method="post"></form></body></html>\n'
    },
    { probes: true, ...when }
  )

/**
 * 302 (or another status) to another place.
 *
 * @since 0.1.0
 * @category answers
 */
export const redirect = (location: string, code = 302, when?: When): Answer =>
  status(code, { html: `<a href="${location}">Found</a>.\n\n`, headers: { location } }, { probes: true, ...when })

/**
 * 502 with the HTML page of a reverse proxy whose upstream is down.
 *
 * @since 0.1.0
 * @category answers
 */
export const badGateway = (when?: When): Answer =>
  status(
    502,
    {
      html: "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
      headers: { server: "nginx" }
    },
    { probes: true, ...when }
  )

/**
 * 200 with an empty body.
 *
 * @since 0.1.0
 * @category answers
 */
export const emptyBody = (when?: When): Answer => status(200, {}, when)

/**
 * Every error text of Ollama 0.9 to 0.33 by name, with status, body and versions.
 *
 * @since 0.1.0
 * @category texts
 */
export const texts: Readonly<Record<TextName, Text>> = table

export type { Text, TextName } from "./internal/texts.js"

/**
 * One of Ollama's own errors, by the name it has in {@link texts}.
 *
 * @example
 * ```ts
 * import { Fault } from "effect-ollama/testing"
 *
 * export const outOfMemory = Fault.error("load.outOfMemory", { model: "llama3.2" })
 * ```
 *
 * @since 0.1.0
 * @category answers
 */
export const error = (name: TextName, when?: When): Answer => {
  const text = table[name]
  return {
    _tag: "Answer",
    status: text.status,
    headers: text.contentType === undefined ? {} : { "content-type": text.contentType },
    body: text.body,
    ...when
  }
}

/**
 * Headers come late by this much; the server works on nothing in between.
 *
 * @since 0.1.0
 * @category answers
 */
export const slowHeaders = (delay: Duration.DurationInput, when?: When): SlowHeaders => ({
  _tag: "SlowHeaders",
  delay,
  ...when
})

/**
 * Headers, then silence.
 *
 * @since 0.1.0
 * @category bodies
 */
export const stallAfterHeaders = (when?: When): StallAfter => stallAfter(0, when)

/**
 * Silence after this many chunks of the body. An answer of a single chunk stops in the middle of it.
 *
 * @since 0.1.0
 * @category bodies
 */
export const stallAfter = (chunks: number, when?: When): StallAfter => ({ _tag: "StallAfter", chunks, ...when })

/**
 * The connection is reset (TCP RST) after this many chunks.
 *
 * @since 0.1.0
 * @category bodies
 */
export const resetAfter = (chunks: number, when?: When): ResetAfter => ({ _tag: "ResetAfter", chunks, ...when })

/**
 * The body ends cleanly after this many chunks, without its terminal marker.
 *
 * @since 0.1.0
 * @category bodies
 */
export const endAfter = (chunks: number, when?: When): EndAfter => ({ _tag: "EndAfter", chunks, ...when })

/**
 * The connection is closed (TCP FIN) after this many chunks, without the end of the chunked encoding.
 *
 * @since 0.1.0
 * @category bodies
 */
export const cutAfter = (chunks: number, when?: When): CutAfter => ({ _tag: "CutAfter", chunks, ...when })

/**
 * The process that runs the request's model dies after this many chunks of the answer (0: while it reads the prompt).
 * Everyone who uses the model is hit: answers end with Ollama's error line, or with its 500 where no chunk was sent,
 * and the next request loads the model again. The control `crash` does it at a moment of one's own.
 *
 * @since 0.1.0
 * @category bodies
 */
export const crash = (chunks = 0, when?: When): Crash => ({ _tag: "Crash", chunks, ...when })

/**
 * After this many chunks the body ends with a line `{"error": text}`, as Ollama reports what fails in a stream.
 *
 * @since 0.1.0
 * @category bodies
 */
export const errorLineAfter = (chunks: number, text: string, when?: When): ErrorLineAfter => ({
  _tag: "ErrorLineAfter",
  chunks,
  line: JSON.stringify({ error: text }),
  ...when
})

/**
 * As {@link errorLineAfter}, with the body of one of {@link texts}.
 *
 * @since 0.1.0
 * @category bodies
 */
export const errorLine = (name: TextName, chunks = 1, when?: When): ErrorLineAfter => ({
  _tag: "ErrorLineAfter",
  chunks,
  line: table[name].body,
  ...when
})

/**
 * A line that is not JSON after this many chunks; the good ones go on behind it.
 *
 * @since 0.1.0
 * @category bodies
 */
export const badLineAfter = (chunks: number, when?: When & { readonly line?: string }): BadLineAfter => ({
  _tag: "BadLineAfter",
  chunks,
  line: '{"model":"simulator","message":{"role":"assistant","content":"broken\u0000',
  ...when
})

/**
 * The body is written this many bytes at a time, also inside of characters.
 *
 * @since 0.1.0
 * @category bodies
 */
export const splitBytes = (bytes = 1, when?: When): SplitBytes => ({ _tag: "SplitBytes", bytes, ...when })

/**
 * A body that is one line of this many bytes (default 9 MiB) without an end of line.
 *
 * @since 0.1.0
 * @category bodies
 */
export const endlessLine = (bytes = 9 * 1024 * 1024, when?: When): EndlessLine => ({
  _tag: "EndlessLine",
  bytes,
  ...when
})
