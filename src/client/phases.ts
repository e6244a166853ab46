/**
 * Where the time of a call went: each millisecond in one phase, by the client's clocks, and between the request and the
 * last value by the shares that the server gives.
 */
import * as Duration from "effect/Duration"
import { defined } from "../internal/defined.js"
import type { Kind } from "../internal/endpoint.js"
import type { Phases, Prediction } from "../record/CallRecord.js"
import type { Predictions } from "../record/Predictor.js"
import type { Journal } from "./journal.js"
import * as Timing from "./timing.js"
import type { Trail } from "./trail.js"

/** Milliseconds; what is not known is absent. */
export interface Spans {
  readonly waiting: number
  readonly lost: number
  readonly connecting?: number
  readonly queued?: number
  readonly loading?: number
  readonly prompt?: number
  readonly generating?: number
  readonly other: number
}

/** What is known of the time after the request was sent. */
type Inside = Pick<Spans, "queued" | "loading" | "prompt" | "generating">

/** By what the server says; its clock is another one, so that its shares of what passed here are what counts. */
const byServer = (timing: Timing.Timing, kind: Kind, passed: number): Inside => {
  const { generation, load, prompt, total } = timing
  const share = total > passed ? passed / total : 1
  const rest = Timing.queued(timing)
  const scale = total > 0 && load + prompt + generation > total ? total / (load + prompt + generation) : 1
  const part = (millis: number): number => millis * scale * share
  // the time that vectors take is not told apart from the wait for it
  if (kind === "embedding") return { loading: part(load), prompt: part(prompt + rest) }
  if (kind === "load") return { loading: part(total) }
  return { queued: part(rest), loading: part(load), prompt: part(prompt), generating: part(generation) }
}

/** By when the first value came, or what the call was in when it ended. */
const byClient = (trail: Trail, kind: Kind, passed: number, now: number): Inside => {
  if (kind === "load") return { loading: passed }
  if (kind !== "generation" && kind !== "embedding") return {}
  if (trail.firstAt === undefined) {
    return trail.stage === "load" ? { loading: passed } : trail.stage === "connect" ? {} : { prompt: passed }
  }
  if (kind === "embedding") return { prompt: passed }
  const generating = Math.min(passed, now - trail.firstAt)
  return { prompt: passed - generating, generating }
}

const sum = (parts: Readonly<Record<string, number | undefined>>): number =>
  Object.values(parts).reduce<number>((total, part) => total + (part ?? 0), 0)

/** One that never stood took all the time that there was. */
const connectingOf = ({ connecting, sentAt, stage }: Trail, to: number): number | undefined =>
  stage === "connect" && sentAt !== undefined ? to - sentAt : connecting

/** @param now the end of the call */
export const spans = (journal: Journal, now: number): Spans => {
  const { startedAt } = journal.about
  const { kind } = journal.facts
  const elapsed = now - startedAt
  const trail = journal.current()
  const to = trail?.endedAt ?? now
  /** Apart from the last attempt. */
  const outside = trail === undefined ? elapsed : elapsed - (to - trail.startedAt)
  const earlier = journal.trails.filter((other) => other !== trail)
  const waited = earlier.reduce((total, other) => total + other.queuedBy(now), journal.heldBy(now))
  const waitedOutside = Math.min(outside, waited)
  const lost = journal.trails.length === 0 ? 0 : outside - waitedOutside
  if (trail === undefined) return { waiting: waitedOutside, lost, other: elapsed - waitedOutside - lost }
  const own = trail.loadedBy(now)
  const connecting = connectingOf(trail, to)
  const passed = trail.sentAt === undefined ? 0 : Math.max(0, to - trail.sentAt - (connecting ?? 0))
  const timing = Timing.of(trail.last)
  const inside =
    trail.sentAt === undefined
      ? {}
      : timing === undefined
        ? byClient(trail, kind, passed, to)
        : byServer(timing, kind, passed)
  const loading = own === 0 ? inside.loading : own + (inside.loading ?? 0)
  const known = {
    waiting: waitedOutside + trail.queuedBy(now),
    lost,
    ...(connecting === undefined ? {} : { connecting }),
    ...inside,
    ...(loading === undefined ? {} : { loading })
  }
  return { ...known, other: Math.max(0, elapsed - sum(known)) }
}

const phase = (millis: number, predicted?: Prediction) =>
  predicted === undefined ? { actual: Duration.millis(millis) } : { actual: Duration.millis(millis), predicted }

const optional = (millis: number | undefined, predicted?: Prediction) =>
  millis === undefined ? undefined : phase(millis, predicted)

/** As a record has them, each beside what was expected. */
export const of = (spans: Spans, predicted: Predictions = {}): Phases => {
  const { connecting, generating, loading, lost, other, prompt, queued, waiting } = spans
  return {
    waiting: phase(waiting),
    lost: phase(lost),
    ...defined({
      connecting: optional(connecting),
      queued: optional(queued, predicted.queued),
      loading: optional(loading, predicted.loading),
      prompt: optional(prompt, predicted.prompt),
      generating: optional(generating, predicted.generating)
    }),
    other: phase(other)
  }
}
