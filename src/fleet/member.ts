/** A host of a fleet: what is known of it and what is there, and how that looks to a call that is to be placed. */
import type * as Residency from "../client/residency.js"
import type { Journal } from "../client/journal.js"
import type { Server } from "../client/server.js"
import * as Detector from "../record/Detector.js"
import type * as Learned from "../record/Learned.js"
import * as Predictor from "../record/Predictor.js"
import { Installed } from "./installed.js"
import { limited } from "./limited.js"
import { Memory } from "./memory.js"
import * as Foreign from "./placement/foreign.js"
import * as Parallelism from "./placement/parallelism.js"
import type { HostView } from "./placement/view.js"
import { Sessions } from "./sessions.js"
import { Shedding } from "./shedding.js"
import * as Work from "./work.js"

/** What a call asks of a host. */
export interface Asked {
  /** The one name that all spellings have; none of a call that needs no model. */
  readonly model: string | undefined
  readonly need: Residency.Need | undefined
  readonly session: string | undefined
  /** 10^9 bytes. */
  readonly gigabytes: number | undefined
}

/** For how long a call that has failed elsewhere does not ask a host again that another call did not reach. */
const silentFor = 30_000
/** Figures fade slowly: they are read again after this time, or when something was learned. */
const figuresFor = 60_000

interface Figures {
  readonly host: unknown
  readonly ofModel: unknown
  readonly at: number
  readonly figures: Predictor.Figures
}

/** That it works on at least one call at once is nothing: then the mean of the others tells more. */
const shownBy = ({ hasQueue, parallel }: Predictor.Figures): number | undefined =>
  hasQueue || (parallel !== undefined && parallel > 1) ? parallel : undefined

type Writable = { -readonly [K in keyof HostView]: HostView[K] }

export class Member {
  /** Its address, which is its name. */
  readonly url: string
  /** What occupies a model there. */
  private readonly working = new Set<Work.Work>()
  readonly memory = new Memory()
  readonly models = new Installed()
  readonly sessions = new Sessions()
  /** Who wants to know that it does not answer. */
  readonly losing = new Map<Journal, () => void>()
  /** Places that are held, of all kinds of calls. */
  places = 0
  weight = 1
  priority = 0
  isDraining = false
  /** Since when it does not answer; milliseconds on Clock. */
  downSince: number | undefined
  /** When it answered a call to its end last; milliseconds on Clock. */
  private answeredAt = Number.NEGATIVE_INFINITY
  /** When a call did not reach it last; milliseconds on Clock. */
  unreachedAt = Number.NEGATIVE_INFINITY
  /** Whether it may be a matter of one connection: then it is asked at once. */
  isDoubtful = false
  recoveredAt: number | undefined
  /** Since when it is suspected to be down because another client says so; until it was asked. */
  suspectSince: number | undefined
  /** How many calls of a model other clients have seen it to work on at once. */
  heardParallelism: ReadonlyMap<string, Parallelism.Seen> = new Map()
  /** Milliseconds of calls that are held in the client for it. */
  held = 0
  /** The models in memory as the view has them, unless what calls use of them has changed since. */
  private seenMemory: ReadonlyArray<string> | undefined
  /** Not asked before this moment, whatever the model. */
  private avoidedUntil = 0
  private readonly avoided = new Map<string, number>()
  private readonly shedding = new Shedding()
  private foreign = Foreign.none
  private readonly figures = new Map<string, Figures>()
  /** What was read last of what was learned, for whoever asks for the same again. */
  private lastRead: { readonly learned: Learned.Learned; readonly model: string; readonly figures: Figures } | undefined
  private lastSlowness: { readonly detectors: Learned.Learned["detectors"]; readonly slowness: number } | undefined
  private readonly view: Writable

  constructor(
    readonly server: Server,
    private readonly learned: () => Learned.Learned
  ) {
    this.url = server.host.address.url
    this.view = { ...empty, host: this.url }
  }

  get work(): ReadonlySet<Work.Work> {
    return this.working
  }

  begins(work: Work.Work): void {
    this.working.add(work)
    this.seenMemory = undefined
  }

  ends(work: Work.Work): void {
    this.working.delete(work)
    this.seenMemory = undefined
  }

  /** What was learned of a model there. */
  figuresOf(model: string, now: number): Predictor.Figures {
    const learned = this.learned()
    const last = this.lastRead
    if (last?.learned === learned && last.model === model && now - last.figures.at < figuresFor) {
      return last.figures.figures
    }
    const figures = this.read(learned, model, now)
    this.lastRead = { learned, model, figures }
    return figures.figures
  }

  private read({ predictor }: Learned.Learned, model: string, now: number): Figures {
    const host = Object.hasOwn(predictor.hosts, this.url) ? predictor.hosts[this.url] : undefined
    const ofModel = Object.hasOwn(predictor.models, model) ? predictor.models[model] : undefined
    const known = this.figures.get(model)
    if (known !== undefined && known.host === host && known.ofModel === ofModel && now - known.at < figuresFor) {
      return known
    }
    const figures: Figures = {
      host,
      ofModel,
      at: now,
      figures: Predictor.figures(predictor, { host: this.url, model, at: now })
    }
    limited(this.figures, model, figures)
    return figures
  }

