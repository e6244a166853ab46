/** The faults as plain data; `Fault` makes them. */
import type * as Duration from "effect/Duration"

/**
 * Which requests a fault hits.
 *
 * @since 0.1.0
 * @category models
 */
export interface When {
  /**
   * How many matching requests it hits; all when absent. A request that only loads a model has no answer to break: what
   * happens after some chunks passes it by.
   */
  readonly times?: number
  /** How many matching requests pass before the first one is hit; none when absent. */
  readonly after?: number
  /** The path of the request: `/api/chat`, or a prefix that ends in `*`. Without it every path but `GET /api/ps`. */
  readonly path?: string
  /** The `model` of the request body. */
  readonly model?: string
  /**
   * Whether `GET /api/ps` is hit too while the fault lasts. Clients may send it at any time to learn which models are
   * loaded, so it never counts for `times` and `after`. By default true for what breaks connections and for what sits
   * between client and server, false for Ollama's own answers. A `path` of `/api/ps` makes it an ordinary request.
   */
  readonly probes?: boolean
}

/**
 * Nothing listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refused extends When {
  readonly _tag: "Refused"
}

/**
 * The name does not resolve.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dns extends When {
  readonly _tag: "Dns"
}

/**
 * No route to the host.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unroutable extends When {
  readonly _tag: "Unroutable"
}

/**
 * Connection attempts are swallowed; `limit` is the client's own in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectTimeout extends When {
  readonly _tag: "ConnectTimeout"
  readonly limit: Duration.DurationInput
}

/**
 * The operating system forbids the connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Firewall extends When {
  readonly _tag: "Firewall"
  readonly code: "EACCES" | "EPERM"
}

/**
 * The certificate is not trusted.
 *
 * @since 0.1.0
 * @category models
 */
export interface SelfSignedTls extends When {
  readonly _tag: "SelfSignedTls"
}

/**
 * Plain HTTP to a TLS port.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpToTls extends When {
  readonly _tag: "HttpToTls"
}

/**
 * TLS to a plain port.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpsToHttp extends When {
  readonly _tag: "HttpsToHttp"
}

/**
 * Accepted and never answered.
 *
 * @since 0.1.0
 * @category models
 */
export interface BlackHole extends When {
  readonly _tag: "BlackHole"
}

/**
 * RST before any header.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResetBeforeHeaders extends When {
  readonly _tag: "ResetBeforeHeaders"
}

/**
 * FIN before any header.
 *
 * @since 0.1.0
 * @category models
 */
export interface CloseBeforeHeaders extends When {
  readonly _tag: "CloseBeforeHeaders"
}

/**
 * Bytes that are not HTTP.
 *
 * @since 0.1.0
 * @category models
 */
export interface NotHttp extends When {
  readonly _tag: "NotHttp"
}

/**
 * A kept-alive connection that is dead when it is used again.
 *
 * @since 0.1.0
 * @category models
 */
export interface StaleKeepAlive extends When {
  readonly _tag: "StaleKeepAlive"
}

/**
 * Another answer than the server's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer extends When {
  readonly _tag: "Answer"
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Headers come late.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlowHeaders extends When {
  readonly _tag: "SlowHeaders"
  readonly delay: Duration.DurationInput
}

/**
 * Silence after some chunks.
 *
 * @since 0.1.0
 * @category models
 */
export interface StallAfter extends When {
  readonly _tag: "StallAfter"
  readonly chunks: number
}

/**
 * RST after some chunks.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResetAfter extends When {
  readonly _tag: "ResetAfter"
  readonly chunks: number
}

/**
 * A clean end after some chunks.
 *
 * @since 0.1.0
 * @category models
 */
export interface EndAfter extends When {
  readonly _tag: "EndAfter"
  readonly chunks: number
}

/**
 * FIN after some chunks, without the end of the chunked encoding.
 *
 * @since 0.1.0
 * @category models
 */
export interface CutAfter extends When {
  readonly _tag: "CutAfter"
  readonly chunks: number
}

/**
 * The runner of the model dies after some chunks.
 *
 * @since 0.1.0
 * @category models
 */
export interface Crash extends When {
  readonly _tag: "Crash"
  readonly chunks: number
}

/**
 * A last line that reports an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface ErrorLineAfter extends When {
  readonly _tag: "ErrorLineAfter"
  readonly chunks: number
  readonly line: string
}

/**
 * A line that is not JSON, between good ones.
 *
 * @since 0.1.0
 * @category models
 */
export interface BadLineAfter extends When {
  readonly _tag: "BadLineAfter"
  readonly chunks: number
  readonly line: string
}

/**
 * Few bytes at a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface SplitBytes extends When {
  readonly _tag: "SplitBytes"
  readonly bytes: number
}

/**
 * A line without an end.
 *
 * @since 0.1.0
 * @category models
 */
export interface EndlessLine extends When {
  readonly _tag: "EndlessLine"
  readonly bytes: number
}

/**
 * Faults of the address: they are met before any server sees a request. In memory they fail the call; on sockets they
 * need an address of their own (`OllamaSimulatorServer`'s `stage` gives it).
 *
 * @since 0.1.0
 * @category models
 */
export type Address = Refused | Dns | Unroutable | ConnectTimeout | Firewall | SelfSignedTls | HttpToTls | HttpsToHttp

/**
 * Faults of a server that was reached.
 *
 * @since 0.1.0
 * @category models
 */
export type Served =
  | BlackHole
  | ResetBeforeHeaders
  | CloseBeforeHeaders
  | NotHttp
  | StaleKeepAlive
  | Answer
  | SlowHeaders
  | StallAfter
  | ResetAfter
  | EndAfter
  | CutAfter
  | Crash
  | ErrorLineAfter
  | BadLineAfter
  | SplitBytes
  | EndlessLine

/**
 * @since 0.1.0
 * @category models
 */
export type Fault = Address | Served
