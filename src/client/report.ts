/** The end of a call, told once: to the retry budget, to the span around it, and to the caller who wants a record. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { defined } from "../internal/defined.js"
import type * as OllamaError from "../OllamaError.js"
import type { CallRecord } from "../record/CallRecord.js"
import type { Call, Running } from "./running.js"

/** Who answered. */
export interface ServedBy {
  readonly host: string
  readonly model: string | undefined
}

/** Tells how a call ended; only the first time counts. */
export type End = (
  outcome: OllamaError.OllamaError | "success" | "left",
  attempts: ReadonlyArray<OllamaError.Attempt>,
  servedBy?: ServedBy
) => Effect.Effect<void>

export const begin = <A, Response>({ plan }: Call<A, Response>, running: Running): End => {
  const { clock, settings, startedAt } = running
  const { budget } = settings
  const onRecord = settings.options?.onRecord
  const { model, path: endpoint } = plan
  const { url: host } = settings.server.host.address
  let isOver = false
  budget?.unsafeBegin(startedAt)
  return (outcome, attempts, servedBy) =>
    Effect.suspend(() => {
      if (isOver) return Effect.void
      isOver = true
      const now = clock.unsafeCurrentTimeMillis()
      // what followed a failure has its outcome from the grant that it was sent with
      if (outcome === "success" && attempts.length === 0) budget?.unsafeOutcome("success")
      budget?.unsafeEnd()
      const decisions = running.decisions()
      const told =
        decisions.length === 0
          ? Effect.void
          : Effect.annotateCurrentSpan(
              "ollama.decisions",
              decisions.map(({ what, why }) => `${what}: ${why}`)
            )
      if (onRecord === undefined) return told
      const record: CallRecord = {
        ...defined({ model, servedBy: servedBy && defined(servedBy) }),
        endpoint,
        host,
        outcome: typeof outcome === "string" ? outcome : outcome._tag,
        elapsed: Duration.millis(now - startedAt),
        attempts,
        decisions
      }
      // a program that takes long over its records does not hold up its calls
      return Effect.zipRight(told, Effect.asVoid(Effect.forkDaemon(Effect.interruptible(onRecord(record)))))
    })
}
