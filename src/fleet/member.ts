/** A host of a fleet: what is known of it and what is there, and how that looks to a call that is to be placed. */
import type * as Residency from "../client/residency.js"
import type { Journal } from "../client/journal.js"
import type { Server } from "../client/server.js"
import type * as Learned from "../record/Learned.js"
import type * as Predictor from "../record/Predictor.js"
import { Absence } from "./absence.js"
import { Figures } from "./figures.js"
import { type Filled, isSameNeed } from "./filled.js"
import { Memory } from "./memory.js"
import * as Foreign from "./placement/foreign.js"
import * as Parallelism from "./placement/parallelism.js"
import type { HostView } from "./placement/view.js"
import { Sessions } from "./sessions.js"
import * as Work from "./work.js"
import { Working } from "./working.js"

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

/** Where it says nothing, the mean of the others tells more. */
const shownBy = ({ hasQueue, parallel }: Predictor.Figures): number | undefined =>
  parallel !== undefined && Parallelism.isShown({ hasQueue, parallelism: parallel }) ? parallel : undefined

type Writable = { -readonly [K in keyof HostView]: HostView[K] }

export class Member {
  /** Its address, which is its name. */
  readonly url: string
  private readonly working: Working
  readonly memory = new Memory()
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
  /** When a call did not reach it last; milliseconds on Clock. */
  unreachedAt = Number.NEGATIVE_INFINITY
  /** Whether it may be a matter of one connection: then it is asked at once. */
  isDoubtful = false
  recoveredAt: number | undefined
  /** Since when it is suspected to be down because another client says so; until it was asked. */
  suspectSince: number | undefined
  readonly absence = new Absence()
  private readonly figures: Figures
  private parallelismHeard: ReadonlyMap<string, Parallelism.Seen> = new Map()
  /** Counts what changes of what this object holds itself. */
  private changes = 0
  /** What the view was filled with, and for how long that holds. */
  private filled: Filled | undefined
  /** Milliseconds of calls that are held in the client for it. */
  held = 0
  /** The models in memory as the view has them, unless what calls use of them has changed since. */
  private seenMemory: ReadonlyArray<string> | undefined
  private foreign = Foreign.none
  private readonly view: Writable

  constructor(
    readonly server: Server,
    learned: () => Learned.Learned
  ) {
    this.url = server.host.address.url
    this.working = new Working(this.url)
    this.figures = new Figures(this.url, learned)
    this.view = { ...empty, host: this.url }
  }

  /** What occupies a model there. */
  get work(): ReadonlySet<Work.Work> {
    return this.working.all
  }

  begins(work: Work.Work): void {
    this.working.begins(work)
    this.seenMemory = undefined
  }

  ends(work: Work.Work): void {
    this.working.ends(work)
    this.seenMemory = undefined
  }

  /** What was learned of a model there. */
  figuresOf(model: string, now: number): Predictor.Figures {
    return this.figures.of(model, now)
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
    return this.figures.slowness()
  }

  /** How many calls of a model other clients have seen it to work on at once. */
  get heardParallelism(): ReadonlyMap<string, Parallelism.Seen> {
    return this.parallelismHeard
  }

  set heardParallelism(heard: ReadonlyMap<string, Parallelism.Seen>) {
    this.parallelismHeard = heard
    this.changes++
  }

  /** What it has installed, by its own word, and how large that is; the other models it lacks. */
  installed(sizes: ReadonlyMap<string, number>, now: number): void {
    this.absence.installed(sizes.keys(), now)
    this.memory.installed(sizes)
  }

  /** A call was answered. */
  answered(model: string | undefined, now: number): void {
    this.working.answered(now)
    this.absence.answered(model)
  }

