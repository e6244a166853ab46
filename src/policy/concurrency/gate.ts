/** What gives out permits, and to whom first: synchronous steps, no Effects. */
import * as Duration from "effect/Duration"
import { limitOf, learn, nothingLearned, type Learning, type Sample } from "./learning.js"
import { Peaks } from "./peaks.js"
import { laneOf, priorities, Queue, type Place, type Priority } from "./queue.js"
import * as Refusal from "./refusal.js"
import type { Concurrency } from "./value.js"

/**
 * What a permit is asked for with. `deadline` is in milliseconds on Clock: the call has to be over then.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ask {
  /** By default `normal`. */
  readonly priority?: Priority | undefined
  readonly deadline?: number | undefined
}

/**
 * The right to have one call at the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Permit {
  readonly _tag: "Permit"
  /** Calls in flight when it was granted, itself included. */
  readonly inFlight: number
  /** The most that were in flight at once since then, until it was given back. */
  readonly mostInFlight: () => number
  /** Gives it back, with what the answer showed, if it showed something; only the first release counts. */
  readonly release: (now: number, sample?: Sample) => void
}

/** A call that waits. */
export interface Waiter extends Place {
  readonly priority: Priority
  readonly grant: (permit: Permit) => void
  readonly refuse: (refusal: Refusal.Refusal) => void
}

const none = Number.POSITIVE_INFINITY

export const deadlineOf = (ask: Ask | undefined): number => {
  const deadline = ask?.deadline
  return deadline !== undefined && deadline < none ? deadline : none
}

export const waiterOf = (ask: Ask | undefined, ends: Pick<Waiter, "grant" | "refuse">): Waiter => {
  const priority = ask?.priority ?? "normal"
  const deadline = deadlineOf(ask)
  return { ...ends, priority, deadline, lane: laneOf(priority, deadline), position: 0, arrival: 0 }
}

/** The permits of one model at one server. */
export class Gate {
  readonly queue = new Queue<Waiter>()
  learning: Learning = nothingLearned
  inFlight = 0
  private readonly peaks = new Peaks()
  private limit: number
  /** For each priority since when the wait has been above the target. */
  private readonly aboveSince: Array<number | undefined> = priorities.map(() => undefined)

  constructor(
    private value: Concurrency,
    private readonly name: string | undefined,
    private readonly weight: ((now: number) => number) | undefined,
    private readonly onLearn?: () => void
  ) {
    this.limit = this.unweighted()
  }

  private unweighted(): number {
    return this.value.limit === "learned" ? limitOf(this.learning) : this.value.limit
  }

  /** The share of the limit that may be used. */
  weightAt(now: number): number {
    return this.weight === undefined ? 1 : this.weight(now)
  }

  limitAt(now: number): number {
    const weight = this.weightAt(now)
    if (weight >= 1) return this.limit
    // a share of no limit is one of what is known to be worked on
    const whole = this.limit === none ? Math.max(2, this.learning.parallelism + 1) : this.limit
    return Math.max(1, Math.floor(weight * whole))
  }

  hasRoom(now: number): boolean {
    return this.queue.size === 0 && this.inFlight < this.limitAt(now)
  }

  /** A permit, a refusal, or undefined: it has to wait. */
  tryAcquire(now: number, ask: Ask | undefined): Permit | Refusal.Refusal | undefined {
    // a weight grows without a word
    if (this.queue.size > 0) this.handOver(now)
    return this.hasRoom(now) ? this.grant() : this.refusalOf(now, ask)
  }

  private grant(): Permit {
    const inFlight = ++this.inFlight
    const place = this.peaks.add(inFlight)
    // known once it is given back
    let most: number | undefined
    return {
      _tag: "Permit",
      inFlight,
      mostInFlight: () => most ?? this.peaks.since(place),
      release: (now, sample) => {
        if (most !== undefined) return
        most = this.peaks.since(place)
        this.inFlight--
        if (sample !== undefined) this.learn(sample)
        this.handOver(now)
      }
    }
  }

