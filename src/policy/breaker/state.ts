/** Where a breaker stands, as plain JSON: every time is in milliseconds on Clock. */
import * as Schema from "effect/Schema"
import * as OllamaError from "../../OllamaError.js"
import * as Rules from "./rules.js"
import { type CircuitBreaker, Mode } from "./value.js"
import * as Window from "./window.js"

/**
 * `closed` (calls pass), `open` (they are refused), `halfOpen` (some are tried), and what only a person or a policy
 * brings about: `forcedOpen`, `disabled`, `observeOnly`.
 *
 * @since 0.1.0
 * @category models
 */
export const StateName = Schema.Literal("closed", "open", "halfOpen", "forcedOpen", "disabled", "observeOnly")

/**
 * @since 0.1.0
 * @category models
 */
export type StateName = typeof StateName.Type

/**
 * Why a state changed: a rule of the value; `trials` (they failed, or they succeeded); `waitOver` (a trial begins);
 * `command` (a person, or a changed policy).
 *
 * @since 0.1.0
 * @category models
 */
export const Why = Schema.Literal(
  "consecutive",
  "failures",
  "failureRate",
  "slowRate",
  "belief",
  "trials",
  "waitOver",
  "command"
)

/**
 * @since 0.1.0
 * @category models
 */
export type Why = typeof Why.Type

/** The rules that open a closed breaker. */
export type Rule = Exclude<Why, "trials" | "waitOver" | "command">

const Count = Schema.Int.pipe(Schema.nonNegative())

/** A call that is let through while half-open; known by its generation. */
const Trial = Schema.Struct({ generation: Count, at: Schema.Finite, isSlow: Schema.Boolean })

/**
 * Everything a breaker remembers, as plain JSON. Times are milliseconds on `Clock`.
 *
 * - `generation`: goes up with each change of state and each trial; a call counts only for the generation it began in.
 * - `mode`: the mode of the value when it was last applied.
 * - `at`, `since`: the last event, and the beginning of this state.
 * - `window`, `consecutive`: what was counted since the breaker closed.
 * - `running`, `runningSlow`, `peak`: calls of this generation in flight, those of them known to be slow, and the most
 *   at once since the breaker closed (while it recovers: before it opened).
 * - `wait`, `openings`: the wait of this opening, and the openings without a recovery between them.
 * - `recoveredAt`: when the ramp began, while it lasts.
 * - `trials`, `tried`, `succeeded`: trials in flight, and the outcomes of the others.
 * - `evidence`: the counts that opened the breaker.
 * - `seed`: of the next wait's jitter.
 *
 * @since 0.1.0
 * @category models
 */
export const State = Schema.Struct({
  state: StateName,
  mode: Mode,
  generation: Count,
  at: Schema.Finite,
  since: Schema.Finite,
  why: Schema.NullOr(Why),
  window: Window.Window,
  consecutive: Count,
  running: Count,
  runningSlow: Count,
  peak: Count,
  wait: Schema.NonNegative,
  openings: Count,
  recoveredAt: Schema.NullOr(Schema.Finite),
  trials: Schema.Array(Trial),
  tried: Window.Counts,
  succeeded: Count,
  evidence: Window.Counts,
  lastFailure: Schema.NullOr(Schema.encodedSchema(OllamaError.Attempt)),
  seed: Schema.Int
}).annotations({ identifier: "effect-ollama/CircuitBreaker/State" })

/**
 * @since 0.1.0
 * @category models
 */
export type State = typeof State.Type

/** The state that a mode begins with. */
export const ofMode = (mode: Mode): StateName => (mode === "automatic" ? "closed" : mode)

/**
 * A breaker that nothing has happened to: closed, or as the value's `mode` says.
 *
 * @param seed of the jitter of its waits
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial = (config: CircuitBreaker, nowMillis: number, seed: number = 0): State => ({
  state: ofMode(config.mode),
  mode: config.mode,
  generation: 0,
  at: nowMillis,
  since: nowMillis,
  why: null,
  window: Window.empty(Rules.of(config).window),
  consecutive: 0,
  running: 0,
  runningSlow: 0,
  peak: 0,
  wait: 0,
  openings: 0,
  recoveredAt: null,
  trials: [],
  tried: Window.noCounts,
  succeeded: 0,
  evidence: Window.noCounts,
  lastFailure: null,
  seed: Math.trunc(seed)
})

const or = <A>(value: A | undefined, old: A): A => (value === undefined ? old : value)

/**
 * A state with some fields changed. Written out, because it happens twice for each call: an object that is spread is
 * copied 20 times more slowly.
 */
export const update = (state: State, to: Partial<State>): State => ({
  state: or(to.state, state.state),
  mode: or(to.mode, state.mode),
  generation: or(to.generation, state.generation),
  at: or(to.at, state.at),
  since: or(to.since, state.since),
  why: or(to.why, state.why),
  window: or(to.window, state.window),
  consecutive: or(to.consecutive, state.consecutive),
  running: or(to.running, state.running),
  runningSlow: or(to.runningSlow, state.runningSlow),
  peak: or(to.peak, state.peak),
  wait: or(to.wait, state.wait),
  openings: or(to.openings, state.openings),
  recoveredAt: or(to.recoveredAt, state.recoveredAt),
  trials: or(to.trials, state.trials),
  tried: or(to.tried, state.tried),
  succeeded: or(to.succeeded, state.succeeded),
  evidence: or(to.evidence, state.evidence),
  lastFailure: or(to.lastFailure, state.lastFailure),
  seed: or(to.seed, state.seed)
})

/** The state as if the clock had said so much more all along. */
export const shift = (state: State, millis: number): State =>
  update(state, {
    at: state.at + millis,
    since: state.since + millis,
    recoveredAt: state.recoveredAt === null ? null : state.recoveredAt + millis,
    window: Window.shift(state.window, millis),
    trials: state.trials.map((trial) => ({ ...trial, at: trial.at + millis }))
  })
