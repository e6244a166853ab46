/**
 * A call that takes longer than it should, told at that moment: looked at on the client's one timer, when it could have
 * become slow, so that a call costs no timer and a token nothing.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { defined } from "../internal/defined.js"
import type { Kind } from "../internal/endpoint.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import * as Slow from "../policy/Slow.js"
import type { SlowCall } from "../record/CallEvent.js"
import type { Prediction } from "../record/CallRecord.js"
import * as Verdict from "../record/Verdict.js"
import type { Running } from "./running.js"
import * as Tracing from "./tracing.js"

/** How long before it is told the host is looked at, to say why; milliseconds. */
const lookahead = 500
/** Before so many chunks nothing is said of how fast they come. */
const leastChunks = 10

const phases: ReadonlyArray<Slow.Phase> = ["queue", "load", "firstToken", "response", "gap", "total"]

const hasThreshold = (phase: OllamaError.Phase): phase is Slow.Phase => phases.some((known) => known === phase)

/** A call has one clock until its first value: which one that is depends on whether that is generated. */
const isOf = (phase: Slow.Phase, kind: Kind): boolean => {
  const isGenerated = kind === "generation" || kind === "embedding"
  return phase === "response" ? !isGenerated : phase === "firstToken" ? isGenerated : true
}

/** Phases of which something is expected. */
const isCompared = (phase: Slow.Phase): boolean => phase === "load" || phase === "firstToken" || phase === "gap"

/** When a phase becomes slow, and by which rule. */
interface Due {
  readonly from: number
  readonly threshold: number
  readonly kind: SlowCall["kind"]
  readonly predicted: Prediction | undefined
}

const at = ({ from, threshold }: Due): number => from + threshold

/** So much earlier the host is looked at. */
const ahead = (threshold: number): number => Math.min(lookahead, threshold / 2)

const sooner = (a: Due | undefined, b: Due | undefined): Due | undefined =>
  a === undefined ? b : b === undefined || at(a) <= at(b) ? a : b

/** In one line, without a word of what was asked. */
const message = ({ call: { host, model, operation }, verdict }: SlowCall): string =>
  `${[operation, model].filter(Boolean).join(" ")} on ${host} is slow: ${Verdict.text(verdict)}`

const annotations = ({ call, elapsed, inPhase, kind, phase, predicted, threshold, verdict }: SlowCall) =>
  defined({
    "ollama.call": call.id,
    "ollama.operation": call.operation,
    "ollama.host": call.host,
    "ollama.model": call.model,
    "ollama.phase": phase,
    "ollama.elapsed": Duration.format(elapsed),
    "ollama.inPhase": Duration.format(inPhase),
    "ollama.threshold": Duration.format(threshold),
    "ollama.rule": kind,
    "ollama.expected": predicted === undefined ? undefined : Duration.format(predicted.expected),
    "ollama.verdict": verdict._tag
  })

/** What is to be watched of a call; nothing where no threshold can ever be passed. */
export const watch = (running: Running): Watchdog.Entry | undefined => {
  const { slow } = running.settings.policy
  if (slow === "off" || running.settings.wants === undefined) return undefined
  const absolute = Slow.thresholds(slow, running.limits)
  const least = Duration.toMillis(slow.least)
  const isRelative = slow.factor !== "off" && running.journal.about.model !== undefined
  const { kind } = running.journal.facts
  const bounds: Bounds = { absolute, least, isRelative, phases: phases.filter((phase) => isOf(phase, kind)) }
  return soonest(bounds, new Set()) === Number.POSITIVE_INFINITY
    ? undefined
    : { check: checking(running, slow, bounds) }
}

interface Bounds {
  readonly absolute: Slow.Thresholds
  readonly least: number
  readonly isRelative: boolean
  /** Those that the call may come to. */
  readonly phases: ReadonlyArray<Slow.Phase>
}

/**
 * What may follow a phase without a look at the call: it is looked at whenever it is sent, so not the first token of a
 * model that was loaded before, which may have taken hours.
 */
const following: Readonly<Record<Slow.Phase, ReadonlyArray<Slow.Phase>>> = {
  queue: ["load"],
  load: ["queue"],
  firstToken: ["queue", "load", "gap"],
  response: ["queue", "load", "gap"],
  gap: [],
  total: []
}

/** No phase that was not told of becomes slow sooner than this after its beginning. */
const soonest = (
  { absolute, isRelative, least, phases }: Bounds,
  told: ReadonlySet<Slow.Phase>,
  among: ReadonlyArray<Slow.Phase> = phases
): number =>
  phases
    .filter((phase) => !told.has(phase) && among.includes(phase))
    .reduce(
      (sooner, phase) => Math.min(sooner, absolute[phase], isRelative && isCompared(phase) ? least : sooner),
      Number.POSITIVE_INFINITY
    )

