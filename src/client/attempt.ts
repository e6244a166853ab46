/**
 * One attempt of a call: the request is sent, its clocks run, and it is won when the first values (of a folded call:
 * all of them) are there. Everything it holds lives in its own Scope.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Codec from "../internal/codec.js"
import type * as Context from "../internal/context.js"
import type { Endpoint } from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import type * as Reader from "../internal/reader.js"
import * as Send from "../internal/send.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import type * as Timeouts from "../policy/Timeouts.js"
import { Going } from "./going.js"
import * as OwnedLoad from "./ownedLoad.js"
import type * as Residency from "./residency.js"
import type * as Timing from "./timing.js"
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
  /** There is something to read in it, or nothing more will come. */
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

/**
 * An attempt with something to be done when it was closed. An answer may go on for long, and there may be many: what closes
 * one is made when it is closed.
 */
export abstract class Closing<A, Response> implements Won<A, Response> {
  constructor(protected readonly won: Won<A, Response>) {}

  /** What; asked before the connection is closed: afterwards every answer looks as if it had been left. */
  protected abstract look(): Effect.Effect<void>

  get close() {
    return Effect.suspend(() => Effect.ensuring(this.won.close, this.look()))
  }

  get reader() {
    return this.won.reader
  }

  get codec() {
    return this.won.codec
  }

  get trail() {
    return this.won.trail
  }

  get earlier() {
    return this.won.earlier
  }

  outcome() {
    return this.won.outcome()
  }

  timing() {
    return this.won.timing()
  }
}

class Looked<A, Response> extends Closing<A, Response> {
  constructor(
    won: Won<A, Response>,
    protected readonly look: () => Effect.Effect<void>
  ) {
    super(won)
  }
}

/** The same, with what is done as a function. */
export const closing = <A, Response>(won: Won<A, Response>, look: () => Effect.Effect<void>): Won<A, Response> =>
  new Looked(won, look)

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
  const going = new Going(plan, options, clock, residency)
  // apart from it, which lives as long as the answer and would keep the request for as long
  const sending = Send.run(sendOf(plan, options, going), going.reader, going)
  return Effect.zipRight(
    going.open(sending, plan.payload.size),
    Effect.matchCauseEffect(restore(going.reader.ready()), {
      onFailure: (cause) => Effect.zipRight(going.close, Effect.failCause(cause)),
      onSuccess: () => {
        hold(going)
        return Effect.succeed(going)
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

const sendOf = <A, Response>(
  plan: Plan<A, Response>,
  { host, trail }: Options,
  { attempt, codec, endpoint, hasModel }: Going<A, Response>
): Send.Send => ({
  host,
  endpoint,
  request: plan.payload.apply(
    Tracing.propagated(
      trail.traced,
      Host.request(host, endpoint.method, plan.path, codec.whole ? "application/json" : "application/x-ndjson")
    )
  ),
  hasModel,
  attempt,
  accept: plan.accept
})
