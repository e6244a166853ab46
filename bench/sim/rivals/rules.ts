/** A balancer as its rules: how it scores hosts, when it tries again, when it leaves a host alone. */
import type { Machine, Scenario } from "../scenario.js"
import type { Request } from "../traffic.js"

/** What a balancer knows of a host. */
export interface Known {
  readonly index: number
  readonly machine: Machine
  inFlight: number
  /** Failures in a row. */
  failures: number
  timeouts: number
  /** How often it was left alone. */
  cooldowns: number
  /** Milliseconds: it is not used before. */
  outUntil: number
  /** A moving mean of times that rises at once, in milliseconds, and when it was changed. */
  ewma: number
  ewmaAt: number
  answered: number
  /** Models in memory, as a heartbeat showed them. */
  resident: ReadonlySet<string>
  /** When calls to it ended, and whether well: for rates over a window. */
  readonly ends: Array<{ readonly at: number; readonly isDone: boolean }>
}

export const known = (index: number, machine: Machine): Known => ({
  index,
  machine,
  inFlight: 0,
  failures: 0,
  timeouts: 0,
  cooldowns: 0,
  outUntil: 0,
  ewma: 0,
  ewmaAt: 0,
  answered: 0,
  resident: new Set(),
  ends: []
})

/** A question of where to send a request. */
export interface Ask {
  readonly scenario: Scenario
  readonly request: Request
  readonly hosts: ReadonlyArray<Known>
  /** How many questions there were before. */
  readonly turn: number
  readonly now: number
  readonly random: () => number
}

export interface Rules {
  readonly name: string
  readonly says: string
  /** The lowest is taken. */
  readonly score: (host: Known, ask: Ask) => number
  /** Only two hosts, drawn by lot, are compared. */
  readonly ofTwo?: boolean
  readonly attempts: number
  /** Milliseconds before the attempt after so many. */
  readonly backoff: (attempts: number, random: () => number) => number
  /** Whether a host is tried at most once for a request. */
  readonly avoidsTried: boolean
  /** Milliseconds. */
  readonly connectLimit: number
  /** Milliseconds that it waits for the first byte. */
  readonly firstByteLimit?: number
  /** Whether a timeout ends the request. */
  readonly timeoutsAreFinal?: boolean
  /** For how many milliseconds a host that has failed is left alone, if it is. */
  readonly cooldown?: (host: Known, isTimeout: boolean, now: number) => number | undefined
  /** Milliseconds between two looks at all hosts; one that does not answer is left alone until the next but a bit. */
  readonly health?: number
  /** Milliseconds between two looks at what hosts have in memory. */
  readonly heartbeat?: number
}
