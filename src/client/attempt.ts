/**
 * One attempt of a call: the request is sent, its clocks run, and it is won when the first values (of a folded call:
 * all of them) are there. Everything it holds lives in its own Scope.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Codec from "../internal/codec.js"
import * as Context from "../internal/context.js"
import type { Endpoint } from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import * as Reader from "../internal/reader.js"
import * as Send from "../internal/send.js"
import type * as Watchdog from "../internal/watchdog.js"
import * as Wire from "../internal/wire.js"
import * as OllamaError from "../OllamaError.js"
import type * as Timeouts from "../policy/Timeouts.js"
import * as Residency from "./residency.js"

/** What is sent with a request. */
export interface Payload {
  readonly apply: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  /** More time than the limit says, for what is sent at once; milliseconds. */
  readonly allowance: number
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
  readonly onTouch?: (touch: () => void) => void
}

/** An attempt that was won. */
export interface Won<A, Response> {
  readonly first: Reader.Batch<A>
  readonly reader: Reader.Reader<A>
  readonly codec: Codec.Codec<A, Response>
  /** The failures of the attempts before. */
  readonly earlier: ReadonlyArray<OllamaError.Attempt>
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
  readonly earlier: ReadonlyArray<OllamaError.Attempt>
  /** When the whole call has to be over; milliseconds on Clock. */
  readonly deadline: number | undefined
}

/** The most bytes of an answer that is one JSON value. */
const wholeLimit = 256 * 1024 * 1024
/** How long a complete answer may take to close its connection, before it is closed for it. */
const drainLimit = Duration.seconds(1)

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b

/** The clock until the first value: its phase, and its limit in milliseconds. */
const firstClock = <A, Response>(
  plan: Plan<A, Response>,
  limits: Timeouts.Limits,
  residency: Residency.Residency
): { readonly phase: OllamaError.Phase; readonly limit: number | undefined } => {
  switch (plan.endpoint.kind) {
    case "generation":
    case "embedding":
      return residency === "resident"
        ? { phase: "firstToken", limit: limits.firstToken }
        : { phase: "load", limit: residency === "absent" ? sum(limits.load, limits.firstToken) : limits.load }
    case "load":
      return { phase: "load", limit: limits.load }
    case "upload":
      return { phase: "gap", limit: sum(limits.gap, plan.payload.allowance) }
    default:
      return { phase: "response", limit: limits.firstToken }
  }
}

const remedies: Readonly<Record<string, string>> = {
  load: "The model was still being loaded: raise timeouts.load, load it beforehand (OllamaClient.load), or keep it in memory with keep_alive",
  unknown:
    "What the server was doing is not known, because /api/ps did not tell: restart it if it hangs, and check what is in between (proxy, firewall); if it is only slow, raise timeouts.load",
  firstToken:
    "The model is in memory but did not begin: raise timeouts.firstToken for long prompts, or relieve the server (other calls may be ahead in its queue)",
  gap: "The server fell silent: raise timeouts.gap for slow models, or restart a model process that hangs",
  response: "The server takes connections but does not answer: restart it, or raise timeouts.firstToken",
  total: "Raise timeouts.total, ask for less (num_predict), or use a faster model"
}

interface Expiry {
  readonly phase: OllamaError.Phase
  readonly limit: number
  /** Of the answer, where its headers had come. */
  readonly status?: number | undefined
  /** Where another one than that of the phase helps. */
  readonly remedy?: string | undefined
}

const timeout = (attempt: Context.Attempt, expiry: Expiry): OllamaError.OllamaError => {
  const { limit, phase, remedy = remedies[phase], status } = expiry
  return attempt.failure(
    (common) =>
      new OllamaError.Timeout({
        ...common,
        limit: Duration.millis(limit),
        ...(remedy === undefined ? {} : { remedy })
      }),
    { phase, status }
  )
}

/** What ran out before the first value, as far as is known at that moment. */
const firstExpiry = (first: ReturnType<typeof firstClock>, known: Residency.Residency | undefined): Expiry => {
  const limit = first.limit ?? 0
  if (first.phase !== "load") return { phase: first.phase, limit }
  if (known === "resident") return { phase: "firstToken", limit }
  return { phase: "load", limit, ...(known === "unknown" ? { remedy: remedies.unknown } : {}) }
}

const noPartial = (): undefined => undefined

