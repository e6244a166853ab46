/**
 * One attempt of a call: the request is sent, its clocks run, and it is won when the first values (of a folded call:
 * all of them) are there. Everything it holds lives in its own Scope.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
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
import * as Host from "../internal/host.js"
import * as Reader from "../internal/reader.js"
import * as Send from "../internal/send.js"
import type * as Watchdog from "../internal/watchdog.js"
import * as Wire from "../internal/wire.js"
import type * as OllamaError from "../OllamaError.js"
import type * as Timeouts from "../policy/Timeouts.js"
import * as Clocks from "./clocks.js"
import * as OwnedLoad from "./ownedLoad.js"
import * as Residency from "./residency.js"
import * as Timing from "./timing.js"
import * as Tracing from "./tracing.js"
import type { Trail } from "./trail.js"

/** What is sent with a request. */
export interface Payload {
  readonly apply: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  /** More time than the limit says, for what is sent at once; milliseconds. */
  readonly allowance: number
  /** Bytes, as far as they are known beforehand. */
  readonly size: number
  /** A body that can be read only once cannot be sent again. */
  readonly isOneShot: boolean
}

/** A call, ready to be sent as often as need be. */
export interface Plan<A, Response> {
  readonly endpoint: Endpoint
  readonly path: string
  readonly model: string | undefined
  /** The encoded request, for failures to know what they must not say. */
  readonly request: unknown
  readonly payload: Payload
  /** @param status of the answer */
  readonly codec: (status: () => number) => Codec.Codec<A, Response>
  readonly folded: boolean
  readonly need: Residency.Need | undefined
  readonly accept?: Send.Send["accept"]
  /** What an upload calls when bytes of it were taken. */
  readonly onTouch?: (touch: (bytes: number) => void) => void
}

/** An attempt that was won. */
export interface Won<A, Response> {
  readonly first: Reader.Batch<A>
  readonly reader: Reader.Reader<A>
  readonly codec: Codec.Codec<A, Response>
  readonly trail: Trail
  /** The failures of the attempts before. */
  readonly earlier: ReadonlyArray<OllamaError.Attempt>
  /** How the answer ended; valid when `close` runs. `left` is an answer that its reader did not want to its end. */
  readonly outcome: () => OllamaError.OllamaError | "success" | "left"
  /** What the server says of its time, once it has. */
  readonly timing: () => Timing.Timing | undefined
  /** Lets go of the connection; what the server still wants to say after the last value is waited for elsewhere. */
  readonly close: Effect.Effect<void>
}

export interface Options {
  readonly host: Host.Host
  readonly residency: Residency.Monitor
  readonly watchdog: Watchdog.Watchdog
  readonly limits: Timeouts.Limits
  readonly lineLimit: number
  readonly call: Context.Call
  readonly trail: Trail
  /** What else is to be looked at when it is sent. */
  readonly alongside?: Watchdog.Entry | undefined
  readonly earlier: ReadonlyArray<OllamaError.Attempt>
  /** When the whole call has to be over; milliseconds on Clock. */
  readonly deadline: number | undefined
}

/** How long a complete answer may take to close its connection, before it is closed for it. */
const drainLimit = Duration.seconds(1)

const noPartial = (): undefined => undefined

/** Failures after which a model that was in memory need not be there any more. */
const mayHaveLost = (error: OllamaError.OllamaError): boolean =>
  error._tag === "Unreachable" ||
  error._tag === "LoadFailed" ||
  error._tag === "StreamInterrupted" ||
  (error._tag === "ServerError" && error.crashed)

/** Runs one attempt; what it holds is released when it fails, and by `close` when it is won. */
export const run = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  hold: (won: Won<A, Response>) => void
): Effect.Effect<Won<A, Response>, OllamaError.OllamaError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.clock, (clock) =>
      Effect.flatMap(restore(OwnedLoad.ready(plan, options, clock, loading)), (residency) =>
        send(plan, options, clock, residency, hold, restore)
      )
    )
  )

const send = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  clock: Clock.Clock,
  residency: Residency.Residency,
  hold: (won: Won<A, Response>) => void,
  restore: <B, E>(effect: Effect.Effect<B, E>) => Effect.Effect<B, E>
): Effect.Effect<Won<A, Response>, OllamaError.OllamaError> => {
  const started = prepare(plan, options, clock, residency)
  return Effect.zipRight(
    started.open,
    Effect.matchCauseEffect(restore(started.won.reader.read), {
      onFailure: (cause) => Effect.zipRight(started.won.close, Effect.failCause(cause)),
      onSuccess: (first) => {
        const won: Won<A, Response> = { ...started.won, first }
        hold(won)
        return Effect.succeed(won)
      }
    })
  )
}

