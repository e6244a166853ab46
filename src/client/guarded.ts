/**
 * One attempt under what the calls of a server share: the throttle, the permits of the model, and the breakers. What it
 * holds it gives back once, when its answer has ended, and only then its outcome counts.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import * as Context from "../internal/context.js"
import { defined } from "../internal/defined.js"
import type * as Opened from "../internal/opened.js"
import * as OllamaError from "../OllamaError.js"
import * as CircuitBreaker from "../policy/CircuitBreaker.js"
import type * as Concurrency from "../policy/Concurrency.js"
import * as Throttle from "../policy/Throttle.js"
import * as Attempt from "./attempt.js"
import * as Clocks from "./clocks.js"
import * as Guards from "./guards.js"
import * as OwnedLoad from "./ownedLoad.js"
import * as Running from "./running.js"
import type * as Server from "./server.js"
import * as Timing from "./timing.js"

type Failure = OllamaError.OllamaError

/** What an attempt holds while it runs. */
interface Held {
  readonly ticket: Throttle.Ticket | undefined
  readonly permit: Concurrency.Permit | undefined
  readonly host: CircuitBreaker.Permit | undefined
  readonly model: CircuitBreaker.Permit | undefined
}

/** Tells everybody how it went, once. */
const settle = (
  held: Held,
  outcome: Failure | "success" | "left",
  now: number,
  startedAt: number,
  timing: Timing.Timing | undefined
): void => {
  if (typeof outcome === "string" || !OwnedLoad.isEvent(outcome)) {
    const seen = outcome === "success" ? "success" : "ignored"
    if (outcome !== "success") held.ticket?.ignored()
    held.host?.settle(seen, now)
    held.model?.settle(seen, now)
  } else {
    if (Throttle.isRejection(outcome)) held.ticket?.rejected()
    const short = Context.short(outcome, startedAt, now)
    held.host?.settle(CircuitBreaker.judgeReachability(outcome), now, short)
    held.model?.settle(CircuitBreaker.judgeGeneration(outcome), now, short)
  }
  const permit = held.permit
  if (permit === undefined) return
  permit.release(
    now,
    timing === undefined
      ? undefined
      : {
          inFlight: permit.inFlight,
          queueSeconds: Timing.queued(timing) / 1000,
          serviceSeconds: (timing.prompt + timing.generation) / 1000
        }
  )
}

/** The failure of a breaker that refuses. */
const circuitOpen =
  (refusal: CircuitBreaker.Refusal): Context.Seed =>
  (common) =>
    new OllamaError.CircuitOpen({
      ...common,
      retryAfter: Duration.millis(refusal.retryAfterMillis),
      lastFailure: refusal.lastFailure
    })

const throttled =
  ({ remedy }: Throttle.Refusal): Context.Seed =>
  (common) =>
    new OllamaError.Overloaded({ ...common, by: "client", remedy })

const unpermitted =
  ({ remedy, retryAfter }: Concurrency.Refusal): Context.Seed =>
  (common) =>
    new OllamaError.Overloaded({
      ...common,
      ...defined({ retryAfter }),
      by: "client",
      remedy
    })

