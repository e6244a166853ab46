/** What a client knows beside a call: what it has learned from others, and what is known of the host and its models. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as OllamaError from "../OllamaError.js"
import type { Phases, Prediction } from "../record/CallRecord.js"
import * as Learned from "../record/Learned.js"
import * as Predictor from "../record/Predictor.js"
import * as Verdict from "../record/Verdict.js"
import * as Facts from "../record/verdict/facts.js"
import type { Hub } from "./hub.js"
import type { Journal } from "./journal.js"
import * as Learning from "./learning.js"
import * as PhasesOf from "./phases.js"
import type * as Preload from "./preload.js"
import * as Residency from "./residency.js"
import * as Samples from "./samples.js"
import type { Server } from "./server.js"
import * as Timing from "./timing.js"
import type { Trail } from "./trail.js"

/** How a call ended. */
export interface Ended {
  readonly outcome: OllamaError.OllamaError | "success" | "left"
  readonly endedIn: OllamaError.Phase | undefined
  readonly phases: Phases
  /** By what was known before it. */
  readonly predicted: Predictor.Predictions
}

export interface Knowledge {
  /** Learns from a call that was answered. */
  readonly answered: (journal: Journal, now: number) => void
  /** Learns from a load that the client owns. */
  readonly loaded: (host: string, ended: Preload.Ended) => void
  /** What was to be expected of each phase, its tokens being what they are. */
  readonly predictions: (journal: Journal, now: number) => Predictor.Predictions
  /** What is to be expected of the phase that a call is in, as far as it has come. */
  readonly expected: (journal: Journal, now: number) => Prediction | undefined
  /** Why it is where it is, or became what it became. */
  readonly verdict: (journal: Journal, now: number, ended?: Ended) => Verdict.Verdict
  /** All that was learned. */
  readonly learned: () => Learned.Learned
  /** A host is not used any more. */
  readonly forget: (host: string) => void
  /** What was learned from our own calls, and what others have learned from theirs. */
  readonly own: Learning.Learning["own"]
  readonly hear: Learning.Learning["hear"]
  /** Looks at the host that a call is at, so that more can be said of it. */
  readonly look: (journal: Journal) => Effect.Effect<void>
}

/** Calls that run, of which a verdict takes notice. */
const most = 8

/** Milliseconds for which it counts that other hosts were heard of. */
const lately = 60_000

/** The calls that wait for a model, and for which it is looked why. */
const occupies: ReadonlySet<string> = new Set(["chat", "generate", "embed", "embeddings"])

const nothing: Predictor.Predictions = {}

