/** A clock for synchronous tests: it stands where it is put, and nobody sleeps by it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export const make = () => {
  const live = Clock.make()
  let now = 0
  const clock: Clock.Clock = {
    ...live,
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: () => Effect.dieMessage("nobody sleeps by this clock")
  }
  return {
    now: () => now,
    advance: (millis: number) => {
      now += millis
    },
    runSync: <A, E>(effect: Effect.Effect<A, E>): A => Effect.runSync(Effect.withClock(effect, clock))
  }
}