  private learn(sample: Sample): void {
    this.learning = learn(this.learning, sample)
    this.limit = this.unweighted()
    this.onLearn?.()
  }

  sample(now: number, sample: Sample): void {
    this.learn(sample)
    this.handOver(now)
  }

  retune(now: number, value: Concurrency): void {
    this.value = value
    this.limit = this.unweighted()
    if (value.admission === "off") this.aboveSince.fill(undefined)
    this.handOver(now)
  }

  /** Waits; when the queue is full, in the place of the last call of a lower priority, which is refused. */
  enqueue(now: number, waiter: Waiter): void {
    if (this.isFull()) {
      const last = this.queue.last()
      if (last !== undefined) {
        const refusal = this.refusal(now, "pushedOut", last.lane, last.deadline)
        this.queue.remove(last)
        last.refuse(refusal)
      }
    }
    this.queue.push(waiter)
    this.watchTarget(now)
  }

  /** Who waits, waits no more. */
  leave(now: number, waiter: Waiter): void {
    this.queue.remove(waiter)
    this.watchTarget(now)
  }

  /** Gives what is free to those whose turn it is. */
  handOver(now: number): void {
    while (this.queue.size > 0 && this.inFlight < this.limitAt(now)) this.queue.pop()?.grant(this.grant())
    this.watchTarget(now)
  }

  private isFull(): boolean {
    return this.value.queue !== "unbounded" && this.queue.size >= this.value.queue
  }

  private refusalOf(now: number, ask: Ask | undefined): Refusal.Refusal | undefined {
    const priority = ask?.priority ?? "normal"
    const deadline = deadlineOf(ask)
    const lane = laneOf(priority, deadline)
    const reason = this.isLate(now, priority, lane, deadline)
    if (reason !== undefined) return this.refusal(now, reason, lane, deadline)
    if (!this.isFull()) return undefined
    const last = this.queue.last()
    return last !== undefined && priorities.indexOf(last.priority) > priorities.indexOf(priority)
      ? undefined
      : this.refusal(now, "queueFull", lane, deadline)
  }

  private isLate(
    now: number,
    priority: Priority,
    lane: number,
    deadline: number
  ): Refusal.Refusal["reason"] | undefined {
    const { admission } = this.value
    if (admission === "off") return undefined
    if (deadline < none) return (this.predictedWait(now, lane, deadline) ?? 0) > deadline - now ? "deadline" : undefined
    this.watchTarget(now)
    const since = this.aboveSince[priorities.indexOf(priority)]
    return since !== undefined && now - since >= Duration.toMillis(admission.interval) ? "target" : undefined
  }

  private refusal(now: number, reason: Refusal.Refusal["reason"], lane: number, deadline: number): Refusal.Refusal {
    return Refusal.make({
      reason,
      predictedWait: this.predictedWait(now, lane, deadline),
      waiting: this.queue.size,
      remaining: deadline - now,
      name: this.name
    })
  }

  /**
   * How long a call that came now would wait, in milliseconds: those before it, at the pace at which calls end. Without
   * load times, which would keep a cold model from ever being loaded.
   */
  private predictedWait(now: number, lane: number, deadline: number): number | undefined {
    const { hasQueue, parallelism, serviceSeconds } = this.learning
    if (serviceSeconds === undefined) return undefined
    const atOnce = Math.min(this.limitAt(now), hasQueue ? parallelism : none)
    return (this.queue.ahead(lane, deadline) / atOnce) * serviceSeconds * 1000
  }

  /** Notes for each priority since when the wait is too long; whenever anything changes it. */
  private watchTarget(now: number): void {
    const { admission } = this.value
    if (admission === "off") return
    if (this.queue.size === 0) return void this.aboveSince.fill(undefined)
    const target = Duration.toMillis(admission.target)
    priorities.forEach((priority, i) => {
      const wait = this.predictedWait(now, laneOf(priority, none), none) ?? 0
      this.aboveSince[i] = wait > target ? (this.aboveSince[i] ?? now) : undefined
    })
  }
}