/** The plan of a call without what it asks. */
export const bare = <A, Response>(plan: Plan<A, Response>) => OwnedLoad.bare(plan)

/** Begins a load at a server where nobody waits for it yet. */
export const preload = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  clock: Clock.Clock
): Effect.Effect<void> => OwnedLoad.begin(plan, options, clock, loading)

/** A load that nobody waits for in person. */
const loading: OwnedLoad.Send = (plan, options, clock) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(send(plan, options, clock, "absent", ignore, restore), (won) => won.close)
  )

const ignore = (): void => undefined

interface Started<A, Response> {
  /** Sends, and begins to watch. */
  readonly open: Effect.Effect<void>
  readonly won: Omit<Won<A, Response>, "first">
}

const prepare = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  clock: Clock.Clock,
  residency: Residency.Residency
): Started<A, Response> => {
  const { call, limits, trail } = options
  const { need } = plan
  const { telling } = options.host
  let first = Clocks.first(plan, limits, residency)
  let status = 0
  let isStream = false
  // a request to load is on the load clock, whatever is in memory
  const isWatched = need !== undefined && plan.endpoint.kind !== "load"
  let known = isWatched ? residency : undefined
  let failure: OllamaError.OllamaError | undefined
  let last: A | undefined
  let isComplete = false
  const codec = plan.codec(() => status)
  const partial = codec.whole ? noPartial : () => codec.fold.partial()
  const attempt = Context.attempt(call, clock, options.earlier, first.phase, partial, (error) => {
    failure ??= error
    if (error._tag === "Unreachable") {
      options.host.contact = { at: clock.unsafeCurrentTimeMillis(), answered: false }
    }
    if (need !== undefined && mayHaveLost(error)) options.residency.forget(need.model)
  })
  const wire = Wire.make(attempt, codec, {
    endpoint: plan.endpoint,
    hasModel: plan.model !== undefined,
    folded: plan.folded,
    status: () => status,
    isStream: () => isStream,
    onSeen: (value, isLast) => {
      const now = clock.unsafeCurrentTimeMillis()
      if (isLast) {
        last = value
        trail.last = value
        isComplete = true
      }
      if (trail.firstAt === undefined) {
        trail.first(now, codec.whole)
        options.host.changes++
      }
      if (need !== undefined) options.residency.seen(need, now)
    }
  })
  const reader = Reader.make(
    clock,
    wire,
    codec.whole ? Wire.wholeLimit(plan.endpoint) : options.lineLimit,
    options.host.soon
  )
  plan.onTouch?.((bytes) => {
    trail.sent += bytes
    reader.touch()
  })

  // the clock until the first value begins when there is a connection, where that is told
  const isConnecting = () => telling?.mayQueue === false && trail.connecting === undefined && status === 0
  const connecting = () => (isConnecting() ? (options.host.connectLimit ?? 0) : 0)
  const gap = codec.whole ? undefined : limits.gap
  const look = Effect.suspend(() => {
    if (need === undefined) return Effect.void
    if (first.phase === "load") {
      return Effect.map(options.residency.of(need), (now) => {
        known = now
      })
    }
    return Effect.map(options.residency.isListed(need), (now) => {
      if (now !== "absent") return
      // put out of memory meanwhile: the server loads it for this request
      known = now
      first = Clocks.cold(limits)
      watch.first = first.limit
      if (attempt.stage === "firstToken") {
        attempt.stage = first.phase
        trail.await(first.phase)
      }
    })
  })
  const watch: Reader.Watch = {
    first: first.limit,
    spare: connecting,
    gap,
    deadline: options.deadline,
    ...(isWatched ? { nearExpiry: { before: Residency.patience, run: look } } : {}),
    expired: (which) =>
      Clocks.timeout(attempt, {
        ...(which === "total"
          ? { phase: "total", limit: limits.total ?? 0 }
          : which === "gap"
            ? { phase: "gap", limit: gap ?? 0 }
            : isConnecting()
              ? { phase: "connect", limit: (first.limit ?? 0) + connecting() }
              : Clocks.firstExpiry(first, known)),
        status: status === 0 ? undefined : status
      })
  }
  const entry = reader.watch(watch)

  const lifetime = live(
    options.watchdog,
    clock,
    reader,
    trail,
    telling !== undefined,
    first.limit !== undefined || gap !== undefined || options.deadline !== undefined ? entry : undefined
  )
  const onHead = (seen: number, lines: boolean): void => {
    status = seen
    trail.status = seen
    options.host.contact = { at: clock.unsafeCurrentTimeMillis(), answered: true }
    isStream = lines
  }
  const { size } = plan.payload
  const outcome = () => (isComplete ? "success" : (failure ?? "left"))
  trail.wasResident = need === undefined || residency === "unknown" ? undefined : residency === "resident"
  trail.isElsewhere = need === undefined
  return {
    open: opening(
      options,
      clock,
      lifetime.open(Send.run(sendOf(plan, options, attempt, codec.whole), reader, onHead)),
      () => trail.send(first.phase, clock.unsafeCurrentTimeMillis(), size, reader, telling !== undefined)
    ),
    won: {
      reader,
      codec,
      trail,
      earlier: options.earlier,
      outcome,
      timing: () => Timing.of(last),
      close: Effect.suspend(() => {
        trail.end(clock.unsafeCurrentTimeMillis(), outcome())
        return lifetime.close
      })
    }
  }
}

