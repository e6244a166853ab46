/** One attempt of a call as it goes on, in a few numbers, from which the call's record is made. */
import type * as OllamaError from "../OllamaError.js"
import * as Tracing from "./tracing.js"
import type { Traced } from "./tracing.js"

/** What has come of an answer, as its reader counts it. */
export interface Came {
  /** Bytes of the body. */
  readonly bytes: number
  /** Values. */
  readonly values: number
}

/** The reader of an answer that comes. */
export interface Coming {
  readonly came: () => Came
  /** Since when somebody waits for the next value; milliseconds on Clock. */
  readonly silentSince: () => number | undefined
}

/** The call that an attempt is of. */
export interface Owner {
  readonly first: (now: number) => void
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
  /** Calls of this client at the host for the model when it was let through, itself included; where they are counted. */
  inFlight: number | undefined
  /** The most of them at once since then. */
  mostInFlight: (() => number) | undefined
  /** Whether the model was in memory when the request was sent; undefined where nobody knew. */
  wasResident: boolean | undefined
  /** Whether the model is not in this server's memory at all: the cloud answers. */
  isElsewhere = false
  /** The options that differ from those that the model was in memory with. */
  changed: ReadonlyArray<string> = none
  private coming: Coming | undefined
  private awaits: OllamaError.Phase = "response"
  private final: Came = nothing

  /**
   * @param traced the span of the attempt
   * @param owner learns of the first value
   */
  constructor(
    readonly startedAt: number,
    readonly host: string,
    readonly model: string | undefined,
    readonly traced?: Traced | undefined,
    private readonly owner?: Owner
  ) {
    this.since = startedAt
  }

  enter(stage: OllamaError.Phase, now: number): void {
    this.queued = this.queuedBy(now)
    this.loaded = this.loadedBy(now)
    this.stage = stage
    this.since = now
  }

  /**
   * Its request goes out now.
   *
   * @param isTold whether the transport tells when there is a connection
   */
  send(stage: OllamaError.Phase, now: number, bytes: number, coming: Coming, isTold: boolean): void {
    this.enter(isTold ? "connect" : stage, now)
    this.awaits = stage
    this.sentAt = now
    this.sent += bytes
    this.coming = coming
  }

  /** There is a connection. Whether that is news. */
  connected(now: number): boolean {
    if (this.sentAt === undefined || this.connecting !== undefined) return false
    this.connecting = now - this.sentAt
    if (this.stage === "connect") this.enter(this.awaits, now)
    return true
  }

  /** It is something else that the first value is waited for. */
  await(stage: OllamaError.Phase): void {
    if (this.stage === this.awaits) this.stage = stage
    this.awaits = stage
  }

  /** The first value came. */
  first(now: number, isOnly: boolean): void {
    this.firstAt = now
    if (this.stage === "connect") this.enter(this.awaits, now)
    // an answer of one value has no gaps
    if (!isOnly) this.enter("gap", now)
    this.owner?.first(now)
  }

  /** Nothing more comes of it. */
  end(now: number, outcome: OllamaError.OllamaError | "success" | "left"): void {
    if (this.endedAt !== undefined) return
    this.enter(this.stage, now)
    this.endedAt = now
    this.final = this.came()
    this.coming = undefined
    // only the transport knows that there was no connection
    if (typeof outcome !== "string" && outcome.phase === "connect") this.stage = outcome.phase
    if (this.traced === undefined) return
    const status = this.status === undefined ? {} : { "http.response.status_code": this.status }
    // it may have waited for a permit or a load in vain
    const isSent = this.sentAt !== undefined
    Tracing.end(this.traced, outcome, { ...status, "ollama.sent": isSent, "ollama.bytes.received": this.final.bytes })
  }

  came(): Came {
    return this.coming === undefined ? this.final : this.coming.came()
  }

  /** Since when somebody waits for the next value; nothing while its consumer does something else. */
  silentSince(): number | undefined {
    return this.coming?.silentSince()
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

const none: ReadonlyArray<string> = []
const nothing: Came = { bytes: 0, values: 0 }
