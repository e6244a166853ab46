/**
 * What an attempt does before it sends: it finds out whether its model is in memory, and where it is not, waits for a
 * load that is the client's own. The load asks the call's endpoint for nothing: no prompt, no messages, no input.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Codec from "../internal/codec.js"
import * as Context from "../internal/context.js"
import type * as Watchdog from "../internal/watchdog.js"
import * as OllamaError from "../OllamaError.js"
import type * as Timeouts from "../policy/Timeouts.js"
import type { Options, Plan } from "./attempt.js"
import * as Clocks from "./clocks.js"
import * as Request from "./request.js"
import * as Residency from "./residency.js"
import * as Tracing from "./tracing.js"
import { Trail } from "./trail.js"

type Failure = OllamaError.OllamaError

type Json = Readonly<Record<string, unknown>>

/** Sends a request to its end; the model it is for counts as absent. */
export type Send = (plan: Plan<Json, Json>, options: Options, clock: Clock.Clock) => Effect.Effect<void, Failure>

const noLimits: Timeouts.Limits = {
  connect: undefined,
  load: undefined,
  firstToken: undefined,
  gap: undefined,
  total: undefined
}

/**
 * What an endpoint answers without a prompt differs; that it answers, with anything but an error, is enough. So the first
 * line says all, also where a server takes the request for one that wants more.
 */
const anyObject = Codec.firstOf(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** The call without what it asks. */
const withoutPrompt = <A, Response>(plan: Plan<A, Response>, need: Residency.Need): Plan<Json, Json> => {
  const sent = Predicate.isRecord(plan.request) ? plan.request : {}
  const kept = ["model", "options", "shift", ...(need.keepAlive === 0 ? [] : ["keep_alive"])]
  const body = {
    ...Object.fromEntries(kept.filter((key) => sent[key] !== undefined).map((key) => [key, sent[key]])),
    ...(plan.endpoint.kind === "embedding" ? {} : { stream: false })
  }
  return {
    endpoint: plan.endpoint,
    path: plan.path,
    model: plan.model,
    request: body,
    payload: Request.jsonPayload(body),
    codec: anyObject,
    folded: true,
    // a model that is unloaded after the call stays in memory until then
    need: need.keepAlive === 0 ? { ...need, keepAlive: undefined } : need
  }
}

/** The same for who has no need to speak of. */
export const bare = <A, Response>(plan: Plan<A, Response>): Plan<Json, Json> =>
  withoutPrompt(plan, plan.need ?? Residency.need(plan.model ?? "", {}))

/** The load's own failures know nothing of those who wait for it. */
const preloading = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  clock: Clock.Clock,
  need: Residency.Need,
  send: Send
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const { call, host, lineLimit, residency, trail, watchdog } = options
    const startedAt = clock.unsafeCurrentTimeMillis()
    const preload = withoutPrompt(plan, need)
    const alone: Options = {
      host,
      residency,
      watchdog,
      lineLimit,
      limits: noLimits,
      call: { ...call, request: preload.request, startedAt },
      // it belongs to none of the calls; its span is in that of the one that has begun it
      trail: new Trail(startedAt, trail.host, trail.model, Tracing.load(trail.traced, host, need.model)),
      earlier: [],
      deadline: undefined
    }
    return send(preload, alone, clock)
  })

const encode = Schema.encodeSync(OllamaError.OllamaError)
const decode = Schema.decodeSync(OllamaError.OllamaError)
const encodeAttempts = Schema.encodeSync(Schema.Array(OllamaError.Attempt))

/** What the server said of the load, as a failure of this call: each of those who wait has its own. */
const own = (error: Failure, { call, earlier }: Options, now: number): Failure =>
  decode({
    ...encode(error),
    ...(call.model === undefined ? {} : { model: call.model }),
    endpoint: call.endpoint,
    elapsed: Math.max(0, now - call.startedAt),
    attempts: encodeAttempts(earlier)
  })

const repeated = new WeakSet<Failure>()

/**
 * Whether a failure stands for something that happened at the server. It does not where the load goes on, and only the
 * one who waited has lost patience, or where another call has the same failure of the same load: fifty who waited for a
 * load that failed have seen one failure.
 */
export const isEvent = (error: Failure): boolean => !repeated.has(error)

const repetition = (error: Failure): Failure => {
  repeated.add(error)
  return error
}

/** Failures of a request without a prompt that say nothing of one with a prompt, which will find out for itself. */
const isAboutRequest = (error: Failure): boolean =>
  error._tag === "InvalidRequest" || error._tag === "ProtocolError" || error._tag === "StreamInterrupted"

