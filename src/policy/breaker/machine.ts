/** The circuit breaker as a pure state machine. */
import * as Duration from "effect/Duration"
import type * as OllamaError from "../../OllamaError.js"
import type { Event } from "./event.js"
import { exceeded } from "./exceeded.js"
import { awaited, wait } from "./permits.js"
import * as Random from "./random.js"
import * as Rules from "./rules.js"
import { ofMode, shift, type State, type StateName, update, type Why } from "./state.js"
import type { CircuitBreaker } from "./value.js"
import * as Window from "./window.js"

/** More openings than this make no difference to any wait. */
const mostOpenings = 1000

/** What every change of state has in common: a new generation, and nothing of what was counted in the one before. */
const enter = (rules: Rules.Rules, state: State, name: StateName, now: number, why: Why): State =>
  update(state, {
    state: name,
    generation: state.generation + 1,
    at: now,
    since: now,
    why,
    window: Window.empty(rules.window),
    consecutive: 0,
    running: 0,
    runningSlow: 0,
    recoveredAt: null,
    trials: [],
    tried: Window.noCounts,
    succeeded: 0,
    evidence: Window.noCounts
  })

/** Within the ramp a target has not recovered. */
const isRecovering = (rules: Rules.Rules, { recoveredAt }: State, now: number): boolean =>
  recoveredAt !== null && now - recoveredAt < rules.ramp

const open = (rules: Rules.Rules, state: State, now: number, why: Why, evidence: Window.Counts): State => {
  const goesOn = state.state === "halfOpen" || isRecovering(rules, state, now)
  const openings = goesOn ? Math.min(mostOpenings, state.openings + 1) : 1
  const [unit, seed] = Random.next(state.seed)
  const plain = Math.min(rules.openMax, rules.openFor * rules.openFactor ** (openings - 1))
  const millis = plain * (1 + rules.openJitter * (2 * unit - 1))
  return update(enter(rules, state, "open", now, why), {
    // whole milliseconds, as clocks tell them
    wait: millis < 1 ? millis : Math.floor(millis),
    openings,
    evidence,
    seed
  })
}

const close = (rules: Rules.Rules, state: State, now: number): State =>
  update(enter(rules, state, "closed", now, "trials"), {
    wait: 0,
    peak: rules.ramp > 0 ? state.peak : 0,
    recoveredAt: rules.ramp > 0 ? now : null
  })

/** By command, or because the value says so: nothing of what was before counts. */
const command = (rules: Rules.Rules, state: State, name: StateName, now: number): State =>
  update(enter(rules, state, name, now, "command"), { wait: 0, openings: 0, peak: 0 })

/** What stands for a failure where none happened, but calls that took too long. */
const slowCall = (rules: Rules.Rules): State["lastFailure"] => ({
  tag: "SlowCall",
  phase: "response",
  elapsed: rules.slowAfter
})

/** Opens a closed breaker if what was counted says so. */
const weigh = (rules: Rules.Rules, state: State, now: number): State => {
  if (state.state !== "closed") return state
  const rule = exceeded(rules, state)
  if (rule === undefined) return state
  const { failed, slow, total } = state.window
  const { runningSlow } = state
  const evidence = { total: total + runningSlow, failed, slow: slow + runningSlow }
  const opened = open(rules, state, now, rule, evidence)
  return rule === "slowRate" ? update(opened, { lastFailure: slowCall(rules) }) : opened
}

const countsSlow = (rules: Rules.Rules): boolean => rules.slowRate !== Number.POSITIVE_INFINITY

