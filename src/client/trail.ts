/** One attempt of a call as it goes on, in a few numbers, from which the call's record is made. */
import type * as OllamaError from "../OllamaError.js"

/** What has come of an answer, as its reader counts it. */
export interface Came {
  /** Bytes of the body. */
  readonly bytes: number
  /** Values. */
  readonly values: number
}

/** Milliseconds on Clock, and of it. */
export class Trail {
  /** What the attempt is in, and since when. */
  stage: OllamaError.Phase = "prepare"
  since: number
  /** In the client's queue, for a permit. */
  queued = 0
  /** For a load that is the client's own. */
  loaded = 0
  /** Until there was a connection; where the transport tells. */
  connecting: number | undefined
  sentAt: number | undefined
  firstAt: number | undefined
  endedAt: number | undefined
  status: number | undefined
  /** Bytes of the request that were sent. */
  sent = 0
  /** The last value of the answer. */
  last: unknown
  private live: (() => Came) | undefined
  private final: Came = nothing

  /** @param onFirst learns of the first value */
  constructor(
    readonly startedAt: number,
    readonly host: string,
    readonly model: string | undefined,
    private readonly onFirst?: (now: number) => void
  ) {
    this.since = startedAt
  }

  enter(stage: OllamaError.Phase, now: number): void {
    this.queued = this.queuedBy(now)
    this.loaded = this.loadedBy(now)
    this.stage = stage
    this.since = now
  }

  /** Its request goes out now. */
  send(stage: OllamaError.Phase, now: number, bytes: number, live: () => Came): void {
    this.enter(stage, now)
    this.sentAt = now
    this.sent += bytes
    this.live = live
  }

  /** The first value came. */
  first(now: number, isOnly: boolean): void {
    this.firstAt = now
    // an answer of one value has no gaps
    if (!isOnly) this.enter("gap", now)
    this.onFirst?.(now)
  }

  /** Nothing more comes of it. */
  end(now: number): void {
    if (this.endedAt === undefined) this.enter(this.stage, now)
    this.endedAt ??= now
    this.final = this.came()
    this.live = undefined
  }

  /** It ends with a failure. */
  fail(phase: OllamaError.Phase, now: number): void {
    this.end(now)
    // only the transport knows that there was no connection
    if (phase === "connect") this.stage = phase
  }

  came(): Came {
    return this.live === undefined ? this.final : this.live()
  }

  queuedBy(now: number): number {
    return this.stage === "queue" ? this.queued + this.sinceThen(now) : this.queued
  }

  loadedBy(now: number): number {
    return this.stage === "load" && this.sentAt === undefined ? this.loaded + this.sinceThen(now) : this.loaded
  }

  private sinceThen(now: number): number {
    return (this.endedAt ?? now) - this.since
  }
}

const nothing: Came = { bytes: 0, values: 0 }