/** Waits for the load, for as long as its clock and that of the whole call allow. */
const waited = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  clock: Clock.Clock,
  need: Residency.Need,
  send: Send,
  since = clock.unsafeCurrentTimeMillis()
): Effect.Effect<Residency.Residency, Failure> => {
  type Next = Effect.Effect<Residency.Residency, Failure>
  const { call, deadline = Number.POSITIVE_INFINITY, earlier, limits, residency, trail, watchdog } = options
  const next = Deferred.unsafeMake<Next>(FiberId.none)
  const goOn = (step: Next): void => Deferred.unsafeDone(next, Effect.succeed(step))
  const expire = (expiry: Clocks.Expiry): number => {
    const error = Clocks.timeout(new Context.Attempt(call, clock, earlier, "load"), expiry)
    goOn(Effect.fail(known === "absent" ? repetition(error) : error))
    return Number.POSITIVE_INFINITY
  }

  const limit = limits.load ?? Number.POSITIVE_INFINITY
  const loadEnds = since + limit
  const near = loadEnds - Math.min(Residency.patience, limit / 2)
  let known: Residency.Residency = "absent"
  let hasLooked = limits.load === undefined
  const look = Effect.map(residency.of(need), (now) => {
    known = now
    // the load hangs, but a request of somebody else's was answered
    if (now === "resident") goOn(Effect.succeed("resident"))
  })
  const patience: Watchdog.Entry = {
    check: (now, forks) => {
      if (now >= deadline) return expire({ phase: "total", limit: limits.total ?? 0 })
      if (now >= loadEnds) return expire(Clocks.firstExpiry({ phase: "load", limit: limits.load }, known))
      if (!hasLooked && now >= near) {
        hasLooked = true
        known = "unknown"
        forks.push(look)
      }
      return Math.min(deadline, hasLooked ? loadEnds : near)
    }
  }

  const failed = (error: Failure, path: string, isFirst: boolean): Next => {
    if (!isAboutRequest(error)) {
      const mine = own(error, options, clock.unsafeCurrentTimeMillis())
      return Effect.fail(isFirst ? mine : repetition(mine))
    }
    return path === plan.path || plan.endpoint.kind === "load"
      ? Effect.succeed("absent")
      : Effect.suspend(() => waited(plan, options, clock, need, send, since))
  }
  const join = residency.preloads.join(
    Residency.keyOf(need),
    {
      clock,
      watchdog,
      limit: limits.load,
      path: plan.path,
      model: need.name,
      load: preloading(plan, options, clock, need, send)
    },
    (end, path, isFirst) =>
      goOn(
        Exit.matchEffect(end, {
          onSuccess: (isLoaded) => Effect.succeed(isLoaded ? "resident" : "absent"),
          onFailure: (cause) =>
            Either.match(Cause.failureOrCause(cause), {
              onLeft: (error) => failed(error, path, isFirst),
              onRight: Effect.failCause
            })
        })
      )
  )
  return Effect.flatten(
    Effect.acquireUseRelease(
      Effect.zipLeft(join, watchdog.add(clock, patience)),
      () => {
        trail.enter("load", clock.unsafeCurrentTimeMillis())
        return Deferred.await(next)
      },
      (leave) =>
        Effect.zipRight(
          Effect.sync(() => watchdog.remove(clock, patience)),
          leave
        )
    )
  )
}

/** Begins a load that nobody waits for; nothing where the model is in memory, or is being loaded. */
export const begin = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  clock: Clock.Clock,
  send: Send
): Effect.Effect<void> => {
  const { need } = plan
  const { limits, residency, watchdog } = options
  if (need === undefined || residency.standing(need, clock.unsafeCurrentTimeMillis()) === "resident") return Effect.void
  const load = preloading(plan, options, clock, need, send)
  const how = { clock, watchdog, limit: limits.load, path: plan.path, model: need.name, load }
  // whoever comes may join it; what becomes of it is told to those
  return Effect.flatten(residency.preloads.join(Residency.keyOf(need), how, () => undefined))
}

/** The look at what is in memory is a part of the call. */
const inTime = <B>(
  effect: Effect.Effect<B>,
  { call, deadline, earlier, limits }: Options,
  clock: Clock.Clock
): Effect.Effect<B, Failure> =>
  deadline === undefined
    ? effect
    : Effect.timeoutFail(effect, {
        duration: Math.max(0, deadline - clock.unsafeCurrentTimeMillis()),
        onTimeout: () => Clocks.late(call, clock, earlier, "prepare", limits)
      })

/** What is known of the model when the call itself can be sent: absent, when nobody but the call can say why. */
export const ready = <A, Response>(
  plan: Plan<A, Response>,
  options: Options,
  clock: Clock.Clock,
  send: Send
): Effect.Effect<Residency.Residency, Failure> => {
  const { need } = plan
  const { limits, residency, trail } = options
  // without a clock that depends on it there is nothing to find out
  if (need === undefined || (limits.load === undefined && limits.firstToken === undefined)) {
    return Effect.succeed("resident")
  }
  const isLoading = (): boolean => residency.preloads.isRunning(Residency.keyOf(need), { clock, limit: limits.load })
  if (plan.endpoint.kind === "load") {
    return isLoading() ? waited(plan, options, clock, need, send) : Effect.succeed("resident")
  }
  // what is known needs no clock
  if (residency.isWarm(need, clock.unsafeCurrentTimeMillis())) return Effect.succeed("resident")
  trail.changed = residency.changed(need, clock.unsafeCurrentTimeMillis())
  return Effect.flatMap(inTime(residency.of(need), options, clock), (known) =>
    known === "absent" || (known === "unknown" && isLoading())
      ? waited(plan, options, clock, need, send)
      : Effect.succeed(known)
  )
}
