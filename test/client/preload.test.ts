/** The loads of a client, apart from what loads. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import * as Preload from "../../src/client/preload.js"
import type * as Watchdog from "../../src/internal/watchdog.js"

/** Loads of 10 seconds, beside what is watched for them. */
const scene = (load: Preload.Options["load"] = Effect.sleep("10 seconds")) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const watched = new Set<Watchdog.Entry>()
    const watchdog: Watchdog.Watchdog = {
      add: (_, entry) => Effect.sync(() => void watched.add(entry)),
      remove: (_, entry) => void watched.delete(entry)
    }
    const preloads = Preload.make(yield* Effect.scope)
    const ends: Array<readonly [Preload.End, string, boolean]> = []
    const options = { clock, watchdog, limit: 1000, path: "/api/chat", model: "m", load }
    const join = Effect.suspend(() => preloads.join("key", options, (...end) => void ends.push(end)))
    const isRunning = () => preloads.isRunning("key", { clock, limit: 1000 })
    return { watched, ends, join, isRunning }
  })

describe("a load", () => {
  it.scoped("is watched while nobody waits for it, and no longer", () =>
    Effect.gen(function* () {
      const { ends, isRunning, join, watched } = yield* scene()
      assert.isFalse(isRunning())
      const leave = yield* join
      const leaveToo = yield* join
      yield* leave
      assert.strictEqual(watched.size, 0)
      yield* leaveToo
      assert.strictEqual(watched.size, 1)
      yield* TestClock.adjust(9999)
      assert.isTrue(isRunning())
      yield* TestClock.adjust(1)
      assert.isFalse(isRunning())
      assert.strictEqual(watched.size, 0)
      assert.deepStrictEqual(ends, [])
    })
  )

  it.scoped("tells its end to all who wait, and to one that he is the first", () =>
    Effect.gen(function* () {
      const { ends, join } = yield* scene()
      yield* yield* join
      yield* Effect.asVoid(join)
      yield* Effect.asVoid(join)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(ends, [
        [Exit.succeed(true), "/api/chat", true],
        [Exit.succeed(true), "/api/chat", false]
      ])
    })
  )

  it.scoped("that has a fault ends with it", () =>
    Effect.gen(function* () {
      const fault = new Error("fault")
      const { ends, join } = yield* scene(Effect.die(fault))
      yield* Effect.asVoid(join)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(ends, [[Exit.die(fault), "/api/chat", true]])
    })
  )
})
