import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { Concurrency } from "effect-ollama"
import * as Model from "./concurrencyModel.js"

const value: FastCheck.Arbitrary<Concurrency.Concurrency> = FastCheck.record({
  limit: FastCheck.constantFrom("learned" as const, 1, 1, 2, 3),
  queue: FastCheck.constantFrom("unbounded" as const, "unbounded" as const, 0, 1, 2, 4),
  admission: FastCheck.oneof(
    FastCheck.constant("off" as const),
    FastCheck.record({
      target: FastCheck.integer({ min: 1, max: 6 }).map((seconds) => Duration.seconds(seconds)),
      interval: FastCheck.integer({ min: 1, max: 9 }).map((seconds) => Duration.seconds(seconds))
    })
  )
})

const index = FastCheck.nat(1000)

type Command =
  | { readonly _tag: "ask"; readonly priority: Concurrency.Priority; readonly within: number | undefined }
  | {
      readonly _tag: "release"
      readonly index: number
      readonly sample: Omit<Concurrency.Sample, "inFlight"> | undefined
    }
  | { readonly _tag: "leave"; readonly index: number }
  /** A permit is given back, and whoever gets it is interrupted before it can run. */
  | { readonly _tag: "releaseAndLeave"; readonly index: number }
  | { readonly _tag: "retune"; readonly value: Concurrency.Concurrency }
  | { readonly _tag: "pass"; readonly seconds: number }

const ask: FastCheck.Arbitrary<Command> = FastCheck.record({
  _tag: FastCheck.constant("ask" as const),
  priority: FastCheck.constantFrom("interactive" as const, "normal" as const, "batch" as const),
  within: FastCheck.option(FastCheck.integer({ min: 0, max: 30 }), { nil: undefined, freq: 1 })
})

const release: FastCheck.Arbitrary<Command> = FastCheck.record({
  _tag: FastCheck.constant("release" as const),
  index,
  sample: FastCheck.option(
    FastCheck.record({
      queueSeconds: FastCheck.constantFrom(0, 0, 0, 1, 5),
      serviceSeconds: FastCheck.constantFrom(2, 4)
    }),
    { nil: undefined }
  )
})

const leave = FastCheck.record({ _tag: FastCheck.constant("leave" as const), index })
const releaseAndLeave = FastCheck.record({ _tag: FastCheck.constant("releaseAndLeave" as const), index })
const retune = FastCheck.record({ _tag: FastCheck.constant("retune" as const), value })
const pass = FastCheck.record({
  _tag: FastCheck.constant("pass" as const),
  seconds: FastCheck.integer({ min: 1, max: 9 })
})

const weighed = <A>(weight: number, arbitrary: FastCheck.Arbitrary<A>) => ({ weight, arbitrary })

const commands = FastCheck.array(
  FastCheck.oneof(
    weighed(12, ask),
    weighed(5, release),
    weighed(1, leave),
    weighed(2, releaseAndLeave),
    weighed(1, retune),
    weighed(4, pass)
  ),
  { minLength: 20, maxLength: 120, size: "max" }
)

/** Lets every fiber go as far as it can. */
const settle = Effect.repeatN(Effect.yieldNow(), 2)

