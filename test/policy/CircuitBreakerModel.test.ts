/** The breaker, step by step, beside a model of it that keeps everything and computes everything anew. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { CircuitBreaker } from "effect-ollama"
import { type Call, Model } from "./breakerModel.js"
import { anyBreaker } from "./breakers.js"

type Command =
  | { readonly op: "acquire"; readonly ms: number }
  | { readonly op: "look"; readonly ms: number }
  | { readonly op: "settle"; readonly ms: number; readonly pick: number; readonly outcome: CircuitBreaker.Outcome }

const ms = FastCheck.oneof(
  { weight: 6, arbitrary: FastCheck.integer({ min: 0, max: 30 }) },
  { weight: 2, arbitrary: FastCheck.integer({ min: 0, max: 4000 }) }
)

const outcome = FastCheck.oneof(
  { weight: 5, arbitrary: FastCheck.constant("failure" as const) },
  { weight: 4, arbitrary: FastCheck.constant("success" as const) },
  { weight: 1, arbitrary: FastCheck.constant("ignored" as const) }
)

/** Mostly the call that began last. */
const pick = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.constant(0) },
  { weight: 1, arbitrary: FastCheck.nat(30) }
)

const command: FastCheck.Arbitrary<Command> = FastCheck.oneof(
  { weight: 5, arbitrary: FastCheck.record({ op: FastCheck.constant("acquire" as const), ms }) },
  {
    weight: 4,
    arbitrary: FastCheck.record({ op: FastCheck.constant("settle" as const), ms, pick, outcome })
  },
  { weight: 1, arbitrary: FastCheck.record({ op: FastCheck.constant("look" as const), ms }) }
)

const plain = anyBreaker.map((value): CircuitBreaker.CircuitBreaker => ({ ...value, mode: "automatic", openJitter: 0 }))

/** Runs both, and gives the states that they went through. */
const compare = (value: CircuitBreaker.CircuitBreaker, commands: ReadonlyArray<Command>): ReadonlyArray<string> => {
  const { read, unsafeAcquire } = Effect.runSync(
    Effect.scoped(
      Effect.map(CircuitBreaker.make(value), (breaker) => ({
        unsafeAcquire: breaker.unsafeAcquire,
        read: (now: number) =>
          Effect.runSync(
            Effect.withClock(breaker.state, { ...Effect.runSync(Effect.clock), unsafeCurrentTimeMillis: () => now })
          )
      }))
    )
  )
  const model = new Model(value)
  const running: Array<readonly [CircuitBreaker.Permit, Call]> = []
  const states: Array<string> = []
  // later than the clock at which the breaker was made
  let now = 10_000_000_000_000
  for (const [index, command] of commands.entries()) {
    const what = `step ${index}: ${JSON.stringify(command)}`
    now += command.ms
    if (command.op === "acquire") {
      const call = model.acquire(now)
      const permit = unsafeAcquire(now)
      assert.strictEqual(permit._tag === "Permit", call !== undefined, what)
      if (permit._tag === "Permit" && call !== undefined) {
        assert.strictEqual(permit.isTrial, call.isTrial, what)
        running.push([permit, call])
      } else if (permit._tag === "Refusal") {
        assert.strictEqual(permit.state, model.state, what)
        if (model.state === "closed") assert.isAtMost(permit.retryAfterMillis, 1000, what)
        else assert.strictEqual(permit.retryAfterMillis, model.waits(now), what)
      }
    } else if (command.op === "settle") {
      const [one] = running.splice(running.length - 1 - (command.pick % Math.max(1, running.length)), 1)
      if (one === undefined) continue
      const [permit, call] = one
      model.settle(call, command.outcome, now)
      permit.settle(command.outcome, now)
      permit.settle("failure", now)
    } else model.look(now)
    const found = read(now)
    model.look(now)
    assert.strictEqual(found.state, model.state, what)
    if (found.state === "closed") {
      const window = model.window(now)
      const hanging = model.calls.filter(({ isSlow }) => isSlow).length
      assert.strictEqual(found.failed, window.filter(({ isFailed }) => isFailed).length, what)
      assert.strictEqual(found.slow, window.filter(({ isSlow }) => isSlow).length + hanging, what)
      assert.strictEqual(found.total, window.length + hanging, what)
    }
    if (states.at(-1) !== found.state) states.push(found.state)
  }
  return states
}

const commands = FastCheck.array(command, { maxLength: 200, size: "max" })

describe("a breaker and its model", () => {
  it.prop("agree at every step", [plain, commands], ([value, commands]) => void compare(value, commands), {
    fastCheck: { numRuns: 400 }
  })

  it("went through every state together", () => {
    const runs = FastCheck.sample(FastCheck.tuple(plain, commands), { seed: 2, numRuns: 200 })
    const all = runs.map(([value, commands]) => compare(value, commands).join(" "))
    for (const way of ["closed open halfOpen closed", "closed open halfOpen open halfOpen", "halfOpen closed open"]) {
      assert.isTrue(
        all.some((states) => states.includes(way)),
        way
      )
    }
  })
})
