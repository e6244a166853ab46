/** Any sequence of steps against a model that keeps everything that happened and counts it anew each time. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { RetryBudget } from "effect-ollama"
import * as StillClock from "./stillClock.js"

/** Fractions that floats hold exactly, so that the model needs no tolerance. */
const eighths = (most: number) => FastCheck.integer({ min: 0, max: most * 8 }).map((n) => n / 8)
const someEighths = (most: number) => FastCheck.integer({ min: 1, max: most * 8 }).map((n) => n / 8)

const off = FastCheck.constant("off" as const)

const pool: FastCheck.Arbitrary<RetryBudget.Pool> = FastCheck.record({
  size: someEighths(8),
  initial: FastCheck.oneof(FastCheck.constant("full" as const), eighths(10)),
  cost: FastCheck.oneof(eighths(2), FastCheck.record({ transient: eighths(2), throttling: eighths(2) })),
  perSuccess: someEighths(2),
  refund: FastCheck.constantFrom("none" as const, "lastRetry" as const),
  charge: FastCheck.constantFrom("retries" as const, "failures" as const),
  threshold: FastCheck.constantFrom(0, 0.25, 0.5)
})

const deposit: FastCheck.Arbitrary<RetryBudget.Deposit> = FastCheck.record({
  share: eighths(1),
  window: FastCheck.constantFrom(Duration.millis(100), Duration.millis(500)),
  perSecond: FastCheck.constantFrom(0, 10, 20)
})

const value: FastCheck.Arbitrary<RetryBudget.RetryBudget> = FastCheck.record({
  share: eighths(2),
  floor: FastCheck.integer({ min: 0, max: 4 }),
  pool: FastCheck.oneof(off, pool),
  deposit: FastCheck.oneof(off, deposit)
})

const outcome = FastCheck.constantFrom("success" as const, "failure" as const, "spent" as const, "ignored" as const)

const step = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.constant({ do: "begin" } as const) },
  { weight: 2, arbitrary: FastCheck.constant({ do: "end" } as const) },
  {
    weight: 5,
    arbitrary: FastCheck.record({
      do: FastCheck.constant("acquire" as const),
      kind: FastCheck.constantFrom("transient" as const, "throttling" as const)
    })
  },
  {
    weight: 4,
    arbitrary: FastCheck.record({ do: FastCheck.constant("release" as const), which: FastCheck.nat(20), outcome })
  },
  { weight: 2, arbitrary: FastCheck.record({ do: FastCheck.constant("outcome" as const), outcome }) },
  { weight: 3, arbitrary: FastCheck.record({ do: FastCheck.constant("wait" as const), millis: FastCheck.nat(80) }) },
  { weight: 1, arbitrary: FastCheck.record({ do: FastCheck.constant("retune" as const), value }) }
)

interface Held {
  readonly paid: number
  /** What was taken from the deposits; undefined where they were off. */
  readonly withdrawal: { amount: number; readonly at: number } | undefined
}

class Model {
  inFlight = 0
  tokens = 0
  moves: Array<{ amount: number; readonly at: number }> = []
  readonly held = new Set<Held>()

  constructor(public value: RetryBudget.RetryBudget) {
    this.fill()
  }

  private fill(): void {
    const { pool } = this.value
    if (pool !== "off") this.tokens = pool.initial === "full" ? pool.size : Math.min(pool.initial, pool.size)
  }

  private add(amount: number): void {
    const { pool } = this.value
    if (pool !== "off") this.tokens = Math.max(0, Math.min(pool.size, this.tokens + amount))
  }

  limit(): number {
    return Math.max(this.value.floor, Math.floor(this.value.share * this.inFlight))
  }

  /** Finagle's window is ten slices, the one that has begun among them. */
  deposits(now: number): number | undefined {
    const { deposit } = this.value
    if (deposit === "off") return undefined
    const window = Duration.toMillis(deposit.window)
    const slice = (at: number) => Math.floor(at / (window / 10))
    const recent = this.moves.filter(({ at }) => slice(at) > slice(now) - 10)
    return recent.reduce((sum, { amount }) => sum + amount, 0) + (deposit.perSecond * window) / 1000
  }

