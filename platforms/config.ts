/** What a program on a platform is told: which one it is, and the addresses of the servers that wait for it. */

export interface Config {
  readonly runtime: "node" | "bun" | "deno" | "page"
  /** `fetch` is `FetchHttpClient`, `node` is `OllamaNode`. */
  readonly transport: "fetch" | "node"
  /** What is tried alone: an address that a sandbox forbids, or a transport that a runtime does not have. */
  readonly only?: "sandbox" | "unsupported"
  /** A simulator; the names of models choose its faults. */
  readonly simulator: string
  /** The same over TLS, with a certificate that nobody trusts. */
  readonly secure: string
  /** Answers a chat with a token whenever the desk is asked for one. */
  readonly gate: string
  /** Tells what the servers saw. */
  readonly desk: string
  /** Nothing listens. */
  readonly closed: string
  /** Resets each connection at its first byte. */
  readonly resets: string
  /** Closes each connection at its first byte. */
  readonly closes: string
  /** Speaks, but not HTTP. */
  readonly strange: string
}

/** What became of one case; without `problem` it went as it should. */
export interface Outcome {
  readonly name: string
  readonly problem?: string
}