/** Closes or opens a half-open breaker if its trials say so. */
const verdict = (rules: Rules.Rules, state: State, now: number): State => {
  const { succeeded, tried } = state
  const hanging = countsSlow(rules) ? state.trials.filter(({ isSlow }) => isSlow).length : 0
  const isComplete = tried.total >= rules.trials
  if (succeeded >= rules.trialSuccesses && (rules.isEarly || isComplete)) return close(rules, state, now)
  const isLost = tried.total - succeeded + hanging > rules.trials - rules.trialSuccesses
  if (!isLost || !(rules.isEarly || isComplete)) return state
  const evidence = { total: tried.total + hanging, failed: tried.failed, slow: tried.slow + hanging }
  return open(rules, state, now, "trials", evidence)
}

const acquired = (rules: Rules.Rules, state: State, now: number, ramp: boolean): State => {
  if (wait(rules, state, now, ramp) > 0) return state
  switch (state.state) {
    case "closed":
    case "observeOnly": {
      const running = state.running + 1
      const isOver = state.recoveredAt !== null && !isRecovering(rules, state, now)
      return update(state, {
        at: now,
        running,
        peak: isOver ? running : Math.max(running, state.peak),
        recoveredAt: isOver ? null : state.recoveredAt
      })
    }
    case "open":
      return trial(rules, enter(rules, state, "halfOpen", now, "waitOver"), now)
    case "halfOpen":
      return trial(rules, state, now)
    case "forcedOpen":
    case "disabled":
      return state
  }
}

/** One more trial, under a generation of its own. */
const trial = (rules: Rules.Rules, state: State, now: number): State => {
  const generation = state.generation + 1
  return update(state, {
    at: now,
    generation,
    trials: [...awaited(rules, state, now), { generation, at: now, isSlow: false }]
  })
}

const encodeFailure = (failure: OllamaError.Attempt): State["lastFailure"] => ({
  ...failure,
  elapsed: Duration.toMillis(failure.elapsed)
})

type Ended = Extract<Event, { readonly _tag: "Succeeded" | "Failed" | "Ignored" }>

const endedTrial = (rules: Rules.Rules, before: State, event: Ended, now: number): State => {
  const trials = before.trials.filter(({ generation }) => generation !== event.generation)
  if (trials.length === before.trials.length) return before
  const state = update(before, { at: now, trials })
  if (event._tag === "Ignored") return state
  const isFailed = event._tag === "Failed"
  const isSlow = event.durationMillis >= rules.slowAfter
  const isSuccess = !isFailed && !(isSlow && countsSlow(rules))
  const { failed, slow, total } = state.tried
  const tried = { total: total + 1, failed: failed + (isFailed ? 1 : 0), slow: slow + (isSlow ? 1 : 0) }
  const succeeded = state.succeeded + (isSuccess ? 1 : 0)
  const lastFailure = isFailed ? encodeFailure(event.failure) : isSuccess ? state.lastFailure : slowCall(rules)
  return verdict(rules, update(state, { tried, succeeded, lastFailure }), now)
}

const ended = (rules: Rules.Rules, state: State, event: Ended, now: number): State => {
  if (state.state === "halfOpen") return endedTrial(rules, state, event, now)
  if (event.generation !== state.generation) return state
  if (state.state !== "closed" && state.state !== "observeOnly") return state
  const running = Math.max(0, state.running - 1)
  const knownSlow = state.runningSlow - (event.wasStillRunning === true ? 1 : 0)
  const runningSlow = Math.min(running, Math.max(0, knownSlow))
  if (event._tag === "Ignored") return update(state, { at: now, running, runningSlow })
  const isFailed = event._tag === "Failed"
  const counted = update(state, {
    at: now,
    running,
    runningSlow,
    consecutive: isFailed ? state.consecutive + 1 : 0,
    window: Window.record(state.window, now, isFailed, event.durationMillis >= rules.slowAfter),
    lastFailure: isFailed ? encodeFailure(event.failure) : state.lastFailure
  })
  return weigh(rules, counted, now)
}