export const make = (hub: Hub, servers: () => ReadonlyArray<Server>): Knowledge => {
  const learning = Learning.make()
  const at = (host: string): Server | undefined => servers().find((server) => server.host.address.url === host)

  /** What a model takes in memory, where that was ever listed. */
  const gigabytes = (host: string, model: string | undefined, now: number): number | undefined => {
    if (model === undefined) return undefined
    const name = Residency.normalName(model)
    // what it takes here, else what it takes at another server
    const all = servers()
    const size =
      at(host)?.residency.known(name, now).size ??
      (all.length > 1
        ? all.find(({ residency }) => residency.known(name, now).size !== undefined)
        : undefined
      )?.residency.known(name, now).size
    return size === undefined ? undefined : size / 1e9
  }

  const question = (journal: Journal, trail: Trail, now: number): Predictor.Question =>
    Samples.question(journal, trail, gigabytes(trail.host, trail.model, now), now)

  const predictions = (journal: Journal, now: number): Predictor.Predictions => {
    const trail = journal.current()
    return trail?.model === undefined ? nothing : learning.predict(question(journal, trail, now))
  }

  /** Whether any other host that is known was heard of. */
  const others = (host: string, now: number): "answer" | "fail" | undefined => {
    const contacts = servers().flatMap(({ host: { address, contact } }) =>
      address.url !== host && contact !== undefined && now - contact.at < lately ? [contact] : []
    )
    if (contacts.length === 0) return undefined
    return contacts.some(({ answered }) => answered) ? "answer" : "fail"
  }

  /** The oldest of the calls that run on a host: they say most of it, and a verdict looks at no more of them. */
  const oldest = (host: string): ReadonlyArray<readonly [Journal, Trail]> => {
    const found: Array<readonly [Journal, Trail]> = []
    for (const journal of hub.running) {
      const trail = journal.current()
      if (trail?.host !== host || trail.model === undefined || trail.endedAt !== undefined) continue
      found.push([journal, trail])
      if (found.length === most) break
    }
    return found
  }

  const detectors = (host: string, now: number): Learned.Detectors => {
    const learned = learning.learned()
    const running = oldest(host).flatMap(([journal, trail]) => {
      const model = Residency.normalName(trail.model ?? "")
      const figures = Predictor.figures(learned.predictor, { host, model, at: now })
      return Samples.ofRunning(journal, trail, now, figures) ?? []
    })
    return Learned.detectors(learned, host, running)
  }

  /** @param isUsual it ended well, and nothing was slow: how far the others have come explains nothing of it */
  const hostEvidence = (trail: Trail, now: number, isUsual: boolean): Verdict.HostEvidence => {
    const server = at(trail.host)
    const contact = server?.host.contact
    const learned = learning.learned()
    const about = {
      lastContact: contact?.answered === true ? Duration.millis(now - contact.at) : undefined,
      probe: server?.probe.answer(now),
      others: others(trail.host, now),
      detectors: isUsual ? Learned.detectors(learned, trail.host) : detectors(trail.host, now),
      otherDetectors: Learned.otherDetectors(learned, trail.host)
    }
    if (trail.model === undefined || server === undefined) return about
    const model = Residency.normalName(trail.model)
    const figures = Predictor.figures(learned.predictor, { host: trail.host, model, at: now })
    const { evictions, listing, rivals, size, sizeVram } = server.residency.known(model, now)
    const { inFlight } = trail
    return {
      ...about,
      listing,
      wasResident: trail.wasResident,
      size,
      sizeVram,
      evictions,
      rivals,
      changedOptions: trail.changed,
      isLoadingOther: server.residency.preloads.running().some((other) => other !== model),
      inFlight: trail.mostInFlight?.() ?? inFlight,
      usualInFlight: figures.inFlight,
      ahead: inFlight === undefined ? undefined : inFlight - 1,
      parallel: figures.parallel
    }
  }

  const waitedFor = (journal: Journal, now: number): Verdict.Evidence["waitedFor"] => {
    const { backoff, offline, place } = journal.heldFor(now)
    const permit = journal.trails.reduce((sum, trail) => sum + trail.queuedBy(now), place)
    const most = Math.max(permit, backoff, offline)
    if (most === 0) return undefined
    return most === permit ? "permit" : most === offline ? "offline" : "backoff"
  }

  return {
    answered: (journal, now) => {
      const sample = Samples.ofAnswer(journal, now)
      if (sample !== undefined) learning.observe(sample, now - journal.about.startedAt)
    },
    loaded: (host, { at: now, model, outcome, took, wasAlone }) => {
      // one load waits for the other, and nobody knows how long
      if (outcome !== "success" || !wasAlone) return
      const size = gigabytes(host, model, now)
      learning.observe({ host, model, at: now, gigabytes: size, loading: Duration.millis(took) }, took)
    },
    learned: learning.learned,
    forget: learning.forget,
    own: learning.own,
    hear: learning.hear,
    predictions,
    expected: (journal, now) => {
      const trail = journal.current()
      if (trail?.model === undefined) return undefined
      const asked = question(journal, trail, now)
      switch (trail.stage) {
        case "load":
          return learning.predict(asked).loading
        case "firstToken":
          return learning.predict(asked).firstToken
        case "gap":
          return learning.predict({ ...asked, answerTokens: trail.came().values }).generating
        default:
          return undefined
      }
    },
    verdict: (journal, now, ended) => {
      const trail = journal.current()
      const { phase, since } = journal.phase()
      const silent = trail?.silentSince()
      const tokens = Timing.tokens(trail?.last)
      const failure = typeof ended?.outcome === "string" ? undefined : ended?.outcome
      const evidence: Verdict.Evidence = {
        elapsed: Duration.millis(now - journal.about.startedAt),
        running:
          ended === undefined
            ? {
                phase,
                inPhase: Duration.millis(now - since),
                silent: silent === undefined ? undefined : Duration.millis(now - silent),
                hasHeaders: trail?.status !== undefined
              }
            : undefined,
        outcome: typeof ended?.outcome === "string" ? ended.outcome : failure?._tag,
        failure,
        endedIn: ended?.endedIn,
        phases: ended?.phases ?? PhasesOf.of(PhasesOf.spans(journal, now)),
        predicted: ended?.predicted ?? predictions(journal, now),
        isSlow: journal.isSlow,
        waitedFor: waitedFor(journal, now),
        hasTools: journal.facts.hasTools,
        promptTokens: tokens.prompt
      }
      // the host does not matter then, and to look at it costs
      if (Facts.isUnremarkable(evidence)) return { _tag: "AsExpected" }
      if (trail === undefined) return Verdict.of(evidence)
      const isUsual = ended?.outcome === "success" && !journal.isSlow
      return Verdict.of({
        ...evidence,
        gigabytes: gigabytes(trail.host, trail.model, now),
        host: hostEvidence(trail, now, isUsual)
      })
    },
    look: (journal) => {
      const server = at(journal.current()?.host ?? journal.host)
      if (server === undefined) return Effect.void
      const { host, probe, residency } = server
      const { model = "", operation } = journal.about
      // a call that only asks is its own probe, and what runs in the cloud is in nobody's memory here
      const isLocal = occupies.has(operation) && !host.isCloud && !Residency.isCloudModel(model)
      return isLocal ? Effect.all([probe.ask, residency.look], { concurrency: 2, discard: true }) : Effect.void
    }
  }
}
