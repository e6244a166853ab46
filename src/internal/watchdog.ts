/**
 * The clocks of all calls of a client, watched by one fiber: it sleeps until the earliest of them could run out, looks at
 * the timestamps, and sleeps again. A token costs no timer, and a call no fiber.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/** What is watched. */
export interface Entry {
  /**
   * Does what is due, and says when to look again, in milliseconds on Clock; infinity when there is nothing to wait for.
   * What takes time is put into `forks`.
   */
  readonly check: (now: number, forks: Array<Effect.Effect<void>>) => number
}

export interface Watchdog {
  /** Begins to watch. */
  readonly add: (clock: Clock.Clock, entry: Entry) => Effect.Effect<void>
  /** Ends it; does nothing when it has ended. */
  readonly remove: (clock: Clock.Clock, entry: Entry) => void
}

/** The entries of one clock. */
interface Watch {
  readonly entries: Set<Entry>
  sleeper: Fiber.RuntimeFiber<void> | undefined
  wakesAt: number
}

export const make = (): Watchdog => {
  // a program under test has its clock, beside the client's own
  const watches = new WeakMap<Clock.Clock, Watch>()

  const stop = (watch: Watch): void => {
    watch.sleeper?.unsafeInterruptAsFork(FiberId.none)
    watch.sleeper = undefined
    watch.wakesAt = Number.POSITIVE_INFINITY
  }

  const sleep = (clock: Clock.Clock, watch: Watch): Effect.Effect<void> =>
    Effect.suspend(() => {
      const now = clock.unsafeCurrentTimeMillis()
      const forks: Array<Effect.Effect<void>> = []
      let next = Number.POSITIVE_INFINITY
      for (const entry of watch.entries) next = Math.min(next, entry.check(now, forks))
      watch.wakesAt = next
      if (next === Number.POSITIVE_INFINITY) watch.sleeper = undefined
      const again =
        next === Number.POSITIVE_INFINITY
          ? Effect.void
          : Effect.flatMap(Effect.sleep(Math.max(1, next - now)), () => sleep(clock, watch))
      return forks.length === 0 ? again : Effect.zipRight(Effect.forEach(forks, Effect.forkDaemon), again)
    })

  return {
    add: (clock, entry) =>
      Effect.suspend(() => {
        let watch = watches.get(clock)
        if (watch === undefined) {
          watch = { entries: new Set(), sleeper: undefined, wakesAt: Number.POSITIVE_INFINITY }
          watches.set(clock, watch)
        }
        const here = watch
        here.entries.add(entry)
        const forks: Array<Effect.Effect<void>> = []
        const due = entry.check(clock.unsafeCurrentTimeMillis(), forks)
        const start = Effect.suspend(() => {
          if (due >= here.wakesAt) return Effect.void
          // one that wakes sooner takes the place of the one that sleeps
          stop(here)
          here.wakesAt = due
          return Effect.map(Effect.forkDaemon(Effect.interruptible(sleep(clock, here))), (fiber) => {
            here.sleeper = fiber
          })
        })
        return forks.length === 0 ? start : Effect.zipRight(Effect.forEach(forks, Effect.forkDaemon), start)
      }),
    remove: (clock, entry) => {
      const watch = watches.get(clock)
      // a timer that nobody needs would keep the program alive
      if (watch?.entries.delete(entry) === true && watch.entries.size === 0) stop(watch)
    }
  }
}
