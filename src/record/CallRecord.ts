/**
 * What became of a call: who answered it, after which attempts, and what was decided on the way.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Attempt } from "../OllamaError.js"

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

/**
 * Something that a policy decided. `what`: `retried` (sent again), `heldOffline` (held until the host answered again),
 * `queued` (waited for a permit), `hedged` (a second copy was sent), `fellBack` (another model or host was asked),
 * `refused` (nothing was sent: breaker, throttle, queue), `notRetried` (the retry budget was empty).
 *
 * @since 0.1.0
 * @category models
 */
export const Decision = Schema.Struct({
  what: Schema.Literal("retried", "heldOffline", "queued", "hedged", "fellBack", "refused", "notRetried"),
  /** Since the call began; milliseconds when encoded. */
  at: Schema.DurationFromMillis,
  why: Schema.String
}).annotations({ identifier: "effect-ollama/Decision" })

/**
 * @since 0.1.0
 * @category models
 */
export type Decision = typeof Decision.Type

/**
 * Who answered a call.
 *
 * @since 0.1.0
 * @category models
 */
export const ServedBy = Schema.Struct({
  /** The address, without credentials. */
  host: Schema.String,
  model: optional(Schema.String)
})

/**
 * One call, at its end, whatever the end.
 *
 * @since 0.1.0
 * @category models
 */
export const CallRecord = Schema.Struct({
  /** The path of the endpoint: `/api/chat`. */
  endpoint: Schema.String,
  /** The address that was asked first, without credentials. */
  host: Schema.String,
  /** The model that was asked for. */
  model: optional(Schema.String),
  /** Present once a part of an answer had arrived. */
  servedBy: optional(ServedBy),
  /** `success`, `left` (the caller went away before the end), or the tag of the failure. */
  outcome: Schema.String,
  /** From the call to its end; milliseconds when encoded. */
  elapsed: Schema.DurationFromMillis,
  /** The failures of attempts that were followed by another one, oldest first. */
  attempts: Schema.Array(Attempt),
  /** What policies decided, in its order. */
  decisions: Schema.Array(Decision)
}).annotations({ identifier: "effect-ollama/CallRecord" })

/**
 * @since 0.1.0
 * @category models
 */
export type CallRecord = typeof CallRecord.Type
