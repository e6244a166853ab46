/** What every handler gets. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Refusal } from "./json.js"
import type { Installed } from "./models.js"
import type { Scheduler } from "./scheduler.js"
import type { Options, WireAnswer, WireRequest } from "./types.js"

/** The state of the simulated server. */
export interface Server {
  readonly options: Options
  readonly version: string
  /** Whether it lets itself be called by this Host header. */
  readonly allowsHost: (host: string) => boolean
  readonly scheduler: Scheduler
  /** By lower-cased short name. */
  readonly installed: Map<string, Installed>
  /** What can be pulled, by lower-cased short name. */
  readonly registry: Map<string, Installed>
  /** Digests with `sha256:` of the blobs that were uploaded. */
  readonly blobs: Set<string>
  account: Options["account"]
  /** How many times as long as normal everything takes. */
  factor: number
}

export interface Exchange {
  readonly server: Server
  readonly request: WireRequest
  /** Milliseconds on the Clock. */
  readonly arrivedAt: number
  /** To be called with the last chunk: a client that has it may leave without having left early. */
  readonly complete: () => void
  /** To be called when the death of the model's runner ends it. */
  readonly crashed: () => void
  /** A fault lets the runner die after so many chunks. */
  readonly crashAfter: number | undefined
}

export type Route = (exchange: Exchange) => Effect.Effect<WireAnswer, Refusal, Scope.Scope>

/** An installed model by any spelling of its name. */
export const find = (server: Server, short: string | undefined): Installed | undefined =>
  short === undefined ? undefined : server.installed.get(short.toLowerCase())