const checking = (
  { journal, refs, settings: { hub, knowledge } }: Running,
  slow: Slow.Slow,
  bounds: Bounds
): Watchdog.Entry["check"] => {
  const { absolute, isRelative, least } = bounds
  const told = new Set<Slow.Phase>()
  /** The consumer was seen to lag behind: how long the generation takes says nothing then. */
  let hasLagged = false
  /** For which moment the host was looked at. */
  let lookedFor: number | undefined

  const tell = (phase: Slow.Phase, due: Due, now: number, forks: Array<Effect.Effect<void>>): void => {
    told.add(phase)
    journal.isSlow = true
    const { traced } = journal
    if (!hub.isHeard() && !slow.log && traced === undefined) return
    const found: SlowCall = {
      call: journal.whereabouts,
      phase,
      elapsed: Duration.millis(now - journal.about.startedAt),
      inPhase: Duration.millis(now - due.from),
      threshold: Duration.millis(due.threshold),
      kind: due.kind,
      predicted: due.predicted,
      verdict: knowledge.verdict(journal, now)
    }
    if (hub.isHeard()) hub.tell({ _tag: "Slow", slow: found })
    if (traced !== undefined) Tracing.event(traced, "ollama.slow", annotations(found))
    if (!slow.log) return
    const log = Effect.annotateLogs(Effect.logWarning(message(found)), annotations(found))
    forks.push(Effect.zipRight(Effect.setFiberRefs(refs), log))
  }

  /** The moment after which the phase is slow by its own clock; the gap stands still while nobody waits. */
  const byClock = (phase: Slow.Phase, since: number): Due | undefined => {
    const from = phase === "gap" ? journal.current()?.silentSince() : since
    const threshold = absolute[phase]
    return from === undefined || threshold === Number.POSITIVE_INFINITY
      ? undefined
      : { from, threshold, kind: "absolute", predicted: undefined }
  }

  const canCompare = (phase: Slow.Phase): boolean => {
    if (phase !== "gap") return isCompared(phase)
    const trail = journal.current()
    if (trail?.silentSince() === undefined) hasLagged = true
    return !hasLagged && !journal.facts.hasTools && trail !== undefined && trail.came().values >= leastChunks
  }

  /** As it was when it was last asked: a prediction costs some ten microseconds, and there may be many calls. */
  let compared: { readonly phase: Slow.Phase; readonly since: number; readonly due: Due | undefined } | undefined

  const byPrediction = (phase: Slow.Phase, since: number, now: number): Due | undefined => {
    const isSame = compared?.phase === phase && compared.since === since
    // what is expected of a generation grows with its chunks, and makes it slow later and never sooner
    if (isSame && (compared?.due === undefined || phase !== "gap" || now < at(compared.due))) return compared?.due
    const predicted = knowledge.expected(journal, now)
    const threshold = Slow.relative(slow, predicted)
    const due: Due | undefined =
      threshold === Number.POSITIVE_INFINITY ? undefined : { from: since, threshold, kind: "relative", predicted }
    compared = { phase, since, due }
    return due
  }

  return (now, forks) => {
    if (journal.isOver) return Number.POSITIVE_INFINITY
    const { phase, since } = journal.phase()
    // a phase that begins after this look becomes slow no sooner
    const step = soonest(bounds, told, hasThreshold(phase) ? following[phase] : undefined)
    let next = now + step - ahead(step)
    const look = (phase: Slow.Phase, due: Due | undefined): void => {
      if (due === undefined) return
      const moment = at(due)
      if (now >= moment) return tell(phase, due, now, forks)
      const near = moment - ahead(due.threshold)
      if (now >= near && lookedFor !== moment) {
        lookedFor = moment
        forks.push(knowledge.look(journal))
      }
      next = Math.min(next, now >= near ? moment : near)
    }
    if (!told.has("total") && absolute.total !== Number.POSITIVE_INFINITY) {
      look("total", {
        from: journal.about.startedAt,
        threshold: absolute.total,
        kind: "absolute",
        predicted: undefined
      })
    }
    if (!hasThreshold(phase) || told.has(phase)) return next
    const compares = isRelative && canCompare(phase)
    const comparedFrom = since + least - ahead(least)
    const predicted = compares && now >= comparedFrom ? byPrediction(phase, since, now) : undefined
    if (compares && now < comparedFrom) next = Math.min(next, comparedFrom)
    look(phase, sooner(byClock(phase, since), predicted))
    return next
  }
}