  begin(now: number): void {
    this.inFlight++
    if (this.value.deposit !== "off") this.moves.push({ amount: this.value.deposit.share, at: now })
  }

  acquire(now: number, kind: RetryBudget.Kind): Held | undefined {
    const { pool } = this.value
    const deposits = this.deposits(now)
    if (this.held.size >= this.limit()) return undefined
    if (deposits !== undefined && deposits < 1) return undefined
    let paid = 0
    if (pool !== "off") {
      if (pool.charge === "retries") paid = typeof pool.cost === "number" ? pool.cost : pool.cost[kind]
      if (this.tokens < paid) return undefined
      const isStrict = pool.threshold > 0 || pool.charge === "failures"
      if (isStrict && this.tokens <= pool.threshold * pool.size) return undefined
    }
    this.tokens -= paid
    const withdrawal = deposits === undefined ? undefined : { amount: -1, at: now }
    if (withdrawal !== undefined) this.moves.push(withdrawal)
    const held = { paid, withdrawal }
    this.held.add(held)
    return held
  }

  outcome(outcome: RetryBudget.Outcome, held?: Held): void {
    const { pool } = this.value
    if (outcome === "ignored" && held?.withdrawal !== undefined) held.withdrawal.amount = 0
    if (pool === "off") return
    if (outcome === "success") {
      this.add(pool.refund === "lastRetry" && held !== undefined ? held.paid : pool.perSuccess)
    }
    if (outcome === "failure" && pool.charge === "failures") {
      this.add(-(typeof pool.cost === "number" ? pool.cost : pool.cost.transient))
    }
    if (outcome === "ignored" && held !== undefined) this.add(held.paid)
  }

  retune(next: RetryBudget.RetryBudget): void {
    const before = this.value
    this.value = next
    if (before.pool === "off") this.fill()
    else this.add(0)
    const isSame =
      before.deposit !== "off" &&
      next.deposit !== "off" &&
      Duration.toMillis(before.deposit.window) === Duration.toMillis(next.deposit.window)
    if (!isSame) this.moves = []
  }
}

describe("any sequence of steps", () => {
  it.prop(
    "stands where the model stands, and grants what the model grants",
    [value, FastCheck.array(step, { maxLength: 120, size: "max" })],
    ([initial, steps]) => {
      const clock = StillClock.make()
      const budget = clock.runSync(Effect.scoped(RetryBudget.make(initial)))
      const model = new Model(initial)
      const grants: Array<{ readonly grant: RetryBudget.Grant; readonly held: Held }> = []
      for (const step of steps) {
        const now = clock.now()
        switch (step.do) {
          case "begin":
            budget.unsafeBegin(now)
            model.begin(now)
            break
          case "end":
            if (model.inFlight === 0) break
            budget.unsafeEnd()
            model.inFlight--
            break
          case "acquire": {
            const grant = budget.unsafeAcquire(now, step.kind)
            const held = model.acquire(now, step.kind)
            assert.strictEqual(grant === undefined, held === undefined, "granted by one of them only")
            if (grant !== undefined && held !== undefined) grants.push({ grant, held })
            break
          }
          case "release": {
            const one = grants[step.which % Math.max(1, grants.length)]
            if (one === undefined) break
            // again and again: only the first counts
            one.grant.release(step.outcome)
            if (model.held.delete(one.held)) model.outcome(step.outcome, one.held)
            break
          }
          case "outcome":
            budget.unsafeOutcome(step.outcome)
            model.outcome(step.outcome)
            break
          case "wait":
            clock.advance(step.millis)
            break
          case "retune":
            budget.unsafeRetune(step.value)
            model.retune(step.value)
        }
        assert.deepStrictEqual(clock.runSync(budget.state), {
          inFlight: model.inFlight,
          granted: model.held.size,
          limit: model.limit(),
          tokens: model.value.pool === "off" ? undefined : model.tokens,
          deposits: model.deposits(clock.now())
        })
      }
    },
    { fastCheck: { numRuns: 300 } }
  )
})
