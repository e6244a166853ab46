/**
 * A clock for very many sleeps: `TestClock` lets the event loop turn some times for each sleep that ends, and for those
 * that were interrupted. Here all that end in one moment end together, and one turn lets everything happen that follows:
 * fibers go on in microtasks only, so nothing can be left behind when the turn is over.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"

type Wake = () => void

export interface Virtual {
  /** The effect on this clock. */
  readonly on: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Runs the effect while the time passes, until it has ended. */
  readonly passing: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Lets so much time pass. */
  readonly adjust: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** How many sleep. */
  readonly sleeping: () => number
}

/** One turn of the event loop. */
const turn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

export const make = (): Virtual => {
  const sleepers = new Map<number, Set<Wake>>()
  let now = 0

  const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.async((resume) => {
      const millis = Duration.toMillis(duration)
      if (millis <= 0) return resume(Effect.void)
      const at = now + millis
      const here = sleepers.get(at) ?? new Set<Wake>()
      sleepers.set(at, here)
      const wake = () => resume(Effect.void)
      here.add(wake)
      return Effect.sync(() => {
        here.delete(wake)
        if (here.size === 0 && sleepers.get(at) === here) sleepers.delete(at)
      })
    })

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(Math.round(now * 1e6)),
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(now * 1e6))),
    sleep
  }

  /** Goes to the next moment at which somebody wakes, or to this one when it is before. */
  const step = (until: number): void => {
    let next = until
    for (const at of sleepers.keys()) next = Math.min(next, at)
    const waking = sleepers.get(next)
    sleepers.delete(next)
    now = next
    if (waking !== undefined) for (const wake of waking) wake()
  }

  const adjust = (duration: Duration.DurationInput): Effect.Effect<void> =>
    Effect.suspend(() => {
      const end = now + Duration.toMillis(duration)
      const going: Effect.Effect<void> = Effect.flatMap(turn, () => {
        if (now >= end) return Effect.void
        step(end)
        return going
      })
      return going
    })

  const passing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.fork(effect), (fiber) => {
      const going: Effect.Effect<A, E> = Effect.flatMap(Effect.zipRight(turn, Fiber.poll(fiber)), (exit) => {
        if (Option.isSome(exit)) return Fiber.join(fiber)
        if (sleepers.size === 0) return Effect.dieMessage("everybody waits, and nobody for a time")
        step(Number.POSITIVE_INFINITY)
        return going
      })
      return going
    })

  return {
    on: (effect) =>
      Effect.withScheduler(Effect.withClock(effect, clock), new Scheduler.MixedScheduler(Number.POSITIVE_INFINITY)),
    passing,
    adjust,
    sleeping: () => [...sleepers.values()].reduce((sum, { size }) => sum + size, 0)
  }
}