// these are made apart from what lives as long as the answer, which would keep the request for as long
const opening = (
  { alongside, watchdog }: Options,
  clock: Clock.Clock,
  open: Effect.Effect<void>,
  begin: () => void
): Effect.Effect<void> =>
  Effect.suspend(() => {
    begin()
    return alongside === undefined ? open : Effect.zipLeft(open, watchdog.add(clock, alongside))
  })

const sendOf = <A, Response>(
  plan: Plan<A, Response>,
  { host, trail }: Options,
  attempt: Context.Attempt,
  isWhole: boolean
): Send.Send => ({
  host,
  endpoint: plan.endpoint,
  request: plan.payload.apply(
    Tracing.propagated(
      trail.traced,
      Host.request(host, plan.endpoint.method, plan.path, isWhole ? "application/json" : "application/x-ndjson")
    )
  ),
  hasModel: plan.model !== undefined,
  attempt,
  accept: plan.accept
})

/** The fiber that sends, the scope of the connection, and the watch over it: from the start of an attempt to its end. */
const live = <A>(
  watchdog: Watchdog.Watchdog,
  clock: Clock.Clock,
  reader: Reader.Reader<A>,
  trail: Trail,
  isTold: boolean,
  entry: Watchdog.Entry | undefined
) => {
  const connected = (): void => {
    if (trail.connected(clock.unsafeCurrentTimeMillis())) reader.touch()
  }
  let sender: Fiber.RuntimeFiber<void> | undefined
  let scope: Scope.CloseableScope | undefined
  const closeScope = Effect.suspend(() => (scope === undefined ? Effect.void : Scope.close(scope, Exit.void)))
  const over = (): void => {
    sender = undefined
  }
  return {
    open: (sending: Effect.Effect<void, never, Scope.Scope>): Effect.Effect<void> =>
      Effect.flatMap(Scope.make(), (made) => {
        scope = made
        const sent = Effect.map(
          Effect.interruptible(within(sending, made, trail, isTold ? connected : undefined)),
          over
        )
        return Effect.flatMap(Effect.forkDaemon(sent), (fiber) => {
          sender = fiber
          return entry === undefined ? Effect.void : watchdog.add(clock, entry)
        })
      }),
    close: Effect.suspend(() => {
      if (entry !== undefined) watchdog.remove(clock, entry)
      // the usual end: the transport has read all there is, and keeps the connection
      if (reader.isOver()) return Effect.void
      if (reader.isDraining()) return drained(reader, closeScope)
      reader.close()
      return Effect.zipRight(sender === undefined ? Effect.void : Fiber.interrupt(sender), closeScope)
    })
  }
}

/**
 * What a transport does has the attempt's span for a parent.
 *
 * @param connected where the transport tells when there is a connection
 */
const within = (
  sending: Effect.Effect<void, never, Scope.Scope>,
  scope: Scope.Scope,
  trail: Trail,
  connected: (() => void) | undefined
): Effect.Effect<void> =>
  Effect.mapInputContext(sending, (context: EffectContext.Context<never>) => {
    const { traced } = trail
    const scoped = EffectContext.add(context, Scope.Scope, scope)
    const inSpan = traced === undefined ? scoped : EffectContext.add(scoped, Tracer.ParentSpan, traced.span)
    return connected === undefined ? inSpan : EffectContext.add(inSpan, Connected, connected)
  })

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
