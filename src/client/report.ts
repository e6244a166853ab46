/** The end of a call, told once: to the retry budget, to its span, and to everybody who wants its record. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Context from "../internal/context.js"
import { defined } from "../internal/defined.js"
import type { Endpoint } from "../internal/endpoint.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import type { CallRecord } from "../record/CallRecord.js"
import type { Hub } from "./hub.js"
import { Journal } from "./journal.js"
import type { Knowledge } from "./knowledge.js"
import * as Phases from "./phases.js"
import type { Running, Settings } from "./running.js"
import type { CallOptions } from "./service.js"
import * as Summary from "./summary.js"
import * as Timing from "./timing.js"
import * as Tracing from "./tracing.js"

/** `left` is a call whose caller went away. */
export type Outcome = OllamaError.OllamaError | "success" | "left"

/** Tells how a call ended; only the first time counts. */
export type End = (
  outcome: Outcome,
  attempts: ReadonlyArray<OllamaError.Attempt>,
  /** What has come of the answer. */
  partial?: () => OllamaError.Partial | undefined
) => Effect.Effect<void>

/** @param answer how the answer ended, of which something was made */
export const outcomeOf = (exit: Exit.Exit<unknown, OllamaError.OllamaError>, answer: Outcome): Outcome =>
  Exit.match(exit, {
    onSuccess: () => answer,
    onFailure: (cause) => Option.getOrElse(Cause.failureOption(cause), () => (answer === "success" ? "left" : answer))
  })

/** Whether the server has done all that it was asked for. */
const wasAnswered = (outcome: Outcome): boolean =>
  typeof outcome === "string" ? outcome === "success" : outcome._tag === "MalformedOutput"

const endedIn = (journal: Journal, outcome: Outcome): OllamaError.Phase | undefined => {
  if (outcome === "success") return undefined
  // the clock of the whole call says nothing of what it was in
  return outcome === "left" || outcome.phase === "total" ? journal.phase().phase : outcome.phase
}

/** @param now the end of the call */
const recordOf = (
  journal: Journal,
  knowledge: Knowledge,
  outcome: Outcome,
  attempts: ReadonlyArray<OllamaError.Attempt>,
  spans: Phases.Spans,
  now: number
): CallRecord => {
  const { endpoint, model, operation, startedAt } = journal.about
  const { host } = journal
  const trail = journal.current()
  const failure = typeof outcome === "string" ? undefined : outcome
  const tag = typeof outcome === "string" ? outcome : outcome._tag
  const elapsed = Duration.millis(now - startedAt)
  const phase = endedIn(journal, outcome)
  const hasAnswered = trail?.firstAt !== undefined
  const predicted = knowledge.predictions(journal, now)
  const phases = Phases.of(spans, predicted)
  return {
    ...defined({
      model,
      session: journal.facts.session,
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
    phases,
    bytes: {
      sent: journal.trails.reduce((sum, { sent }) => sum + sent, 0),
      received: journal.trails.reduce((sum, other) => sum + other.came().bytes, 0)
    },
    tokens: Timing.tokens(trail?.last),
    chunks: trail?.came().values ?? 0,
    attempts,
    decisions: journal.decisions,
    slow: journal.isSlow,
    verdict: knowledge.verdict(journal, now, { outcome, endedIn: phase, phases, predicted })
  }
}

/** A record is handed over in the background: a program that takes long over it does not hold up its calls. */
const handOver = (onRecord: ((record: CallRecord) => Effect.Effect<void>) | undefined, record: CallRecord) =>
  onRecord === undefined ? Effect.void : Effect.asVoid(Effect.forkDaemon(Effect.interruptible(onRecord(record))))

/** Tells of a call that was refused before it began: its request, or the change of its policy, cannot be. */
export const refused = (
  { endpoint, host, hub, knowledge, options }: Refusing,
  error: OllamaError.OllamaError
): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const onRecord = options?.onRecord
    if (onRecord === undefined && !hub.isHeard()) return Effect.void
    const about = { operation: endpoint.name, endpoint: endpoint.path, host, model: error.model, startedAt: now }
    const facts = { characters: 0, hasTools: false, isTransfer: false, kind: endpoint.kind, answerLimit: undefined }
    const journal = new Journal(hub, about, { ...facts, session: options?.session })
    const record = recordOf(journal, knowledge, error, [], Phases.spans(journal, now), now)
    hub.begun(journal)
    hub.over(journal)
    if (hub.isHeard()) hub.tell({ _tag: "Ended", call: journal.info, record })
    return handOver(onRecord, record)
  })

/** What is known where a call is refused. */
export interface Refusing {
  readonly endpoint: Endpoint
  /** The address. */
  readonly host: string
  readonly hub: Hub
  readonly knowledge: Knowledge
  readonly options: CallOptions | undefined
}

/** What comes before a call, whose failures are told of. */
export const refusing = <A>(
  before: Effect.Effect<A, OllamaError.OllamaError>,
  { endpoint, hub, knowledge, options, server }: Settings
): Effect.Effect<A, OllamaError.OllamaError> =>
  Effect.tapError(before, (error) =>
    refused({ endpoint, host: server.host.address.url, hub, knowledge, options }, error)
  )

/** @param watched what looks at the call while it runs */
export const begin = (running: Running, watched: Watchdog.Entry | undefined): End => {
  const { clock, journal, settings, startedAt } = running
  const { budget, hub, knowledge } = settings
  const onRecord = settings.options?.onRecord
  budget?.unsafeBegin(startedAt)
  hub.begun(journal)
  // what came before a call that asks again is in the records of those calls
  const before = settings.again?.earlier.length ?? 0
  return (outcome, all, partial) =>
    Effect.suspend(() => {
      const attempts = all.slice(before)
      if (journal.isOver) return Effect.void
      journal.isOver = true
      if (watched !== undefined) settings.watchdog.remove(clock, watched)
      const now = clock.unsafeCurrentTimeMillis()
      // what followed a failure has its outcome from the grant that it was sent with
      if (wasAnswered(outcome) && attempts.length === 0) budget?.unsafeOutcome("success")
      budget?.unsafeEnd()
      hub.over(journal)
      const { traced } = journal
      const isWanted = onRecord !== undefined || hub.isHeard()
      const spans = isWanted || traced !== undefined ? Phases.spans(journal, now) : undefined
      // compared with what was known before it
      const record =
        isWanted && spans !== undefined ? recordOf(journal, knowledge, outcome, attempts, spans, now) : undefined
      if (traced !== undefined && spans !== undefined) {
        const content = traced.wants.content ? partial?.() : undefined
        Tracing.end(traced, outcome, Summary.of(journal, spans, record, content, settings.server.host.secrets, now))
      }
      if (wasAnswered(outcome)) knowledge.answered(journal, now)
      if (record === undefined) return Effect.void
      if (hub.isHeard()) hub.tell({ _tag: "Ended", call: journal.info, record })
      return handOver(onRecord, record)
    })
}
