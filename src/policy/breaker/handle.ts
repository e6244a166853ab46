/** A breaker with its state: synchronous, and told the time. Everything that Effects do is built on it. */
import * as Duration from "effect/Duration"
import type * as OllamaError from "../../OllamaError.js"
import type { Event } from "./event.js"
import type { Outcome } from "./judge.js"
import * as Machine from "./machine.js"
import { wait, weight } from "./permits.js"
import { failureOf, read, type Reading } from "./reading.js"
import * as Rules from "./rules.js"
import * as Running from "./running.js"
import type { State, StateName } from "./state.js"
import { type CircuitBreaker, equivalence } from "./value.js"

/**
 * A call that was let through. It has to be settled, once; what comes later changes nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Permit {
  readonly _tag: "Permit"
  /** Whether the breaker is half-open and this call decides. */
  readonly isTrial: boolean
  readonly settle: (outcome: Outcome, nowMillis: number, failure?: OllamaError.Attempt) => void
}

/**
 * A call that was not let through.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly state: StateName
  /** Until a call may pass. */
  readonly retryAfterMillis: number
  /** The failure that opened the breaker; with the tag `SlowCall` or `ForcedOpen` where there was none. */
  readonly lastFailure: OllamaError.Attempt
}

export interface Handle {
  readonly acquire: (nowMillis: number, ramp: boolean) => Permit | Refusal
  readonly isRefusing: (nowMillis: number, ramp: boolean) => boolean
  readonly wait: (nowMillis: number, ramp: boolean) => number
  readonly weight: (nowMillis: number) => number
  readonly read: (nowMillis: number) => Reading
  readonly tell: (event: Event, nowMillis: number) => void
  readonly retune: (config: CircuitBreaker, nowMillis: number) => void
  readonly state: () => State
}

const acquired: Event = { _tag: "Acquired" }
const acquiredAtOnce: Event = { _tag: "Acquired", ramp: false }

const forced: OllamaError.Attempt = { tag: "ForcedOpen", phase: "prepare", elapsed: Duration.zero }
const unknown: OllamaError.Attempt = { tag: "Failure", phase: "response", elapsed: Duration.zero }

class Admitted implements Permit, Running.Call {
  readonly _tag = "Permit"
  isOverdue = false
  isSettled = false
  constructor(
    readonly generation: number,
    readonly isTrial: boolean,
    readonly startedAt: number,
    private readonly end: (self: Admitted, outcome: Outcome, nowMillis: number, failure?: OllamaError.Attempt) => void
  ) {}
  settle = (outcome: Outcome, nowMillis: number, failure?: OllamaError.Attempt): void => {
    if (this.isSettled) return
    this.isSettled = true
    this.end(this, outcome, nowMillis, failure)
  }
}

const eventOf = (
  { generation, isOverdue, startedAt }: Admitted,
  outcome: Outcome,
  nowMillis: number,
  failure: OllamaError.Attempt | undefined
): Event => {
  const durationMillis = Math.max(0, nowMillis - startedAt)
  switch (outcome) {
    case "success":
      return { _tag: "Succeeded", generation, durationMillis, wasStillRunning: isOverdue }
    case "failure": {
      const failed = failure ?? { ...unknown, elapsed: Duration.millis(durationMillis) }
      return { _tag: "Failed", generation, durationMillis, failure: failed, wasStillRunning: isOverdue }
    }
    case "ignored":
      return { _tag: "Ignored", generation, wasStillRunning: isOverdue }
  }
}

/** @param onChange learns of every change of state, right after it */
export const make = (
  value: CircuitBreaker,
  first: State,
  onChange: (from: StateName, after: State) => void
): Handle => {
  let config = value
  let rules = Rules.of(config)
  let state = first
  const running = Running.make<Admitted>()

  const become = (after: State): void => {
    const from = state.state
    state = after
    if (after.state !== from) onChange(from, after)
  }
  const tell = (event: Event, nowMillis: number): void => become(Machine.transition(config, state, event, nowMillis))

  const isSlow = ({ generation }: Admitted, nowMillis: number): void =>
    tell({ _tag: "StillRunning", generation }, nowMillis)
  const lookAtRunning = (nowMillis: number): void => {
    if (rules.slowAfter === Number.POSITIVE_INFINITY) return
    running.eachOverdue(nowMillis, rules.slowAfter, (call) => isSlow(call, nowMillis))
  }

  const end = (call: Admitted, outcome: Outcome, nowMillis: number, failure?: OllamaError.Attempt): void => {
    running.remove(call)
    tell(eventOf(call, outcome, nowMillis, failure), nowMillis)
    lookAtRunning(nowMillis)
  }

  return {
    acquire: (nowMillis, ramp) => {
      lookAtRunning(nowMillis)
      const retryAfterMillis = wait(rules, state, nowMillis, ramp)
      // also of a refusal, because it may be the first to see that the clock was set back
      tell(ramp ? acquired : acquiredAtOnce, nowMillis)
      if (retryAfterMillis > 0) {
        const lastFailure = state.state === "forcedOpen" ? forced : (failureOf(state) ?? unknown)
        return { _tag: "Refusal", state: state.state, retryAfterMillis, lastFailure }
      }
      const call = new Admitted(state.generation, state.state === "halfOpen", nowMillis, end)
      if (rules.slowAfter !== Number.POSITIVE_INFINITY) running.add(call)
      return call
    },
    isRefusing: (nowMillis, ramp) => wait(rules, state, nowMillis, ramp) > 0,
    wait: (nowMillis, ramp) => wait(rules, state, nowMillis, ramp),
    weight: (nowMillis) => weight(config, state, nowMillis),
    read: (nowMillis) => {
      lookAtRunning(nowMillis)
      return read(config, state, nowMillis)
    },
    tell,
    retune: (next, nowMillis) => {
      const isSame = config === next || equivalence(config, next)
      config = next
      rules = Rules.of(next)
      if (!isSame) become(Machine.retune(next, state, nowMillis))
    },
    state: () => state
  }
}
