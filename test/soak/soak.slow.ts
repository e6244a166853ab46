/** 10,000 calls with faults of all kinds, for several seeds. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { checked } from "./checked.js"

describe("a soak of 10,000 calls", () => {
  for (const seed of [11, 12, 13]) {
    it.scopedLive(`holds for seed ${seed}`, () =>
      Effect.map(checked({ calls: 10_000, seed, isHarmful: true }), ({ outcomes }) => {
        assert.isAbove(outcomes["success"] ?? 0, 1000)
      })
    )
  }
})
