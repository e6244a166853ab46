/** The record of one call, caught at its end. */
import * as Effect from "effect/Effect"
import type { CallOptions } from "../client/service.js"
import type { CallRecord } from "../record/CallRecord.js"

export interface Recording {
  /** The options of the call, with this one listening beside whoever else does. */
  readonly options: CallOptions
  /** Once the call has ended. Nothing, where the client is not one that tells of its calls. */
  readonly record: Effect.Effect<CallRecord | undefined>
}

export const make = (options: CallOptions | undefined): Recording => {
  let told: CallRecord | undefined
  const keep = (record: CallRecord) =>
    Effect.suspend(() => {
      told = record
      return options?.onRecord?.(record) ?? Effect.void
    })
  return {
    options: { ...options, onRecord: keep },
    // the client hands a record over in a fiber of its own, which has begun by then
    record: Effect.map(Effect.yieldNow(), () => told)
  }
}
