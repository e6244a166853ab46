/**
 * One attempt of a call: the request is sent, its clocks run, and it is won when the first values (of a folded call:
 * all of them) are there. Everything it holds lives in its own Scope.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Codec from "../internal/codec.js"
import * as Context from "../internal/context.js"
import type { Endpoint } from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import * as Reader from "../internal/reader.js"
import * as Send from "../internal/send.js"
import * as Wire from "../internal/wire.js"
import * as OllamaError from "../OllamaError.js"
import type * as Timeouts from "../policy/Timeouts.js"
import type * as Residency from "./residency.js"

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
  /** Lets go of the connection; what the server still wants to say after the last value is waited for elsewhere. */
  readonly close: Effect.Effect<void>
}

export interface Options {
  readonly host: Host.Host
  readonly residency: Residency.Monitor
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
const psPatience = 500

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
  firstToken:
    "The model is in memory but did not begin: raise timeouts.firstToken for long prompts, or relieve the server (other calls may be ahead in its queue)",
  gap: "The server fell silent: raise timeouts.gap for slow models, or restart a model process that hangs",
  response: "The server takes connections but does not answer: restart it, or raise timeouts.firstToken",
  total: "Raise timeouts.total, ask for less (num_predict), or use a faster model"
}

const timeout = (attempt: Context.Attempt, phase: OllamaError.Phase, limit: number): OllamaError.OllamaError =>
  attempt.failure(
    (common) =>
      new OllamaError.Timeout({
        ...common,
        limit: Duration.millis(limit),
        ...(remedies[phase] === undefined ? {} : { remedy: remedies[phase] })
      }),
    { phase }
  )

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
    Effect.gen(function* () {
      const clock = yield* Effect.clock
      const { call, host, limits } = options
      const residency = yield* restore(withDeadline(residencyOf(plan, options), options, clock))
      const first = firstClock(plan, limits, residency)
      let status = 0
      let isStream = false
      let listed = false
      const codec = plan.codec(() => status)
      const partial = codec.whole ? noPartial : () => codec.fold.partial()
      const attempt = Context.attempt(call, clock, options.earlier, first.phase, partial, (error) => {
        if (plan.need !== undefined && mayHaveLost(error)) options.residency.forget(plan.need.model)
      })
      const wire = Wire.make(attempt, codec, {
        endpoint: plan.endpoint,
        hasModel: plan.model !== undefined,
        folded: plan.folded,
        status: () => status,
        isStream: () => isStream,
        onSeen: () => {
          if (plan.need !== undefined) options.residency.seen(plan.need, clock.unsafeCurrentTimeMillis())
        }
      })
      const reader = Reader.make(clock, wire, codec.whole ? wholeLimit : options.lineLimit)
      plan.onTouch?.(reader.touch)
      const requestScope = yield* Scope.make()
      const watchScope = yield* Scope.make()
      const close = Effect.suspend(() => {
        const draining = reader.isDraining()
        if (!draining) reader.close()
        const closeRequest = draining ? drained(reader, requestScope) : Scope.close(requestScope, Exit.void)
        return Effect.zipRight(Scope.close(watchScope, Exit.void), closeRequest)
      })
      const accept = codec.whole ? "application/json" : "application/x-ndjson"
      const send: Send.Send = {
        host,
        endpoint: plan.endpoint,
        request: plan.payload.apply(Host.request(host, plan.endpoint.method, plan.path, accept)),
        hasModel: plan.model !== undefined,
        attempt,
        accept: plan.accept
      }
      yield* Effect.forkIn(
        Effect.interruptible(
          Scope.extend(
            Send.run(send, reader, (seen, lines) => {
              status = seen
              isStream = lines
            }),
            requestScope
          )
        ),
        requestScope
      )
      const gap = codec.whole ? undefined : limits.gap
      if (first.limit !== undefined || gap !== undefined || options.deadline !== undefined) {
        const need = plan.need
        yield* Effect.forkIn(
          Effect.interruptible(
            reader.watch({
              first: first.limit,
              gap,
              deadline: options.deadline,
              ...(first.phase === "load" && need !== undefined
                ? {
                    nearExpiry: {
                      before: psPatience,
                      run: Effect.map(options.residency.of(need), (now) => {
                        listed = now === "resident"
                      })
                    }
                  }
                : {}),
              expired: (which) =>
                which === "total"
                  ? timeout(attempt, "total", limits.total ?? 0)
                  : which === "gap"
                    ? timeout(attempt, "gap", gap ?? 0)
                    : timeout(attempt, listed ? "firstToken" : first.phase, first.limit ?? 0)
            })
          ),
          watchScope
        )
      }
      return yield* Effect.matchCauseEffect(restore(reader.read), {
        onFailure: (cause) => Effect.zipRight(close, Effect.failCause(cause)),
        onSuccess: (batch) => {
          const won: Won<A, Response> = { first: batch, reader, codec, close }
          hold(won)
          return Effect.succeed(won)
        }
      })
    })
  )

/** Lets the transport see the end of a complete answer, so that it can keep the connection for the next call. */
const drained = <A>(reader: Reader.Reader<A>, scope: Scope.CloseableScope): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.forkDaemon(
      Effect.zipRight(
        Effect.timeoutOption(
          Effect.async<void>((resume) => reader.onEnd(() => resume(Effect.void))),
          drainLimit
        ),
        Effect.suspend(() => {
          reader.close()
          return Scope.close(scope, Exit.void)
        })
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
          timeout(
            Context.attempt(options.call, clock, options.earlier, "prepare", noPartial),
            "total",
            options.limits.total ?? 0
          )
      })
