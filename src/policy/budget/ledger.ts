/** What a budget counts: calls in flight, grants, tokens and deposits, in synchronous steps. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Slices from "../../internal/slices.js"
import type { Budget, Deposit, Grant, Kind, Outcome, Pool, RetryBudget } from "../RetryBudget.js"

export type Ledger = Omit<Budget, "run" | "runStream" | "retry" | "retryStream">

/** Fifths are not exact in floats, and five of them have to be a whole token. */
const slack = 1e-9

/** Finagle's number of slices. */
const sliceCount = 10

const initialTokens = ({ initial, size }: Pool): number => (initial === "full" ? size : Math.min(initial, size))

const priceOf = ({ cost }: Pool, kind: Kind): number => (typeof cost === "number" ? cost : cost[kind])

const slicesOf = ({ window }: Deposit): Slices.Slices => Slices.make(Duration.toMillis(window), sliceCount)

export const make = (initial: RetryBudget): Ledger => {
  let value = initial
  let inFlight = 0
  let granted = 0
  let tokens = value.pool === "off" ? 0 : initialTokens(value.pool)
  let slices = value.deposit === "off" ? undefined : slicesOf(value.deposit)

  const limit = (): number => Math.max(value.floor, Math.floor(value.share * inFlight + slack))

  const earn = (amount: number): void => {
    if (value.pool !== "off") tokens = Math.min(value.pool.size, tokens + amount)
  }

  const deposits = (now: number): number | undefined => {
    if (value.deposit === "off" || slices === undefined) return undefined
    slices.at(now)
    return slices.sum() + (value.deposit.perSecond * Duration.toMillis(value.deposit.window)) / 1000
  }

  /** Where retries pay themselves, the price is limit enough; where failures do, the pool must not be empty. */
  const canPay = ({ charge, size, threshold }: Pool, cost: number): boolean =>
    tokens + slack >= cost && ((threshold === 0 && charge === "retries") || tokens > threshold * size + slack)

  const settle = (outcome: Outcome, paid?: number): void => {
    const { pool } = value
    if (pool === "off") return
    if (outcome === "success") earn(pool.refund === "lastRetry" && paid !== undefined ? paid : pool.perSuccess)
    if (outcome === "failure" && pool.charge === "failures") {
      tokens = Math.max(0, tokens - priceOf(pool, "transient"))
    }
    if (outcome === "ignored" && paid !== undefined) earn(paid)
  }

  /** Held from here on: nothing between this and the grant in the caller's hand can fail. */
  const grant = (paid: number, withdrawnFrom: Slices.Slices | undefined, slice: number): Grant => {
    granted++
    tokens -= paid
    withdrawnFrom?.add(slice, -1)
    let isHeld = true
    return {
      release: (outcome) => {
        if (!isHeld) return
        isHeld = false
        granted--
        settle(outcome, paid)
        if (outcome === "ignored") withdrawnFrom?.add(slice, 1)
      }
    }
  }

  return {
    state: Effect.map(Clock.currentTimeMillis, (now) => ({
      inFlight,
      granted,
      limit: limit(),
      tokens: value.pool === "off" ? undefined : tokens,
      deposits: deposits(now)
    })),

    unsafeBegin: (now) => {
      inFlight++
      if (value.deposit !== "off") slices?.add(slices.at(now), value.deposit.share)
    },

    unsafeEnd: () => {
      inFlight--
    },

    unsafeOutcome: (outcome) => settle(outcome),

    unsafeAcquire: (now, kind) => {
      const { pool } = value
      if (granted >= limit()) return undefined
      const price = pool !== "off" && pool.charge === "retries" ? priceOf(pool, kind) : 0
      if (pool !== "off" && !canPay(pool, price)) return undefined
      const deposited = deposits(now)
      if (deposited !== undefined && deposited + slack < 1) return undefined
      return grant(price, slices, slices?.at(now) ?? 0)
    },

    unsafeRetune: (next) => {
      const { deposit, pool } = value
      if (next.pool !== "off") tokens = pool === "off" ? initialTokens(next.pool) : Math.min(tokens, next.pool.size)
      if (next.deposit === "off") slices = undefined
      else if (deposit === "off" || !Duration.equals(deposit.window, next.deposit.window)) {
        slices = slicesOf(next.deposit)
      }
      value = next
    }
  }
}