  /** How many calls of a model it works on at once, as far as that was seen. */
  parallelism(model: string, now: number): number | undefined {
    const { others, own } = this.server.guards.look(model, now)
    return this.atOnce(model, own, others) ?? shownBy(this.figuresOf(model, now))
  }

  private atOnce(
    model: string | undefined,
    own: Parallelism.Seen | undefined,
    others: Iterable<Parallelism.Seen>
  ): number | undefined {
    const heard = model === undefined ? undefined : this.heardParallelism.get(model)
    return Parallelism.of(Parallelism.better(own, heard), others)
  }

  /** How many times slower it seems than what was learned of it. */
  slowness(): number {
    const all = this.learned().detectors
    if (this.lastSlowness?.detectors === all) return this.lastSlowness.slowness
    const detectors = Object.hasOwn(all, this.url) ? all[this.url] : undefined
    let slowest = 1
    for (const state of [detectors?.prompt, detectors?.generating]) {
      const factor = state === undefined ? undefined : Detector.factor(state)
      if (factor !== undefined && factor > slowest) slowest = factor
    }
    this.lastSlowness = { detectors: all, slowness: slowest }
    return slowest
  }

  /** What it has installed, by its own word, and how large that is. */
  installed(sizes: ReadonlyMap<string, number>, now: number): void {
    this.models.listed(sizes.keys(), now)
    this.memory.installed(sizes)
  }

  /** It does not answer, and a call has found so not long ago. */
  isSilent(now: number): boolean {
    return this.downSince !== undefined && now - this.unreachedAt < silentFor
  }

  /** It had too much to do for a call. */
  shed(model: string | undefined, now: number, atLeast: number): void {
    const pause = this.shedding.shed(model, now)
    this.avoid(pause.model, now + Math.max(pause.millis, atLeast))
  }

  /** It refuses calls, of a model or all, and had better be left alone for a while. */
  avoid(model: string | undefined, until: number): void {
    if (model === undefined) this.avoidedUntil = Math.max(this.avoidedUntil, until)
    else limited(this.avoided, model, until)
  }

  /** A call was answered. */
  answered(model: string | undefined, now: number): void {
    this.answeredAt = now
    this.avoidedUntil = 0
    this.shedding.answered(model)
    if (model === undefined) return
    this.avoided.delete(model)
    this.models.has(model)
  }

  /** It does not answer: calls of which nothing has come need not wait for it. */
  lost(): void {
    for (const [journal, listener] of this.losing) {
      const trail = journal.current()
      if (trail?.host === this.url && trail.firstAt === undefined && trail.sentAt !== undefined) listener()
    }
  }

  /** It answers again. */
  recovered(now: number): void {
    this.downSince = undefined
    this.suspectSince = undefined
    this.recoveredAt = now
    // it may have been started anew
    this.sessions.clear()
    this.memory.lost()
  }

  /**
   * A call has ended there.
   *
   * @param waited in the server's queue; milliseconds
   * @param explained how long our own calls should have kept it there
   */
  waited(waited: number, explained: number, now: number): void {
    this.foreign = Foreign.observe(this.foreign, waited, explained, now)
  }

  /** What is left of the queue of other clients; milliseconds. */
  foreignQueue(now: number): number {
    return Foreign.of(this.foreign, now)
  }

  /** It does not answer, or another client says so. */
  private isAway(): boolean {
    return this.downSince !== undefined || this.suspectSince !== undefined
  }

  private blockedBy(model: string | undefined, now: number): void {
    const { view } = this
    const { host, others, own, refusedFor } = this.server.guards.look(model, now)
    view.parallelism = this.atOnce(model, own, others)
    view.blocked = undefined
    view.blockedLeft = 0
    if (this.isDraining || host === "forcedOpen") view.blocked = "closed"
    else if (this.isAway() || host === "open" || host === "halfOpen") view.blocked = "host"
    else if (this.avoidedUntil > now) {
      view.blocked = "host"
      view.blockedLeft = this.avoidedUntil - now
    } else if (refusedFor > 0) {
      view.blocked = "model"
      view.blockedLeft = refusedFor
    } else if (model !== undefined && (this.avoided.get(model) ?? 0) > now) {
      view.blocked = "model"
      view.blockedLeft = (this.avoided.get(model) ?? now) - now
    }
  }

  /** What a load of a model takes, in milliseconds; roughly where nothing was learned. */
  private loadOf(model: string, now: number): number {
    const { gigabytes = rough.gigabytes, loadRate = rough.loadRate } = this.figuresOf(model, now)
    return (1000 * (this.memory.sizes.get(model) ?? gigabytes)) / loadRate
  }

