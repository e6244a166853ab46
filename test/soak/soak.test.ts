/** 10,000 calls of seven clients with different policies on one server; about half a minute. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { checked } from "./checked.js"
import * as Figures from "./figures.js"
import { soak } from "./run.js"

const patience = 300_000

const history = (seed: number) =>
  soak({ calls: 300, seed, isHarmful: true }, ({ outcome }) => Effect.sync(() => Figures.history(outcome)))

describe("a soak", () => {
  it.scopedLive(
    "with faults of all kinds: every call ends once, right or typed, and client and server agree",
    () =>
      Effect.gen(function* () {
        const { decisions, ended, outcomes, successes } = yield* checked({ calls: 8000, seed: 2, isHarmful: true })
        // it has seen something of everything
        const tags = ["Timeout", "Unreachable", "Overloaded", "CircuitOpen", "StreamInterrupted", "ServerError"]
        for (const outcome of ["success", "left", "ProtocolError", ...tags]) {
          assert.isAbove(outcomes[outcome] ?? 0, 0, outcome)
        }
        for (const [how, count] of Object.entries(ended)) assert.isAbove(count, 0, how)
        const all = ["retried", "heldOffline", "queued", "hedged", "fellBack", "refused", "notRetried"]
        assert.sameMembers(Object.keys(decisions), all)
        assert.strictEqual(Object.keys(successes).length, 7)
      }),
    patience
  )

  it.scopedLive(
    "without crashes and evictions: no load is thrown away, whoever leaves",
    () =>
      Effect.gen(function* () {
        const { loads, outcomes } = yield* checked({ calls: 2000, seed: 3, isHarmful: false })
        assert.deepStrictEqual(loads, { begun: 5, finished: 5, failed: 0, cut: 0, byCallers: 0 })
        assert.isAbove(outcomes["left"] ?? 0, 100)
      }),
    patience
  )

  it.scopedLive(
    "is the same for the same seed, to the last request, and another for another one",
    () =>
      Effect.gen(function* () {
        const first = yield* history(7)
        assert.deepStrictEqual(yield* history(7), first)
        assert.notDeepEqual((yield* history(8)).sent, first.sent)
      }),
    patience
  )
})
