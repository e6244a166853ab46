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
const generated = phases.filter((phase) => phase !== "response")
const asked = phases.filter((phase) => phase !== "firstToken")

const phasesOf = (kind: Kind): ReadonlyArray<Slow.Phase> =>
  kind === "generation" || kind === "embedding" ? generated : asked

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
  const slowness = new Slowness(running, slow)
  return slowness.isPossible() ? slowness : undefined
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

/** Of a call, from its beginning to its end. */
class Slowness implements Watchdog.Entry {
  private readonly absolute: Slow.Thresholds
  private readonly least: number
  private readonly isRelative: boolean
  private told: Set<Slow.Phase> | undefined
  /** The consumer was seen to lag behind: how long the generation takes says nothing then. */
  private hasLagged = false
  /** For which moment the host was looked at. */
  private lookedFor: number | undefined
  /** As it was when it was last asked: a prediction costs some ten microseconds, and there may be many calls. */
  private compared: { readonly phase: Slow.Phase; readonly since: number; readonly due: Due | undefined } | undefined

  constructor(
    private readonly running: Running,
    private readonly slow: Slow.Slow
  ) {
    this.absolute = Slow.thresholds(slow, running.limits)
    this.least = Duration.toMillis(slow.least)
    this.isRelative = slow.factor !== "off" && running.journal.about.model !== undefined
  }

  /** Whether any threshold can ever be passed. */
  isPossible(): boolean {
    return this.soonest(undefined) !== Number.POSITIVE_INFINITY
  }

  private hasTold(phase: Slow.Phase): boolean {
    return this.told?.has(phase) === true
  }

  /** No phase that was not told of becomes slow sooner than this after its beginning; of all that the call may come to. */
  private soonest(among: ReadonlyArray<Slow.Phase> | undefined): number {
    let sooner = Number.POSITIVE_INFINITY
    for (const phase of phasesOf(this.running.journal.facts.kind)) {
      if (this.hasTold(phase) || among?.includes(phase) === false) continue
      sooner = Math.min(sooner, this.absolute[phase])
      if (this.isRelative && isCompared(phase)) sooner = Math.min(sooner, this.least)
    }
    return sooner
  }

  private tell(phase: Slow.Phase, due: Due, now: number, forks: Array<Effect.Effect<void>>): void {
    const { slow } = this
    const {
      journal,
      refs,
      settings: { hub, knowledge }
    } = this.running
    this.told ??= new Set()
    this.told.add(phase)
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
  private byClock(phase: Slow.Phase, since: number): Due | undefined {
    const from = phase === "gap" ? this.running.journal.current()?.silentSince() : since
    const threshold = this.absolute[phase]
    return from === undefined || threshold === Number.POSITIVE_INFINITY
      ? undefined
      : { from, threshold, kind: "absolute", predicted: undefined }
  }

  private canCompare(phase: Slow.Phase): boolean {
    if (phase !== "gap") return isCompared(phase)
    const { journal } = this.running
    const trail = journal.current()
    if (trail?.silentSince() === undefined) this.hasLagged = true
    return !this.hasLagged && !journal.facts.hasTools && trail !== undefined && trail.came().values >= leastChunks
  }

  private byPrediction(phase: Slow.Phase, since: number, now: number): Due | undefined {
    const { compared } = this
    const isSame = compared?.phase === phase && compared.since === since
    // what is expected of a generation grows with its chunks, and makes it slow later and never sooner
    if (isSame && (compared?.due === undefined || phase !== "gap" || now < at(compared.due))) return compared?.due
    const {
      journal,
      settings: { knowledge }
    } = this.running
    const predicted = knowledge.expected(journal, now)
    const threshold = Slow.relative(this.slow, predicted)
    const due: Due | undefined =
      threshold === Number.POSITIVE_INFINITY ? undefined : { from: since, threshold, kind: "relative", predicted }
    this.compared = { phase, since, due }
    return due
  }

  /** @returns when to look at it again */
  private look(phase: Slow.Phase, due: Due | undefined, now: number, forks: Array<Effect.Effect<void>>): number {
    if (due === undefined) return Number.POSITIVE_INFINITY
    const moment = at(due)
    if (now >= moment) {
      this.tell(phase, due, now, forks)
      return Number.POSITIVE_INFINITY
    }
    const near = moment - ahead(due.threshold)
    if (now >= near && this.lookedFor !== moment) {
      this.lookedFor = moment
      const {
        journal,
        settings: { knowledge }
      } = this.running
      forks.push(knowledge.look(journal))
    }
    return now >= near ? moment : near
  }

  check(now: number, forks: Array<Effect.Effect<void>>): number {
    const { absolute, least } = this
    const { journal } = this.running
    if (journal.isOver) return Number.POSITIVE_INFINITY
    const { phase, since } = journal.phase()
    // a phase that begins after this look becomes slow no sooner
    const step = this.soonest(hasThreshold(phase) ? following[phase] : undefined)
    let next = now + step - ahead(step)
    if (!this.hasTold("total") && absolute.total !== Number.POSITIVE_INFINITY) {
      const from = journal.about.startedAt
      const due: Due = { from, threshold: absolute.total, kind: "absolute", predicted: undefined }
      next = Math.min(next, this.look("total", due, now, forks))
    }
    if (!hasThreshold(phase) || this.hasTold(phase)) return next
    const compares = this.isRelative && this.canCompare(phase)
    const comparedFrom = since + least - ahead(least)
    const predicted = compares && now >= comparedFrom ? this.byPrediction(phase, since, now) : undefined
    if (compares && now < comparedFrom) next = Math.min(next, comparedFrom)
    return Math.min(next, this.look(phase, sooner(this.byClock(phase, since), predicted), now, forks))
  }
}
