/** A model in memory, and which of them has to go first. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Installed } from "./models.js"
import * as slots from "./slots.js"
import type { Settings } from "./values.js"

export interface Runner {
  readonly model: Installed
  readonly settings: Settings
  readonly slots: slots.Slots
  /** Fails when the process dies. */
  readonly death: Deferred.Deferred<never, slots.Died>
  /** Requests that use it or wait for their turn: it cannot go before they have. */
  users: number
  /** Milliseconds; the last request that says one decides for all. */
  keepAlive: number
  /** When it was last taken up or let go, in milliseconds. */
  usedAt: number
  /** When it is let go if nobody comes; unknown until it was idle for the first time. Not renewed while it is used. */
  expiresAt: number | undefined
  isDead: boolean
  /** It was chosen to make room for another model. */
  isVictim: boolean
}

export const make = (fields: Pick<Runner, "model" | "settings" | "slots" | "keepAlive" | "usedAt">): Runner => ({
  ...fields,
  death: Deferred.unsafeMake(FiberId.none),
  users: 0,
  expiresAt: undefined,
  isDead: false,
  isVictim: false
})

/** The process is gone: who runs on it fails, who waits for a turn too. */
export const kill = (self: Runner): void => {
  self.isDead = true
  Deferred.unsafeDone(self.death, Effect.fail(new slots.Died({ during: "running" })))
  self.slots.kill()
}

export const isExpired = (self: Runner, now: number): boolean =>
  self.users === 0 && self.expiresAt !== undefined && now >= self.expiresAt

/** What `/api/ps` shows: before its first idle moment the server counts from now. */
export const expiry = (self: Runner, now: number): number => self.expiresAt ?? now + self.keepAlive

const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)

/**
 * Which one goes to make room: the shortest keep_alive first, an idle one before a busy one (`findRunnerToUnload` of
 * Ollama's `server/sched.go`). Between equal ones Ollama takes the order of their files, which says nothing; here it is
 * the one that was not used for the longest time.
 */
export const victim = (runners: Iterable<Runner>): Runner | undefined => {
  const order = [...runners].sort(
    (a, b) => compare(a.keepAlive, b.keepAlive) || compare(a.usedAt, b.usedAt) || (a.model.name < b.model.name ? -1 : 1)
  )
  return order.find(({ users }) => users === 0) ?? order[0]
}