/** Does it all, to permits and to the model; `seen` gets what has happened, so that a test which meets nothing fails. */
const follow = (initial: Concurrency.Concurrency, all: ReadonlyArray<Command>, seen: Set<string>) =>
  Effect.suspend(() => {
    let now = 0
    // nothing sleeps here, and a TestClock takes its time to make sure of that
    const clock: Clock.Clock = { ...Clock.make(), unsafeCurrentTimeMillis: () => now }
    return Effect.gen(function* () {
      const permits = yield* Concurrency.make(initial)
      const model = Model.make(initial)
      const fibers = new Map<number, Fiber.RuntimeFiber<Concurrency.Permit, Concurrency.Refusal>>()
      const held = new Map<number, Concurrency.Permit>()
      const grants: Array<number> = []
      const ends = new Map<number, Array<Model.End>>()

      const come = (id: number, priority: Concurrency.Priority, deadline: number | undefined) =>
        Effect.gen(function* () {
          ends.set(id, [])
          const hold = (permit: Concurrency.Permit): void => {
            grants.push(id)
            held.set(id, permit)
          }
          const fiber = yield* Effect.fork(permits.acquire({ priority, deadline, hold }))
          fiber.addObserver((exit) => {
            const end = Exit.match(exit, {
              onSuccess: () => "granted" as const,
              onFailure: (cause) => (cause._tag === "Fail" ? cause.error.reason : ("left" as const))
            })
            ends.get(id)?.push(end)
          })
          fibers.set(id, fiber)
        })

      const giveBack = (id: number, sample?: Omit<Concurrency.Sample, "inFlight">): void => {
        const permit = held.get(id)
        held.delete(id)
        const full = sample === undefined ? undefined : { ...sample, inFlight: permit?.inFlight ?? 0 }
        permit?.release(now, full)
        model.release(id, now, full)
      }

      /** Interrupts without waiting for what comes of it. */
      const interrupt = (id: number): void => fibers.get(id)?.unsafeInterruptAsFork(FiberId.none)

      const run = (command: Command, id: number) =>
        Effect.gen(function* () {
          switch (command._tag) {
            case "ask": {
              const deadline = command.within === undefined ? undefined : now + command.within * 1000
              yield* come(id, command.priority, deadline)
              model.ask({ id, priority: command.priority, deadline: deadline ?? Number.POSITIVE_INFINITY }, now)
              return
            }
            case "release": {
              const holder = [...held.keys()][command.index % held.size]
              if (holder !== undefined) giveBack(holder, command.sample)
              return
            }
            case "leave": {
              const waiter = model.waiting[command.index % model.waiting.length]
              if (waiter === undefined) return
              interrupt(waiter.id)
              model.leave(waiter.id, now)
              return
            }
            case "releaseAndLeave": {
              const holder = [...held.keys()][command.index % held.size]
              if (holder === undefined) return
              const before = model.grants.length
              giveBack(holder)
              const next = model.grants[before]
              if (next === undefined) return
              seen.add("granted and interrupted at once")
              interrupt(next)
              yield* settle
              // the permit was given back by itself, so that this does nothing
              held.get(next)?.release(now)
              held.delete(next)
              model.release(next, now, undefined)
              return
            }
            case "retune":
              permits.unsafeRetune(command.value)
              model.retune(command.value, now)
              return
            case "pass":
              now += command.seconds * 1000
          }
        })

      const check = Effect.gen(function* () {
        const state = yield* permits.state
        assert.deepStrictEqual(grants, model.grants, "who was granted a permit, in order")
        assert.deepStrictEqual([...held.keys()].sort(), [...model.held].sort(), "who holds one")
        assert.strictEqual(state.inFlight, model.held.length)
        assert.strictEqual(state.limit, model.limit())
        assert.strictEqual(state.learned ?? 0, model.learning().parallelism)
        for (const priority of ["interactive", "normal", "batch"] as const) {
          assert.strictEqual(
            state.waiting[priority],
            model.waiting.filter((caller) => caller.priority === priority).length
          )
        }
        // nobody waits where there is room
        if (model.waiting.length > 0) assert.isAtLeast(state.inFlight, state.limit)
        for (const [id, end] of ends) {
          const expected = model.ends.get(id)
          if (expected === undefined) assert.deepStrictEqual(end, [], `${id} waits`)
          else {
            assert.strictEqual(end.length, 1, `${id} ends once`)
            seen.add(expected)
            // who was granted one and interrupted in the same moment ends as interrupted
            if (end[0] !== expected) assert.deepStrictEqual([end[0], expected], ["left", "granted"])
          }
        }
      })

      for (const [i, command] of all.entries()) {
        const running = model.held.length
        yield* run(command, i)
        yield* settle
        yield* check
        // never more than the limit, but for those who began under a higher one
        assert.isAtMost(model.held.length, Math.max(running, model.limit()))
      }

      // in the end everybody has had a turn, or left
      while (model.held.length > 0) {
        giveBack(model.held[0] ?? -1)
        yield* settle
        yield* check
      }
      const state = yield* permits.state
      assert.strictEqual(state.inFlight, 0)
      assert.strictEqual(model.waiting.length, 0)
      assert.strictEqual(ends.size, model.ends.size)
    }).pipe(Effect.scoped, Effect.withClock(clock))
  })

describe("against a plain model", () => {
  it("grants, refuses and lets go as the model does, whatever happens", async () => {
    const seen = new Set<string>()
    await FastCheck.assert(
      FastCheck.asyncProperty(value, commands, (initial, all) => Effect.runPromise(follow(initial, all, seen))),
      { numRuns: 200 }
    )
    const wanted = [
      "deadline",
      "granted",
      "granted and interrupted at once",
      "left",
      "pushedOut",
      "queueFull",
      "target"
    ]
    assert.deepStrictEqual([...seen].sort(), wanted)
  })
})
