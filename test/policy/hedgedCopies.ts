/** Effects whose copies have different fates, for the tests of hedging. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Hedging, OllamaError } from "effect-ollama"
import { within } from "../support/clock.js"

export type Fate = { readonly takes: number; readonly ends: "well" | OllamaError.OllamaError | "defect" }

/** An effect whose copies have these fates, in the order they are sent; and when each was sent and interrupted. */
export const copies = (fates: ReadonlyArray<Fate>, finalizer: Effect.Effect<void> = Effect.void) => {
  const sentAt: Array<number> = []
  const leftAt: Array<number | undefined> = []
  const effect = Effect.gen(function* () {
    const copy = sentAt.length
    sentAt.push(yield* Clock.currentTimeMillis)
    const { ends, takes } = fates[copy] ?? assert.fail("one copy too many")
    yield* Effect.onInterrupt(Effect.sleep(takes), () =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        leftAt[copy] = now
        return finalizer
      })
    )
    if (ends === "defect") return yield* Effect.die("bug")
    return ends === "well" ? copy : yield* ends
  })
  return { effect, sentAt, leftAt }
}

export const well = (takes: number): Fate => ({ takes, ends: "well" })
export const fails = (
  takes: number,
  ends: OllamaError.OllamaError = new OllamaError.Overloaded({ by: "server" })
): Fate => ({ takes, ends })

export const after100 = (max = 1) => Hedging.make({ after: Duration.millis(100), max })

/** How it ends, and when. */
export const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  within(
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      const exit = yield* Effect.exit(effect)
      return { exit, at: (yield* Clock.currentTimeMillis) - start }
    })
  )
