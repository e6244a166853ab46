/** A fleet looks again only at what has changed: what it sees is what it would see if it looked at everything. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { Fleet, OllamaClient } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { Member } from "../../src/fleet/member.js"

const hosts = ["a", "b", "c"] as const

interface Step {
  readonly what: "call" | "burst" | "shutdown" | "restart" | "break" | "heal" | "drain" | "add" | "unload" | "lack"
  readonly host: (typeof hosts)[number]
  readonly model: "first" | "second"
  readonly after: number
}

const step: FastCheck.Arbitrary<Step> = FastCheck.record({
  what: FastCheck.oneof(
    { weight: 8, arbitrary: FastCheck.constantFrom<Step["what"]>("call", "burst") },
    {
      weight: 4,
      arbitrary: FastCheck.constantFrom<Step["what"]>(
        "shutdown",
        "restart",
        "break",
        "heal",
        "drain",
        "add",
        "unload",
        "lack"
      )
    }
  ),
  host: FastCheck.constantFrom(...hosts),
  model: FastCheck.constantFrom("first", "second"),
  after: FastCheck.constantFrom(0, 1, 100, 2_000, 15_000, 70_000)
})

const stage: OllamaSimulator.Options = {
  models: [
    { name: "first", size: 4e9 },
    { name: "second", size: 5e9 }
  ],
  memory: 8e9,
  loadRate: 2e9,
  promptRate: 500,
  tokenRate: 20,
  parallel: 2,
  reply: "one two three four five six seven eight"
}

/** A member that compares every look with one at everything. */
const watched = () => {
  const counts = { all: 0, stale: new Array<string>() }
  const original = Object.getOwnPropertyDescriptor(Member.prototype, "look")
  if (original === undefined) return assert.fail("members do not look")
  const look: unknown = original.value
  if (typeof look !== "function") return assert.fail("look is no method")
  let isInside = false
  Object.defineProperty(Member.prototype, "look", {
    ...original,
    value(this: Member, ...asked: Parameters<Member["look"]>): unknown {
      const seen: unknown = look.apply(this, asked)
      if (isInside) return seen
      const text = JSON.stringify(seen)
      isInside = true
      const anew = this.lookAnew(...asked)
      isInside = false
      counts.all++
      if (text !== JSON.stringify(anew)) counts.stale.push(`${text}\n${JSON.stringify(anew)}`)
      return anew
    }
  })
  return { counts, end: () => Object.defineProperty(Member.prototype, "look", original) }
}

const ask = (client: OllamaClient.Service, model: string, session: string) =>
  Effect.either(
    client.chat(
      { model, messages: [{ role: "user", content: "Hi" }] },
      { session, policy: { slow: "off", timeouts: { total: "2 minutes" } } }
    )
  )

const happen = ({ host, model, what }: Step) =>
  Effect.gen(function* () {
    const fleet = yield* Fleet.Fleet
    const client = yield* OllamaClient.OllamaClient
    const simulator = (yield* OllamaSimulator.OllamaSimulators).at(host)
    switch (what) {
      case "call":
        return yield* Effect.fork(ask(client, model, host))
      case "burst":
        return yield* Effect.fork(
          Effect.all(
            Array.from({ length: 6 }, () => ask(client, model, host)),
            { concurrency: 6 }
          )
        )
      case "shutdown":
        return yield* simulator.shutdown
      case "restart":
        return yield* simulator.restart
      case "break":
        return yield* simulator.inject(Fault.error("runner.stopped", { path: "/api/chat" }))
      case "heal":
        return yield* simulator.clearFaults
      case "drain":
        return yield* Effect.fork(Effect.either(fleet.drain(host)))
      case "add":
        return yield* Effect.either(fleet.add(host))
      case "unload":
        return yield* Effect.fork(Effect.either(client.unload({ model }, { host })))
      case "lack":
        return yield* simulator.inject(Fault.error("model.notFound", { path: "/api/chat" }))
    }
  })

const played = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    yield* TestClock.adjust("100 millis")
    for (const one of steps) {
      yield* happen(one)
      yield* TestClock.adjust(one.after)
    }
    yield* TestClock.adjust("3 minutes")
  }).pipe(
    Effect.provide(
      Layer.provideMerge(
        Fleet.layer({ hosts }),
        OllamaSimulator.layerMany(Object.fromEntries(hosts.map((host) => [host, stage])))
      )
    ),
    Effect.scoped,
    Effect.provide(TestContext.TestContext)
  )

describe("a look at a host", () => {
  it("says the same as one at everything, whatever has happened", async () => {
    const { counts, end } = watched()
    try {
      await FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
          const result = await Effect.runPromise(Effect.either(played(steps)))
          assert.isTrue(Either.isRight(result))
          assert.deepStrictEqual(counts.stale, [])
        }),
        { numRuns: 8 }
      )
    } finally {
      end()
    }
    assert.isAbove(counts.all, 300)
  })
})