/** Failures after which a model that was in memory need not be there any more. */
const mayHaveLost = (error: OllamaError.OllamaError): boolean =>
  error._tag === "Unreachable" ||
  error._tag === "LoadFailed" ||
  error._tag === "StreamInterrupted" ||
  (error._tag === "ServerError" && error.crashed)

const residencyOf = <A, Response>(plan: Plan<A, Response>, options: Options): Effect.Effect<Residency.Residency> =>
  plan.need === undefined || (options.limits.load === undefined && options.limits.firstToken === undefined)
    ? Effect.succeed("resident")
    : options.residency.of(plan.need)

/** Runs one attempt; what it holds is released when it fails, and by `close` when it is won. */
export const run = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  hold: (won: Won<A, Response>) => void
): Effect.Effect<Won<A, Response>, OllamaError.OllamaError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.clock, (clock) =>
      Effect.flatMap(restore(withDeadline(residencyOf(plan, options), options, clock)), (residency) => {
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
      })
    )
  )

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
  const { call, limits } = options
  const { need } = plan
  const first = firstClock(plan, limits, residency)
  let status = 0
  let isStream = false
  let known = need === undefined ? undefined : residency
  const codec = plan.codec(() => status)
  const partial = codec.whole ? noPartial : () => codec.fold.partial()
  const attempt = Context.attempt(call, clock, options.earlier, first.phase, partial, (error) => {
    if (need !== undefined && mayHaveLost(error)) options.residency.forget(need.model)
  })
  const wire = Wire.make(attempt, codec, {
    endpoint: plan.endpoint,
    hasModel: plan.model !== undefined,
    folded: plan.folded,
    status: () => status,
    isStream: () => isStream,
    onSeen: () => {
      if (need !== undefined) options.residency.seen(need, clock.unsafeCurrentTimeMillis())
    }
  })
  const reader = Reader.make(clock, wire, codec.whole ? wholeLimit : options.lineLimit, options.host.soon)
  plan.onTouch?.(reader.touch)

  const gap = codec.whole ? undefined : limits.gap
  const entry = reader.watch({
    first: first.limit,
    gap,
    deadline: options.deadline,
    ...(first.phase === "load" && need !== undefined
      ? {
          nearExpiry: {
            before: Residency.patience,
            run: Effect.map(options.residency.of(need), (now) => {
              known = now
            })
          }
        }
      : {}),
    expired: (which) =>
      timeout(attempt, {
        ...(which === "total"
          ? { phase: "total", limit: limits.total ?? 0 }
          : which === "gap"
            ? { phase: "gap", limit: gap ?? 0 }
            : firstExpiry(first, known)),
        status: status === 0 ? undefined : status
      })
  })

  const lifetime = live(
    options.watchdog,
    clock,
    reader,
    first.limit !== undefined || gap !== undefined || options.deadline !== undefined ? entry : undefined
  )
  const open = lifetime.open(
    Send.run(sendOf(plan, options.host, attempt, codec.whole), reader, (seen, lines) => {
      status = seen
      isStream = lines
    })
  )
  return { open, won: { reader, codec, earlier: options.earlier, close: lifetime.close } }
}

// made apart from what lives as long as the answer, which would keep the request for as long
const sendOf = <A, Response>(
  plan: Plan<A, Response>,
  host: Host.Host,
  attempt: Context.Attempt,
  isWhole: boolean
): Send.Send => ({
  host,
  endpoint: plan.endpoint,
  request: plan.payload.apply(
    Host.request(host, plan.endpoint.method, plan.path, isWhole ? "application/json" : "application/x-ndjson")
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
  entry: Watchdog.Entry | undefined
) => {
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
        const sent = Effect.map(Effect.interruptible(Scope.extend(sending, made)), over)
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

/** The look at what is in memory is a part of the call. */
const withDeadline = <B>(
  effect: Effect.Effect<B>,
  options: Options,
  clock: Clock.Clock
): Effect.Effect<B, OllamaError.OllamaError> =>
  options.deadline === undefined
    ? effect
    : Effect.timeoutFail(effect, {
        duration: Math.max(0, options.deadline - clock.unsafeCurrentTimeMillis()),
        onTimeout: () =>
          timeout(Context.attempt(options.call, clock, options.earlier, "prepare", noPartial), {
            phase: "total",
            limit: options.limits.total ?? 0
          })
      })
