/**
 * What happens to the calls of a client, as it happens.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { Phase } from "../OllamaError.js"
import type { CallRecord, Decision, Prediction } from "./CallRecord.js"
import type { Verdict } from "./Verdict.js"

/**
 * Which call it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallInfo {
  /** Counts the calls of a client from 1. */
  readonly id: number
  /** `chat`, `generate`, `embed`, … */
  readonly operation: string
  /** The path: `/api/chat`. */
  readonly endpoint: string
  /**
   * The address, without credentials. In a fleet (`Fleet`) a call is told of before it has a host: as `fleet`, unless it has
   * said where it goes; its record, and what is told of it as slow or running, have the host.
   */
  readonly host: string
  readonly model: string | undefined
  /** Milliseconds on Clock. */
  readonly startedAt: number
}

/**
 * A call that takes longer than it should, told while it runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface SlowCall {
  readonly call: CallInfo
  /** The phase it is in. */
  readonly phase: Phase
  /** Since the call began. */
  readonly elapsed: Duration.Duration
  /** Since that phase began. */
  readonly inPhase: Duration.Duration
  /** The threshold it has passed, and what kind it is. */
  readonly threshold: Duration.Duration
  readonly kind: "absolute" | "relative"
  readonly predicted: Prediction | undefined
  readonly verdict: Verdict
}

/**
 * The states of a breaker, as `CircuitBreaker` has them.
 *
 * @since 0.1.0
 * @category models
 */
export type BreakerState = "closed" | "open" | "halfOpen" | "forcedOpen" | "disabled" | "observeOnly"

/**
 * - `Started`, `FirstToken` (the first value of an answer), `Slow`, `Decided` (by a policy), `Ended`: of each call.
 * - `Load`: a load that the client owns has ended; `outcome` is `success` or the tag of its failure.
 * - `Breaker`: a breaker of a host (without a model) or of a model on it has changed.
 *
 * @since 0.1.0
 * @category models
 */
export type CallEvent =
  | { readonly _tag: "Started"; readonly call: CallInfo }
  | { readonly _tag: "Decided"; readonly call: CallInfo; readonly decision: Decision }
  | { readonly _tag: "FirstToken"; readonly call: CallInfo; readonly after: Duration.Duration }
  | { readonly _tag: "Slow"; readonly slow: SlowCall }
  | { readonly _tag: "Ended"; readonly call: CallInfo; readonly record: CallRecord }
  | {
      readonly _tag: "Load"
      readonly host: string
      readonly model: string
      readonly outcome: string
      readonly took: Duration.Duration
    }
  | {
      readonly _tag: "Breaker"
      readonly host: string
      readonly model: string | undefined
      readonly from: BreakerState
      readonly to: BreakerState
    }

/**
 * What a client holds at a moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientState {
  readonly hosts: ReadonlyArray<HostState>
  /** Tokens left in the pool of the retry budget; absent where there is none. */
  readonly budget: number | undefined
  /** The calls that run, oldest first. */
  readonly running: ReadonlyArray<RunningCall>
  /** Records and slow calls that no reader took in time, and that were dropped. */
  readonly dropped: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface HostState {
  readonly host: string
  readonly breaker: BreakerState | undefined
  readonly models: ReadonlyArray<ModelState>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ModelState {
  readonly model: string
  readonly breaker: BreakerState | undefined
  /** Calls with a permit; and those that wait for one. Absent without `concurrency`. */
  readonly inFlight: number | undefined
  readonly queued: number | undefined
  /** How many may be at the server at once; absent while nothing limits them. */
  readonly limit: number | undefined
  readonly isLoading: boolean
}

/**
 * A call that runs, with what is to be said of it now.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunningCall {
  readonly call: CallInfo
  readonly phase: Phase
  readonly elapsed: Duration.Duration
  readonly inPhase: Duration.Duration
  readonly chunks: number
  readonly verdict: Verdict
}