const stillRunning = (rules: Rules.Rules, state: State, generation: number, now: number): State => {
  if (state.state === "halfOpen") {
    if (!state.trials.some((trial) => trial.generation === generation)) return state
    const trials = state.trials.map((trial) => (trial.generation === generation ? { ...trial, isSlow: true } : trial))
    const next = verdict(rules, update(state, { at: now, trials }), now)
    return next.state === "open" ? update(next, { lastFailure: slowCall(rules) }) : next
  }
  const isCounting = state.state === "closed" || state.state === "observeOnly"
  if (!isCounting || generation !== state.generation) return state
  const runningSlow = Math.min(state.running, state.runningSlow + 1)
  return weigh(rules, update(state, { at: now, runningSlow, window: Window.at(state.window, now) }), now)
}

/**
 * The state after an event. Pure: what it does depends on nothing but what it is given, and the waits' jitter on the
 * seed in the state. A clock that was set back takes all times in the state with it.
 *
 * @example
 * ```ts
 * import { CircuitBreaker } from "effect-ollama"
 *
 * const config = CircuitBreaker.hostDefaults
 * let state = CircuitBreaker.initial(config, 0)
 * state = CircuitBreaker.transition(config, state, { _tag: "ForceOpen" }, 10)
 * console.log(CircuitBreaker.permits(config, state, 20)._tag) // Refused
 * ```
 *
 * @since 0.1.0
 * @category transitions
 */
export const transition = (config: CircuitBreaker, before: State, event: Event, nowMillis: number): State => {
  const rules = Rules.of(config)
  const state = nowMillis < before.at ? shift(before, nowMillis - before.at) : before
  switch (event._tag) {
    case "Acquired":
      return acquired(rules, state, nowMillis, event.ramp ?? true)
    case "Succeeded":
    case "Failed":
    case "Ignored":
      return ended(rules, state, event, nowMillis)
    case "StillRunning":
      return stillRunning(rules, state, event.generation, nowMillis)
    case "ForceOpen":
      return state.state === "forcedOpen" ? state : command(rules, state, "forcedOpen", nowMillis)
    case "Disable":
      return state.state === "disabled" ? state : command(rules, state, "disabled", nowMillis)
    case "ObserveOnly":
      return state.state === "observeOnly" ? state : command(rules, state, "observeOnly", nowMillis)
    case "Automatic":
      return state.state === "closed" || state.state === "open" || state.state === "halfOpen"
        ? state
        : command(rules, state, "closed", nowMillis)
    case "Close":
      return command(rules, state, "closed", nowMillis)
    case "Doubt":
      return state.state === "closed" || state.state === "open"
        ? update(enter(rules, state, "halfOpen", nowMillis, "command"), { wait: 0 })
        : state
  }
}

/**
 * The state under another value. What was counted stays where the window is the same; an opening lasts no longer than
 * the new value allows; trials begin anew. Pure.
 *
 * The value's `mode` is applied when it differs from the one before, so that a command given meanwhile stays.
 *
 * @since 0.1.0
 * @category transitions
 */
export const retune = (config: CircuitBreaker, before: State, nowMillis: number): State => {
  const rules = Rules.of(config)
  const state = nowMillis < before.at ? shift(before, nowMillis - before.at) : before
  if (config.mode !== state.mode) {
    return update(command(rules, state, ofMode(config.mode), nowMillis), { mode: config.mode })
  }
  return update(state, {
    window: Window.hasShape(state.window, rules.window) ? state.window : Window.empty(rules.window),
    wait: Math.min(state.wait, rules.openMax * (1 + rules.openJitter)),
    trials: [],
    tried: Window.noCounts,
    succeeded: 0
  })
}

/**
 * A state that was written down, in another process or before a restart: the calls that ran there will not end here, and
 * the jitter of the next wait is another.
 *
 * @since 0.1.0
 * @category transitions
 */
export const restore = (config: CircuitBreaker, written: State, nowMillis: number, seed: number): State =>
  retune(
    config,
    update(written, { generation: written.generation + 1, running: 0, runningSlow: 0, seed: Math.trunc(seed) }),
    nowMillis
  )
