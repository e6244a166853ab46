/** A clock that stands where it is put, for tests in which nobody waits. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** @param sleep what becomes of those who sleep all the same */
export const make = (sleep: Effect.Effect<void> = Effect.dieMessage("nobody sleeps by this clock")) => {
  let now = 0
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: () => sleep
  }
  return {
    clock,
    now: () => now,
    advance: (millis: number) => {
      now += millis
    },
    runSync: <A, E>(effect: Effect.Effect<A, E>): A => Effect.runSync(Effect.withClock(effect, clock))
  }
}