  private isLoadingForCalls(): boolean {
    for (const work of this.working) if (Work.isLoading(work, this.url)) return true
    return false
  }

  private isInUse(model: string): boolean {
    for (const work of this.working) if (work.model === model) return true
    return false
  }

  /** Loads under way, by model: what is left of them, in milliseconds. */
  loads(now: number): ReadonlyMap<string, number> {
    const preloads = this.server.residency.preloads.loads()
    if (preloads.length === 0 && !this.isLoadingForCalls()) return noLoads
    let left: Map<string, number> | undefined
    const loading = (model: string, since: number, load: number): void => {
      left ??= new Map()
      const rest = Math.max(leastLoad, load - (now - since))
      left.set(model, Math.min(rest, left.get(model) ?? rest))
    }
    for (const [model, since] of preloads) loading(model, since, this.loadOf(model, now))
    for (const work of this.working) if (Work.isLoading(work, this.url)) loading(work.model, work.since, work.load)
    return left ?? noLoads
  }

  /** Whether it is not to be asked at this moment. */
  isBlocked(model: string | undefined, now: number): boolean {
    this.blockedBy(model, now)
    return this.view.blocked !== undefined
  }

  /** How it looks now; the same object each time. */
  look({ model, need, session }: Asked, now: number): HostView {
    const { memory, view } = this
    this.blockedBy(model, now)
    const loads = this.loads(now)
    view.weight = this.weight
    view.priority = this.priority
    view.loadingLeft = model === undefined ? 0 : (loads.get(model) ?? 0)
    view.otherLoadsLeft = 0
    for (const [other, left] of loads) if (other !== model) view.otherLoadsLeft += left
    view.residency = this.residencyOf(model, need, loads, now)
    this.lookAtMemory(loads)
    view.capacity = memory.capacity
    if (model === undefined) {
      view.loadRate = view.promptRate = view.generationRate = undefined
    } else {
      const figures = this.figuresOf(model, now)
      view.loadRate = figures.loadRate
      view.promptRate = figures.promptRate
      view.generationRate = figures.generationRate
      view.parallelism ??= shownBy(figures)
    }
    view.workLeft = 0
    const signAt = Work.signAt(this.working, this.url, this.answeredAt)
    for (const work of this.working) view.workLeft += Work.left(work, this.url, signAt, now)
    view.heldWork = this.held
    view.inFlight = this.working.size
    view.foreignQueue = this.foreignQueue(now)
    view.sinceRecovery = this.recoveredAt === undefined ? Number.POSITIVE_INFINITY : now - this.recoveredAt
    view.sessionTokens = model === undefined ? 0 : this.sessions.tokens(model, session)
    view.slowness = this.slowness()
    return view
  }

  residencyOf(
    model: string | undefined,
    need: Residency.Need | undefined,
    loads: ReadonlyMap<string, number>,
    now: number
  ): HostView["residency"] {
    if (model === undefined) return "resident"
    if (this.models.isMissing(model, now)) return "missing"
    // what the cloud answers needs no memory
    if (need === undefined || this.server.host.isCloud) return "resident"
    const standing = this.server.residency.standing(need, now)
    if (standing === "resident") return "resident"
    return loads.has(model) ? "loading" : standing
  }

  private lookAtMemory(loads: ReadonlyMap<string, number>): void {
    const { memory, view } = this
    // the usual case: nothing has changed since the last look
    if (loads.size === 0 && this.seenMemory === memory.models) return
    this.seenMemory = loads.size === 0 ? memory.models : undefined
    const idle: Array<number> = []
    let busy = 0
    for (const model of memory.models) {
      const size = memory.sizes.get(model) ?? 0
      if (this.isInUse(model)) busy += size
      else idle.push(size)
    }
    for (const model of loads.keys()) {
      if (!memory.models.includes(model)) busy += memory.sizes.get(model) ?? rough.gigabytes
    }
    view.idleGigabytes = idle
    view.busyGigabytes = busy
  }
}

/** Where nothing was learned (resilience notes, 5.5). */
const rough = { gigabytes: 5, loadRate: 0.5 }

/** A load that takes longer than it should is not over yet. */
const leastLoad = 500

const noLoads: ReadonlyMap<string, number> = new Map()

const empty: HostView = {
  host: "",
  weight: 1,
  priority: 0,
  blocked: undefined,
  blockedLeft: 0,
  residency: "unknown",
  loadingLeft: 0,
  otherLoadsLeft: 0,
  idleGigabytes: [],
  busyGigabytes: 0,
  capacity: undefined,
  loadRate: undefined,
  promptRate: undefined,
  generationRate: undefined,
  parallelism: undefined,
  workLeft: 0,
  heldWork: 0,
  inFlight: 0,
  foreignQueue: 0,
  sinceRecovery: Number.POSITIVE_INFINITY,
  sessionTokens: 0,
  slowness: 1
}
