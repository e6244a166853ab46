/** An attempt that was sent: what its answer, its clocks and its transport tell of it comes together here. */
import type * as Clock from "effect/Clock"
import * as EffectContext from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type * as Codec from "../internal/codec.js"
import { Connected } from "../internal/connected.js"
import * as Context from "../internal/context.js"
import type { Endpoint } from "../internal/endpoint.js"
import * as Reader from "../internal/reader.js"
import * as Wire from "../internal/wire.js"
import type * as OllamaError from "../OllamaError.js"
import type { Options, Plan, Won } from "./attempt.js"
import * as Clocks from "./clocks.js"
import * as Residency from "./residency.js"
import * as Timing from "./timing.js"
import type { Trail } from "./trail.js"

/** How long a complete answer may take to close its connection, before it is closed for it. */
const drainLimit = Duration.seconds(1)

/** Failures after which a model that was in memory need not be there any more. */
const mayHaveLost = (error: OllamaError.OllamaError): boolean =>
  error._tag === "Unreachable" ||
  error._tag === "LoadFailed" ||
  error._tag === "StreamInterrupted" ||
  (error._tag === "ServerError" && error.crashed)

export class Going<A, Response> implements Won<A, Response>, Wire.Answer<A>, Reader.Watch {
  readonly endpoint: Endpoint
  readonly hasModel: boolean
  readonly folded: boolean
  readonly codec: Codec.Codec<A, Response>
  readonly reader: Reader.Reader<A>
  readonly gap: number | undefined
  readonly ahead: number | undefined
  readonly attempt: Context.Attempt
  private readonly need: Residency.Need | undefined
  status = 0
  isStream = false
  private starting: Clocks.First
  private known: Residency.Residency | undefined
  private failure: OllamaError.OllamaError | undefined
  private last: A | undefined
  private isComplete = false
  private sender: Fiber.RuntimeFiber<void> | undefined
  private scope: Scope.CloseableScope | undefined

  constructor(
    plan: Plan<A, Response>,
    private readonly options: Options,
    private readonly clock: Clock.Clock,
    residency: Residency.Residency
  ) {
    const { call, limits, trail } = options
    const { endpoint, need } = plan
    this.endpoint = endpoint
    this.hasModel = plan.model !== undefined
    this.folded = plan.folded
    this.need = need
    this.starting = Clocks.first(plan, limits, residency)
    // a request to load is on the load clock, whatever is in memory
    const isWatched = need !== undefined && endpoint.kind !== "load"
    this.known = isWatched ? residency : undefined
    this.ahead = isWatched ? Residency.patience : undefined
    const codec = plan.codec(() => this.status)
    this.codec = codec
    this.gap = codec.whole ? undefined : limits.gap
    this.attempt = new Context.Attempt(call, clock, options.earlier, this.starting.phase, this)
    this.reader = new Reader.Reader(
      clock,
      new Wire.Wire(this.attempt, codec, this),
      codec.whole ? Wire.wholeLimit(endpoint) : options.lineLimit,
      options.host.soon
    )
    this.reader.watch(this)
    plan.onTouch?.((bytes) => {
      trail.sent += bytes
      this.reader.touch()
    })
    trail.wasResident = need === undefined || residency === "unknown" ? undefined : residency === "resident"
    trail.isElsewhere = need === undefined
  }

  get trail(): Trail {
    return this.options.trail
  }

  get earlier(): ReadonlyArray<OllamaError.Attempt> {
    return this.options.earlier
  }

  get first(): number | undefined {
    return this.starting.limit
  }

  /** What it waits for first. */
  get phase(): OllamaError.Phase {
    return this.starting.phase
  }

  get deadline(): number | undefined {
    return this.options.deadline
  }

  outcome(): OllamaError.OllamaError | "success" | "left" {
    return this.isComplete ? "success" : (this.failure ?? "left")
  }

  timing(): Timing.Timing | undefined {
    return Timing.of(this.last)
  }

  partial(): OllamaError.Partial | undefined {
    return this.codec.whole ? undefined : this.codec.fold.partial()
  }

  /** A failure was made of it. */
  failed(error: OllamaError.OllamaError): void {
    const { host, residency } = this.options
    this.failure ??= error
    if (error._tag === "Unreachable") host.contact = { at: this.clock.unsafeCurrentTimeMillis(), answered: false }
    if (this.need !== undefined && mayHaveLost(error)) residency.forget(this.need.model)
  }

  head(status: number, isStream: boolean): void {
    this.status = status
    this.isStream = isStream
    this.trail.status = status
    this.options.host.contact = { at: this.clock.unsafeCurrentTimeMillis(), answered: true }
  }