  /** It does not answer, and a call has found so not long ago. */
  isSilent(now: number): boolean {
    return this.downSince !== undefined && now - this.unreachedAt < silentFor
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

  /** @returns until when that holds at most, unless something changes */
  private blockedBy(model: string | undefined, now: number): number {
    const { absence, view } = this
    const { host, isSteady, others, own, refusedFor } = this.server.guards.look(model, now)
    view.parallelism = this.atOnce(model, own, others)
    view.blocked = undefined
    view.blockedLeft = 0
    if (this.isDraining || host === "forcedOpen") view.blocked = "closed"
    else if (this.isAway() || host === "open" || host === "halfOpen") view.blocked = "host"
    else if (absence.avoidedLeft(now) > 0) {
      view.blocked = "host"
      view.blockedLeft = absence.avoidedLeft(now)
    } else if (refusedFor > 0) {
      view.blocked = "model"
      view.blockedLeft = refusedFor
    } else if (absence.avoidedLeftOf(model, now) > 0) {
      view.blocked = "model"
      view.blockedLeft = absence.avoidedLeftOf(model, now)
    }
    return isSteady && view.blockedLeft === 0 ? Number.POSITIVE_INFINITY : now
  }

  /** What a load of a model takes, in milliseconds; roughly where nothing was learned. */
  private loadOf(model: string, now: number): number {
    const { gigabytes = rough.gigabytes, loadRate = rough.loadRate } = this.figuresOf(model, now)
    return (1000 * (this.memory.sizes.get(model) ?? gigabytes)) / loadRate
  }

  /** Loads under way, by model: what is left of them, in milliseconds. */
  loads(now: number): ReadonlyMap<string, number> {
    const preloads = this.server.residency.preloads.loads()
    if (preloads.length === 0 && !this.working.isLoading()) return noLoads
    let left: Map<string, number> | undefined
    const loading = (model: string, since: number, load: number): void => {
      left ??= new Map()
      const rest = Math.max(leastLoad, load - (now - since))
      left.set(model, Math.min(rest, left.get(model) ?? rest))
    }
    for (const [model, since] of preloads) loading(model, since, this.loadOf(model, now))
    for (const work of this.working.all) if (Work.isLoading(work, this.url)) loading(work.model, work.since, work.load)
    return left ?? noLoads
  }

  /** Whether it is not to be asked at this moment. */
  isBlocked(model: string | undefined, now: number): boolean {
    this.filled = undefined
    this.blockedBy(model, now)
    return this.view.blocked !== undefined
  }

  /** How it looks now; the same object each time. */
  look(asked: Asked, now: number): HostView {
    const { view } = this
    const { left } = this.stillFilled(asked, now) ?? this.fill(asked, now)
    // what changes without a word, or often
    view.weight = this.weight
    view.priority = this.priority
    view.heldWork = this.held
    view.workLeft = left.constant + left.slope * now
    view.foreignQueue = this.foreignQueue(now)
    view.sinceRecovery = this.recoveredAt === undefined ? Number.POSITIVE_INFINITY : now - this.recoveredAt
    view.sessionTokens = asked.model === undefined ? 0 : this.sessions.tokens(asked.model, asked.session)
    return view
  }

  /** Looks at everything again, whatever was seen before. */
  lookAnew(asked: Asked, now: number): HostView {
    this.filled = undefined
    this.seenMemory = undefined
    return this.look(asked, now)
  }

  /** What the view was filled with, where it would be filled with the same now. */
  private stillFilled({ model, need }: Asked, now: number): Filled | undefined {
    const { filled } = this
    if (filled === undefined || now >= filled.until || now < filled.at) return undefined
    if (filled.model !== model || !isSameNeed(filled.need, need)) return undefined
    if (filled.state !== this.state() || filled.outside !== this.outside()) return undefined
    const learned = this.figures.learned()
    if (filled.learned === learned) return filled
    const { detectors, host } = this.figures.ofHost(learned)
    if (filled.ofHost !== host || filled.detectors !== detectors) return undefined
    filled.learned = learned
    return filled
  }

  private outside(): number {
    return this.server.host.changes + this.memory.changes + this.absence.changes
  }

  /** What this object holds itself, in one figure. */
  private state(): number {
    return 8 * (this.changes + this.working.changes) + (this.isDraining ? 4 : 0) + (this.isAway() ? 2 : 0)
  }

  private fill({ model, need }: Asked, now: number): Filled {
    const { memory, view } = this
    let until = this.blockedBy(model, now)
    const loads = this.loads(now)
    if (loads.size > 0) until = now
    view.loadingLeft = model === undefined ? 0 : (loads.get(model) ?? 0)
    view.otherLoadsLeft = 0
    for (const [other, left] of loads) if (other !== model) view.otherLoadsLeft += left
    view.residency = this.residencyOf(model, need, loads, now)
    if (need !== undefined) until = Math.min(until, this.server.residency.standingUntil(need))
    if (model !== undefined && view.residency === "missing") {
      until = Math.min(until, this.absence.missingUntil(model))
    }
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
      until = Math.min(until, this.figures.until(model, now))
    }
    view.inFlight = this.working.all.size
    view.slowness = this.slowness()
    const learned = this.figures.learned()
    const { detectors, host } = this.figures.ofHost(learned)
    const left = this.working.left(now)
    const filled: Filled = {
      model,
      need,
      at: now,
      until: Math.min(until, left.until),
      state: this.state(),
      left,
      outside: this.outside(),
      learned,
      ofHost: host,
      detectors
    }
    this.filled = filled
    return filled
  }

  residencyOf(
    model: string | undefined,
    need: Residency.Need | undefined,
    loads: ReadonlyMap<string, number>,
    now: number
  ): HostView["residency"] {
    if (model === undefined) return "resident"
    if (this.absence.isMissing(model, now)) return "missing"
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
      if (this.working.uses(model)) busy += size
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
