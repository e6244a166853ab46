/** Who takes part: something that is given requests and a way to the hosts. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Ending } from "./outcome.js"
import type { Scenario } from "./scenario.js"
import type { Request } from "./traffic.js"

/** Where a contestant plays. */
export interface Site {
  readonly scenario: Scenario
  /** Addresses. */
  readonly hosts: ReadonlyArray<string>
  /** The way to all of them. It gives up connecting after the contestant's own limit. */
  readonly http: HttpClient.HttpClient
  /** A number for dice of one's own. */
  readonly seed: number
  /** To be told whenever this host (by index) is not used any more, or used again. */
  readonly ejected: (host: number, isOut: boolean) => void
}

export interface Client {
  /** Asks; `onFirst` is called with the first token. */
  readonly run: (request: Request, onFirst: () => void) => Effect.Effect<Ending>
}

/** One that sends requests to simulated servers. */
export interface Player {
  readonly _tag: "Player"
  readonly name: string
  readonly says: string
  /** Milliseconds after which its transport gives up connecting. */
  readonly connectLimit: number
  readonly make: (site: Site) => Effect.Effect<Client, never, Scope.Scope>
}

/** One that cannot exist: it knows the future or needs no servers. It is computed on the model of a host. */
export interface Reference {
  readonly _tag: "Reference"
  readonly name: string
  readonly says: string
  readonly play: (scenario: Scenario, requests: ReadonlyArray<Request>, seed: number) => Played
}

export type Contestant = Player | Reference

/** What became of one request. */
export interface Outcome {
  readonly request: Request
  /** Milliseconds since its arrival; absent where no token came. */
  readonly firstAfter?: number
  readonly endAfter: number
  readonly ending: Ending
}

export interface Attempt {
  readonly id: number
  /** Index. */
  readonly host: number
  /** Milliseconds since the start. */
  readonly at: number
}

/** What the machines did. */
export interface Work {
  readonly loads: number
  readonly aborted: number
  readonly evictions: number
  /** Milliseconds of slots, by machine. */
  readonly busy: ReadonlyArray<number>
  /** Milliseconds of slots and loads that no caller got a whole answer for. */
  readonly wasted: number
}

/** Somebody stopped using a host, or used it again. */
export interface Ejection {
  readonly host: number
  /** Milliseconds since the start. */
  readonly at: number
  readonly isOut: boolean
}

export interface Played {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly attempts: ReadonlyArray<Attempt>
  readonly ejections: ReadonlyArray<Ejection>
  readonly work: Work
}