  seen(value: A, isLast: boolean): void {
    const { host, residency, trail } = this.options
    const now = this.clock.unsafeCurrentTimeMillis()
    if (isLast) {
      this.last = value
      trail.last = value
      this.isComplete = true
    }
    if (trail.firstAt === undefined) {
      trail.first(now, this.codec.whole)
      host.changes++
    }
    if (this.need !== undefined) residency.seen(this.need, now)
  }

  /** The clock until the first value begins when there is a connection, where that is told. */
  private isConnecting(): boolean {
    return this.options.host.telling?.mayQueue === false && this.trail.connecting === undefined && this.status === 0
  }

  spare(): number {
    return this.isConnecting() ? (this.options.host.connectLimit ?? 0) : 0
  }

  connected(): void {
    if (this.trail.connected(this.clock.unsafeCurrentTimeMillis())) this.reader.touch()
  }

  near(): Effect.Effect<void> {
    const { limits, residency, trail } = this.options
    const { need } = this
    if (need === undefined) return Effect.void
    if (this.phase === "load") {
      return Effect.map(residency.of(need), (now) => {
        this.known = now
      })
    }
    return Effect.map(residency.isListed(need), (now) => {
      if (now !== "absent") return
      // put out of memory meanwhile: the server loads it for this request
      this.known = now
      this.starting = Clocks.cold(limits)
      if (this.attempt.stage === "firstToken") {
        this.attempt.stage = this.phase
        trail.await(this.phase)
      }
    })
  }

  expired(which: "first" | "gap" | "total"): OllamaError.OllamaError {
    const { limits } = this.options
    return Clocks.timeout(this.attempt, {
      ...(which === "total"
        ? { phase: "total", limit: limits.total ?? 0 }
        : which === "gap"
          ? { phase: "gap", limit: this.gap ?? 0 }
          : this.isConnecting()
            ? { phase: "connect", limit: (this.first ?? 0) + this.spare() }
            : Clocks.firstExpiry(this.starting, this.known)),
      status: this.status === 0 ? undefined : this.status
    })
  }

  private isWatched(): boolean {
    return this.first !== undefined || this.gap !== undefined || this.deadline !== undefined
  }

  /**
   * Sends in a fiber of its own, and begins to watch.
   *
   * @param size of what is sent at once, in bytes
   */
  open(sending: Effect.Effect<void, never, Scope.Scope>, size: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { alongside, host, trail, watchdog } = this.options
      trail.send(this.phase, this.clock.unsafeCurrentTimeMillis(), size, this.reader, host.telling !== undefined)
      const opened = Effect.flatMap(Scope.make(), (scope) => {
        this.scope = scope
        const sent = Effect.map(Effect.interruptible(this.within(sending, scope)), () => {
          this.sender = undefined
        })
        return Effect.flatMap(Effect.forkDaemon(sent), (fiber) => {
          this.sender = fiber
          return this.isWatched() ? watchdog.add(this.clock, this.reader) : Effect.void
        })
      })
      return alongside === undefined ? opened : Effect.zipLeft(opened, watchdog.add(this.clock, alongside))
    })
  }

  /** What a transport does has the attempt's span for a parent. */
  private within(sending: Effect.Effect<void, never, Scope.Scope>, scope: Scope.CloseableScope): Effect.Effect<void> {
    return Effect.mapInputContext(sending, (context: EffectContext.Context<never>) => {
      const { traced } = this.trail
      const scoped = EffectContext.add(context, Scope.Scope, scope)
      const inSpan = traced === undefined ? scoped : EffectContext.add(scoped, Tracer.ParentSpan, traced.span)
      return this.options.host.telling === undefined
        ? inSpan
        : EffectContext.add(inSpan, Connected, () => this.connected())
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => this.closed())
  }

  private closed(): Effect.Effect<void> {
    const { reader, scope, sender } = this
    this.trail.end(this.clock.unsafeCurrentTimeMillis(), this.outcome())
    this.options.watchdog.remove(this.clock, reader)
    // the usual end: the transport has read all there is, and keeps the connection
    if (reader.isOver()) return Effect.void
    const closeScope = scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    if (reader.isDraining()) return drained(reader, closeScope)
    reader.close()
    return Effect.zipRight(sender === undefined ? Effect.void : Fiber.interrupt(sender), closeScope)
  }
}

/** Lets the transport see the end of a complete answer, so that it can keep the connection for the next call. */
const drained = <A>(reader: Reader.Reader<A>, closeScope: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.forkDaemon(
      Effect.flatMap(
        // this runs in a finalizer, where nothing could end the wait
        Effect.interruptible(
          Effect.timeoutOption(
            Effect.async<void>((resume) => reader.onEnd(() => resume(Effect.void))),
            drainLimit
          )
        ),
        (ended) => {
          if (Option.isSome(ended)) return Effect.void
          reader.close()
          return closeScope
        }
      )
    )
  )
