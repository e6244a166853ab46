/** What can happen to a breaker. */
import type * as OllamaError from "../../OllamaError.js"

/** The end of a call that was let through. */
interface Ended {
  /** The breaker's generation right after the call was let through. */
  readonly generation: number
  /** A `StillRunning` was reported for this call. */
  readonly wasStillRunning?: boolean | undefined
}

/**
 * What can happen to a breaker:
 *
 * - `Acquired`: a call asks to pass; without effect where `permits` refuses it. `ramp: false` does not limit it while
 *   calls come back gradually.
 * - `Succeeded`, `Failed`, `Ignored`: how a call ended, that was let through in the given generation. Those of an earlier
 *   generation change nothing.
 * - `StillRunning`: a call has been running for `slowAfter`; at most once for each call.
 * - `ForceOpen`, `Disable`, `ObserveOnly`: stays so until another command. `Automatic`: ends these, closed and with an
 *   empty memory. `Close`: closed and with an empty memory, whatever the state. `Doubt`: somebody else has seen otherwise;
 *   the next calls are trials that decide, whether it was closed or open. What was forced stays.
 *
 * @since 0.1.0
 * @category models
 */
export type Event =
  | { readonly _tag: "Acquired"; readonly ramp?: boolean | undefined }
  | ({ readonly _tag: "Succeeded"; readonly durationMillis: number } & Ended)
  | ({ readonly _tag: "Failed"; readonly durationMillis: number; readonly failure: OllamaError.Attempt } & Ended)
  | ({ readonly _tag: "Ignored" } & Ended)
  | { readonly _tag: "StillRunning"; readonly generation: number }
  | { readonly _tag: "ForceOpen" }
  | { readonly _tag: "Close" }
  | { readonly _tag: "Disable" }
  | { readonly _tag: "ObserveOnly" }
  | { readonly _tag: "Automatic" }
  | { readonly _tag: "Doubt" }
