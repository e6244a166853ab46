/**
 * A call as it goes on: its attempts, the waits between them, and what was decided. Writing it costs a few assignments;
 * what is told of it is made only where somebody wants it.
 */
import * as Duration from "effect/Duration"
import type { Endpoint, Kind } from "../internal/endpoint.js"
import type { Host } from "../internal/host.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import type { CallInfo } from "../record/CallEvent.js"
import type { Decision } from "../record/CallRecord.js"
import type * as Timeouts from "../policy/Timeouts.js"
import type { Hub } from "./hub.js"
import * as Tracing from "./tracing.js"
import type { Traced } from "./tracing.js"
import { Trail } from "./trail.js"

/** For what a call waits in the client, outside of an attempt: for its host, for its turn, or for room at any of several. */
export type Hold = "offline" | "backoff" | "place"

/** What is known of a call before it is sent. */
export interface Facts extends Timeouts.Request {
  readonly kind: Kind
  /** The most tokens of its answer. */
  readonly answerLimit: number | undefined
  readonly session: string | undefined
}

const none: ReadonlyArray<Decision> = []
const notHeld: Readonly<Record<Hold, number>> = { offline: 0, backoff: 0, place: 0 }

export class Journal {
  readonly id: number
  trails: ReadonlyArray<Trail> = []
  /** Milliseconds waited between attempts. */
  private held = notHeld
  isSlow = false
  isOver = false
  traced: Traced | undefined
  /** What watches whether it becomes slow. */
  watched: Watchdog.Entry | undefined
  private hasBegun = false
  private hold: { readonly why: Hold; readonly at: number } | undefined
  private winner: Trail | undefined
  private decided: Array<Decision> | undefined

  constructor(
    readonly hub: Hub,
    readonly about: Omit<CallInfo, "id">,
    readonly facts: Facts
  ) {
    this.id = hub.nextId()
  }

  get info(): CallInfo {
    return { id: this.id, ...this.about }
  }

  /** The same, with the host that it is at now. */
  get whereabouts(): CallInfo {
    return { ...this.info, host: this.current()?.host ?? this.host }
  }

  /** The host that was asked first; before one was, what the call was made for. */
  get host(): string {
    return this.trails[0]?.host ?? this.about.host
  }

  get decisions(): ReadonlyArray<Decision> {
    return this.decided ?? none
  }

  /** An attempt begins, at the endpoint of this host. */
  attempt(now: number, endpoint: Endpoint, host: Host, model: string | undefined): Trail {
    this.go(now)
    const traced = Tracing.attempt(this.traced, endpoint, host, model, this.trails.length)
    const trail = new Trail(now, host.address.url, model, traced, this)
    // an array that was pushed to has room for sixteen more
    this.trails = [...this.trails, trail]
    return trail
  }

  /** The first value came, of any attempt. */
  first(now: number): void {
    if (this.hasBegun) return
    this.hasBegun = true
    if (this.traced !== undefined && this.facts.kind === "generation") Tracing.event(this.traced, "ollama.first_token")
    if (!this.hub.isHeard()) return
    this.hub.tell({ _tag: "FirstToken", call: this.info, after: Duration.millis(now - this.about.startedAt) })
  }

  /** This attempt is the one whose answer is used. */
  won(trail: Trail): void {
    this.winner = trail
  }

  /** A wait between attempts begins. */
  wait(why: Hold, now: number): void {
    this.go(now)
    this.hold = { why, at: now }
  }

  /** It is over. */
  go(now: number): void {
    if (this.hold === undefined) return
    this.held = this.heldFor(now)
    this.hold = undefined
  }

  /** Milliseconds waited between attempts so far. */
  heldFor(now: number): Readonly<Record<Hold, number>> {
    if (this.hold === undefined) return this.held
    const { at, why } = this.hold
    return { ...this.held, [why]: this.held[why] + (now - at) }
  }

  heldBy(now: number): number {
    const { backoff, offline, place } = this.heldFor(now)
    return backoff + offline + place
  }

  decide(what: Decision["what"], why: string, now: number): void {
    const decision: Decision = { what, at: Duration.millis(now - this.about.startedAt), why }
    ;(this.decided ??= []).push(decision)
    if (this.hub.isHeard()) this.hub.tell({ _tag: "Decided", call: this.info, decision })
  }

  /** The attempt that the call is in; nothing while it waits for another one. */
  current(): Trail | undefined {
    if (this.winner !== undefined) return this.winner
    if (this.hold !== undefined) return undefined
    if (this.trails.length === 1) return this.trails[0]
    return this.trails.findLast((trail) => trail.endedAt === undefined) ?? this.trails.at(-1)
  }

  /** The phase that it is in, and since when. */
  phase(): { readonly phase: OllamaError.Phase; readonly since: number } {
    if (this.hold !== undefined) return { phase: "queue", since: this.hold.at }
    const trail = this.current()
    return trail === undefined
      ? { phase: this.held.place > 0 ? "queue" : "prepare", since: this.about.startedAt }
      : { phase: trail.stage, since: trail.since }
  }
}
