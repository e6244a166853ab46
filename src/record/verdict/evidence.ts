/** What a verdict is made from. Every field but `elapsed` may be absent: what is not known is not argued with. */
import type * as Duration from "effect/Duration"
import type { Phase as CallPhase } from "../../OllamaError.js"
import type { Phase, Phases } from "../CallRecord.js"
import type { Detectors } from "../Learned.js"
import type { Predictions } from "../Predictor.js"

/**
 * A call, as far as it is known.
 *
 * @since 0.1.0
 * @category models
 */
export interface Evidence {
  /** Since the call began; of a call that has ended, all of it. */
  readonly elapsed: Duration.Duration
  /** Absent once it has ended. */
  readonly running?: Running | undefined
  /** Of a call that has ended: `success`, `left`, or the tag of its failure. */
  readonly outcome?: string | undefined
  readonly failure?: Failure | undefined
  /** The phase in which it ended without success. */
  readonly endedIn?: CallPhase | undefined
  /** Where the time went; of a running call so far. */
  readonly phases?: { readonly [K in keyof Phases]?: Phase | undefined } | undefined
  /** Of phases without a prediction beside them; of a call that has ended, with what is known of it by now. */
  readonly predicted?: Predictions | undefined
  /** Whether it passed a threshold of the policy's `slow`: it is explained though it went as expected. */
  readonly isSlow?: boolean | undefined
  /** What the time in the client was for. */
  readonly waitedFor?: "permit" | "offline" | "backoff" | undefined
  /** Whether it has `tools`: the server is silent while it buffers a tool call. */
  readonly hasTools?: boolean | undefined
  readonly promptTokens?: number | undefined
  /** What the model takes in memory, in 10^9 bytes. */
  readonly gigabytes?: number | undefined
  readonly host?: HostEvidence | undefined
}

/**
 * Where a running call is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Running {
  readonly phase: CallPhase
  /** Since that phase began. */
  readonly inPhase: Duration.Duration
  /** Since the last chunk, while somebody waits for the next. */
  readonly silent?: Duration.Duration | undefined
}

/**
 * The failure of a call: the fields of an `OllamaError` that a verdict needs; the failure itself fits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly _tag: string
  readonly phase?: CallPhase | undefined
  /** Of `Unreachable`. */
  readonly reason?: string | undefined
  /** Of `Overloaded` and `Blocked`. */
  readonly by?: string | undefined
  /** Of `Timeout`. */
  readonly limit?: Duration.Duration | undefined
  /** Of `LoadFailed`. */
  readonly outOfMemory?: boolean | undefined
  /** What happened below, where that is known: `EMFILE`. */
  readonly cause?: { readonly code?: string | undefined } | undefined
  /** Of `CircuitOpen`: what opened the breaker. */
  readonly lastFailure?: { readonly tag: string; readonly phase?: CallPhase | undefined } | undefined
}

/**
 * What is known of the host that was asked, and of the model on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostEvidence {
  /** Since the host last answered anything, whatever it was; absent if it never did. */
  readonly lastContact?: Duration.Duration | undefined
  /** How `/api/version` answers now. */
  readonly probe?: "fast" | "slow" | "failing" | undefined
  /** Whether any other host answers; absent where there is no other. */
  readonly others?: "answer" | "fail" | undefined
  /** Whether the model was in memory when the call was sent. */
  readonly wasResident?: boolean | undefined
  /** What `/api/ps` says of the model now; `late` if it does not answer. */
  readonly listing?: "listed" | "absent" | "late" | undefined
  /** Bytes, as `/api/ps` has them. */
  readonly size?: number | undefined
  readonly sizeVram?: number | undefined
  /** How often the model went out of memory and came back within the last ten minutes, for others. */
  readonly evictions?: number | undefined
  /** The models that came when it went. */
  readonly rivals?: ReadonlyArray<string> | undefined
  /** Names of options that differ from those the model was in memory with; empty or absent where none do. */
  readonly changedOptions?: ReadonlyArray<string> | undefined
  /** Whether the host is known to load another model now (or did, during this load). */
  readonly isLoadingOther?: boolean | undefined
  readonly detectors?: Detectors | undefined
  /** One for each other host that was compared. */
  readonly otherDetectors?: ReadonlyArray<Detectors> | undefined
  /** Calls of this client at this host for this model, itself included; and how many there usually are. */
  readonly inFlight?: number | undefined
  readonly usualInFlight?: number | undefined
  /** Calls of this client that were sent before it and have not ended. */
  readonly ahead?: number | undefined
  /** How many the server answers at once. */
  readonly parallel?: number | undefined
}