/** @param hold learns of an attempt that was won before anything can interrupt */
export const run = <A, Response>(
  call: Running.Call<A, Response>,
  running: Running.Running,
  server: Server.Server,
  shared: Guards.Shared,
  earlier: ReadonlyArray<OllamaError.Attempt>,
  hold: (won: Attempt.Won<A, Response>) => void
): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
  const { clock, deadline, limits, settings, startedAt } = running
  const now = () => clock.unsafeCurrentTimeMillis()
  const about = Running.context(call, server, startedAt)
  const trail = running.journal.attempt(now(), call.plan.endpoint, server.host, call.plan.model)

  const refused = (seed: Context.Seed, phase: OllamaError.Phase): Failure => {
    const error = Context.make(seed, about, { phase, now: now(), attempts: earlier })
    running.note("refused", error._tag)
    trail.end(now(), error)
    return error
  }
  const noPermit = (refusal: Concurrency.Refusal): Failure => refused(unpermitted(refusal), "queue")

  /** With the permit in hand: the breakers, then the attempt itself. */
  const permitted = (
    restore: Opened.Restore,
    ticket: Throttle.Ticket | undefined,
    permit: Concurrency.Permit | undefined
  ): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
    const sentAt = now()
    const host = shared.host?.unsafeAcquire(sentAt)
    if (host?._tag === "Refusal") {
      ticket?.ignored()
      permit?.release(sentAt)
      return Effect.fail(refused(circuitOpen(host), "prepare"))
    }
    // the permits of the model grow slowly after a recovery, so that nobody is refused for it
    const model = shared.model?.unsafeAcquire(sentAt, { ramp: permit === undefined })
    if (model?._tag === "Refusal") {
      host?.settle("ignored", sentAt)
      ticket?.ignored()
      permit?.release(sentAt)
      return Effect.fail(refused(circuitOpen(model), "prepare"))
    }
    const held: Held = { ticket, permit, host, model }
    trail.inFlight = permit?.inFlight
    trail.mostInFlight = permit?.mostInFlight
    let whole: Attempt.Won<A, Response> | undefined
    const attempt = Attempt.run(
      call.plan,
      {
        host: server.host,
        residency: server.residency,
        watchdog: settings.watchdog,
        limits,
        lineLimit: settings.lineLimit,
        call: about,
        trail,
        alongside: running.journal.watched,
        earlier,
        deadline
      },
      (won) => {
        server.gate.answered()
        // that the host can be reached is known now; how the answer ends says nothing of it
        held.host?.settle("success", now())
        // what others generate says nothing of this server's queue
        whole = settling(won, held, clock, sentAt, call.plan.need !== undefined)
        hold(whole)
      }
    )
    return Effect.matchCauseEffect(restore(attempt), {
      onFailure: (cause) => {
        const failure = Cause.failureOrCause(cause)
        trail.end(now(), Either.isLeft(failure) ? failure.left : "left")
        if (whole === undefined) {
          settle(held, Either.isLeft(failure) ? failure.left : "left", now(), sentAt, undefined)
        }
        return Effect.failCause(cause)
      },
      onSuccess: (won) => {
        const settled = Effect.succeed(whole ?? won)
        // a call that the breaker does not guard may still show that the host is back
        return shared.host === undefined ? Effect.zipRight(server.guards.answered, settled) : settled
      }
    })
  }

  /** Waits for a permit, at most until the call has to be over. */
  const permit = (
    permits: Concurrency.Permits,
    ask: Concurrency.Ask,
    restore: Opened.Restore
  ): Effect.Effect<Concurrency.Permit, Failure> => {
    let granted: Concurrency.Permit | undefined
    const acquire = Effect.mapError(
      permits.acquire({
        ...ask,
        hold: (given) => {
          granted = given
        }
      }),
      noPermit
    )
    const late = () => Clocks.late(about, clock, earlier, "queue", limits)
    running.note("queued", "all permits of the model are taken")
    trail.enter("queue", now())
    return Effect.tapErrorCause(
      restore(
        deadline === undefined
          ? acquire
          : Effect.timeoutFail(acquire, { duration: Math.max(0, deadline - now()), onTimeout: late })
      ),
      () => Effect.sync(() => granted?.release(now()))
    )
  }

  const queued = (
    ticket: Throttle.Ticket | undefined,
    restore: Opened.Restore
  ): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
    const { permits } = shared
    if (permits === undefined) return permitted(restore, ticket, undefined)
    const ask: Concurrency.Ask = { priority: settings.options?.priority, deadline }
    const given = permits.unsafeTryAcquire(now(), ask)
    if (given?._tag === "Permit") return permitted(restore, ticket, given)
    if (given !== undefined) return Effect.fail(noPermit(given))
    return Effect.matchCauseEffect(permit(permits, ask, restore), {
      onFailure: (cause) => {
        // it was never sent
        ticket?.ignored()
        const failure = Cause.failureOrCause(cause)
        trail.end(now(), Either.isLeft(failure) ? failure.left : "left")
        return Effect.failCause(cause)
      },
      onSuccess: (taken) => {
        trail.enter("prepare", now())
        return permitted(restore, ticket, taken)
      }
    })
  }

  return Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      // nobody waits for a permit only to be refused
      if (Guards.isRefusing(shared, now())) return permitted(restore, undefined, undefined)
      const { throttle } = shared
      if (throttle === undefined) return queued(undefined, restore)
      return Effect.flatMap(Random.next, (unit) => {
        const ticket = throttle.unsafeAcquire(now(), unit)
        return ticket._tag === "Ticket" ? queued(ticket, restore) : Effect.fail(refused(throttled(ticket), "prepare"))
      })
    })
  )
}

/** The attempt that was won, which settles what is held when it is closed. Keeps nothing of the request. */
const settling = <A, Response>(
  won: Attempt.Won<A, Response>,
  held: Held,
  clock: Clock.Clock,
  sentAt: number,
  isTimed: boolean
): Attempt.Won<A, Response> =>
  Attempt.closing(won, () => {
    const outcome = won.outcome()
    const timing = isTimed ? won.timing() : undefined
    return Effect.sync(() => settle(held, outcome, clock.unsafeCurrentTimeMillis(), sentAt, timing))
  })
