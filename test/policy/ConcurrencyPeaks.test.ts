/** How many were in flight at most since a permit was granted, against looking at all of them. */
import { assert, describe, it } from "@effect/vitest"
import { Concurrency } from "effect-ollama"
import { Effect, FastCheck } from "effect"

/** Grants (true) and releases of one of those that are held (a number). */
const steps = FastCheck.array(FastCheck.oneof(FastCheck.constant(true), FastCheck.nat(20)), { maxLength: 60 })

describe("Permit.mostInFlight", () => {
  it.effect.prop("is the largest count since the permit was granted", [steps], ([steps]) =>
    Effect.gen(function* () {
      const permits = yield* Concurrency.make({ ...Concurrency.defaults, limit: 100 }, { name: "x" })
      const held: Array<{ readonly permit: Concurrency.Permit; most: number }> = []
      for (const step of steps) {
        if (step === true) {
          const permit = yield* permits.acquire()
          held.push({ permit, most: 0 })
          for (const each of held) each.most = Math.max(each.most, held.length)
        } else if (typeof step === "number" && held.length > 0) {
          held.splice(step % held.length, 1)[0]?.permit.release(0)
        }
        for (const { most, permit } of held) assert.strictEqual(permit.mostInFlight(), most)
      }
    }).pipe(Effect.scoped)
  )
})
