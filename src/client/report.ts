/** The end of a call, told once: to the retry budget, to the span around it, and to everybody who wants its record. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Context from "../internal/context.js"
import { defined } from "../internal/defined.js"
import type { Kind } from "../internal/endpoint.js"
import type * as OllamaError from "../OllamaError.js"
import type { CallRecord } from "../record/CallRecord.js"
import type { Journal } from "./journal.js"
import * as Phases from "./phases.js"
import type { Running } from "./running.js"
import * as Timing from "./timing.js"
import * as Verdicts from "./verdicts.js"

/** Tells how a call ended; only the first time counts. */
export type End = (
  outcome: OllamaError.OllamaError | "success" | "left",
  attempts: ReadonlyArray<OllamaError.Attempt>
) => Effect.Effect<void>

type Outcome = Parameters<End>[0]

const endedIn = (journal: Journal, outcome: Outcome): OllamaError.Phase | undefined => {
  if (outcome === "success") return undefined
  // the clock of the whole call says nothing of what it was in
  return outcome === "left" || outcome.phase === "total" ? journal.phase().phase : outcome.phase
}

/** @param now the end of the call */
const recordOf = (
  journal: Journal,
  kind: Kind,
  outcome: Outcome,
  attempts: ReadonlyArray<OllamaError.Attempt>,
  now: number
): CallRecord => {
  const { endpoint, host, model, operation, startedAt } = journal.about
  const trail = journal.current()
  const failure = typeof outcome === "string" ? undefined : outcome
  const tag = typeof outcome === "string" ? outcome : outcome._tag
  const elapsed = Duration.millis(now - startedAt)
  const phase = endedIn(journal, outcome)
  const hasAnswered = trail?.firstAt !== undefined
  return {
    ...defined({
      model,
      session: journal.session,
      servedBy: hasAnswered ? defined({ host: trail.host, model: trail.model }) : undefined,
      failure: failure === undefined ? undefined : Context.short(failure, startedAt, now),
      endedIn: phase,
      status: failure?.status ?? trail?.status,
      firstToken: trail?.firstAt === undefined ? undefined : Duration.millis(trail.firstAt - startedAt),
      doneReason: Timing.doneReason(trail?.last)
    }),
    id: journal.id,
    operation,
    endpoint,
    host,
    startedAt: DateTime.unsafeMake(startedAt),
    outcome: tag,
    elapsed,
    phases: Phases.of(Phases.spans(journal, kind, now)),
    bytes: {
      sent: journal.trails.reduce((sum, { sent }) => sum + sent, 0),
      received: journal.trails.reduce((sum, other) => sum + other.came().bytes, 0)
    },
    tokens: Timing.tokens(trail?.last),
    chunks: trail?.came().values ?? 0,
    attempts,
    decisions: journal.decisions,
    slow: journal.isSlow,
    verdict: Verdicts.ofEnded(tag, journal.isSlow, phase ?? "response", elapsed)
  }
}

export const begin = (running: Running, kind: Kind): End => {
  const { clock, journal, settings, startedAt } = running
  const { budget, hub } = settings
  const onRecord = settings.options?.onRecord
  let isOver = false
  budget?.unsafeBegin(startedAt)
  hub.begun(journal)
  return (outcome, attempts) =>
    Effect.suspend(() => {
      if (isOver) return Effect.void
      isOver = true
      const now = clock.unsafeCurrentTimeMillis()
      // what followed a failure has its outcome from the grant that it was sent with
      if (outcome === "success" && attempts.length === 0) budget?.unsafeOutcome("success")
      budget?.unsafeEnd()
      hub.over(journal)
      const { decisions } = journal
      const told =
        decisions.length === 0
          ? Effect.void
          : Effect.annotateCurrentSpan(
              "ollama.decisions",
              decisions.map(({ what, why }) => `${what}: ${why}`)
            )
      if (onRecord === undefined && !hub.isHeard()) return told
      const record = recordOf(journal, kind, outcome, attempts, now)
      if (hub.isHeard()) hub.tell({ _tag: "Ended", call: journal.info, record })
      if (onRecord === undefined) return told
      // a program that takes long over its records does not hold up its calls
      return Effect.zipRight(told, Effect.asVoid(Effect.forkDaemon(Effect.interruptible(onRecord(record)))))
    })
}
