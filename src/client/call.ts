/**
 * A call: attempts under the policy in force, on the host and model that were asked for and on those that the policy
 * falls back to, until one is won. The values are folded into one answer, or given out as a Stream; either way nothing is
 * sent again once a part of the answer has arrived.
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import * as Context from "../internal/context.js"
import type { Endpoint } from "../internal/endpoint.js"
import * as Reader from "../internal/reader.js"
import type * as OllamaError from "../OllamaError.js"
import * as Fallback from "../policy/Fallback.js"
import * as Attempt from "./attempt.js"
import * as Report from "./report.js"
import * as Retrying from "./retrying.js"
import type { Routes } from "./routes.js"
import * as Running from "./running.js"
import type * as Server from "./server.js"
import * as Slowness from "./slowness.js"
import * as Target from "./target.js"

type Failure = OllamaError.OllamaError

/** Makes the call for a server; for another model, where a policy falls back to one. */
export type Draft<A, Response> = (
  server: Server.Server,
  model?: string | undefined
) => Effect.Effect<Running.Call<A, Response>, Failure>

/** The attempt that was won; to close it ends the call. */
class Winner<A, Response> extends Attempt.Closing<A, Response> {
  constructor(
    won: Attempt.Won<A, Response>,
    private readonly end: Report.End
  ) {
    super(won)
  }

  override look() {
    return this.over(this.outcome())
  }

  /** Closes it, and leaves it to `over` to say how the call ended. */
  get release() {
    return this.won.close
  }

  over(outcome: Report.Outcome): Effect.Effect<void> {
    return this.end(outcome, this.earlier, this.codec.fold.partial)
  }
}

/** Runs attempts until one is won; `hold` learns of it before anything can interrupt. */
const win = <A, Response>(
  draft: Draft<A, Response>,
  settings: Running.Settings,
  hold: (won: Winner<A, Response>, about: () => Context.Call) => void
): Effect.Effect<Winner<A, Response>, Failure> =>
  Effect.flatMap(Report.refusing(draft(settings.server), settings), (call) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiberRuntime<Winner<A, Response>, Failure>((fiber) => {
        const running = Running.make(call, settings, fiber)
        const { clock } = running
        const watched = Slowness.watch(running)
        running.journal.watched = watched
        const end = Report.begin(running, watched)
        if (settings.again !== undefined) running.note("reasked", "MalformedOutput")
        let winner: Winner<A, Response> | undefined
        const holding = (server: Server.Server, asked: Running.Call<A, Response>) => {
          return (won: Attempt.Won<A, Response>): void => {
            running.journal.won(won.trail)
            winner = new Winner(won, end)
            hold(winner, () => Running.context(asked, server, running.startedAt))
          }
        }
        const { again, routes, server } = settings
        const first = attempts({ call, running, server, draft, holding }, routes, again?.earlier ?? [])
        const all = settings.policy.fallback.length === 0 ? first : fallingBack(draft, call, running, first, holding)
        const run =
          watched === undefined ? restore(all) : Effect.zipRight(settings.watchdog.add(clock, watched), restore(all))
        return Effect.matchCauseEffect(run, {
          onFailure: (cause) => {
            const failure = Cause.failureOrCause(cause)
            return Effect.zipRight(
              Either.isLeft(failure) ? end(failure.left, failure.left.attempts) : end("left", []),
              Effect.failCause(cause)
            )
          },
          onSuccess: (won) => Effect.succeed(winner ?? new Winner(won, end))
        })
      })
    )
  )

/** The attempts, on one server or where the fleet sends them. */
const attempts = <A, Response>(
  making: Target.Making<A, Response>,
  routes: Routes | undefined,
  earlier: ReadonlyArray<OllamaError.Attempt>
): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
  const { call, running, server } = making
  if (routes !== undefined) return Retrying.run(Target.several(making, routes), running, earlier)
  return Effect.flatMap(server.guards.of(call.plan, running.settings.policy), (shared) =>
    Retrying.run(Target.one(making, shared), running, earlier)
  )
}

/** Whether another one than the host and the model that were asked for may answer: what is generated, or computed. */
const canMove = (entry: Fallback.Fallback, { kind }: Endpoint): boolean =>
  kind === "generation" ||
  // vectors of two models cannot be compared
  (kind === "embedding" && entry.model === undefined)

/** The policy's fallbacks, in their order. When all have failed, the first failure is the first in the cause. */
const fallingBack = <A, Response>(
  draft: Draft<A, Response>,
  call: Running.Call<A, Response>,
  running: Running.Running,
  first: Effect.Effect<Attempt.Won<A, Response>, Failure>,
  holding: (server: Server.Server, call: Running.Call<A, Response>) => (won: Attempt.Won<A, Response>) => void
): Effect.Effect<Attempt.Won<A, Response>, Failure> => {
  const { clock, settings, startedAt } = running
  const entries = settings.policy.fallback.filter((entry) => canMove(entry, call.plan.endpoint))

  const after = (
    tries: Effect.Effect<Attempt.Won<A, Response>, Failure>,
    entry: Fallback.Fallback | undefined,
    from: number,
    failed: ReadonlyArray<Fallback.Failed>,
    before: Cause.Cause<Failure>
  ): Effect.Effect<Attempt.Won<A, Response>, Failure> =>
    Effect.catchAllCause(tries, (cause) => {
      const failure = Cause.failureOrCause(cause)
      if (Either.isRight(failure)) return Effect.failCause(cause)
      const error = failure.left
      const all = Cause.sequential(before, cause)
      const tried = [...failed, { host: entry?.host, error }]
      const index = Fallback.next(entries, from, tried)
      const next = index === undefined ? undefined : entries[index]
      if (index === undefined || next === undefined) return Effect.failCause(all)
      const earlier = [...error.attempts, Context.short(error, startedAt, clock.unsafeCurrentTimeMillis())]
      const to = [next.model, next.host].filter((part) => part !== undefined).join(" on ")
      running.note("fellBack", `${error._tag}: ${to}`)
      const asked: Draft<A, Response> = (server, model = next.model) => draft(server, model)
      const again = Effect.flatMap(settings.goal(next.host), ({ routes, server }) =>
        Effect.flatMap(asked(server), (other) =>
          attempts({ call: other, running, server, draft: asked, holding }, routes, earlier)
        )
      )
      return after(again, next, index + 1, tried, all)
    })

  return after(first, undefined, 0, [], Cause.empty)
}

/** What is known of an answer beside itself. */
export interface Facts {
  readonly call: Context.Call
  readonly partial: OllamaError.Partial | undefined
  /** The failures of the attempts before. */
  readonly attempts: ReadonlyArray<OllamaError.Attempt>
}

/** The attempt that is being folded, once there is one. */
interface Held<A, Response> {
  won?: Winner<A, Response>
  about?: () => Context.Call
}

const answered = <A, Response>(
  draft: Draft<A, Response>,
  settings: Running.Settings,
  held: Held<A, Response>
): Effect.Effect<Response, Failure> =>
  Effect.flatMap(
    win(draft, settings, (won, about) => {
      held.won = won
      held.about = about
    }),
    (won) => Effect.zipRight(rest(won), result(won))
  )

/** The call as one answer. */
export const fold = <A, Response>(
  draft: Draft<A, Response>,
  settings: Running.Settings
): Effect.Effect<Response, Failure> =>
  Effect.suspend(() => {
    const held: Held<A, Response> = {}
    return Effect.ensuring(
      answered(draft, settings, held),
      Effect.suspend(() => held.won?.close ?? Effect.void)
    )
  })

/** The call as one answer, handed on with what is known of it; it ends as what is made of it does. */
export const foldWith = <A, Response, B, R>(
  draft: Draft<A, Response>,
  settings: Running.Settings,
  finish: (response: Response, facts: Facts) => Effect.Effect<B, Failure, R>
): Effect.Effect<B, Failure, R> =>
  Effect.suspend(() => {
    const held: Held<A, Response> = {}
    let outcome: Report.Outcome = "left"
    const released = Effect.ensuring(
      answered(draft, settings, held),
      Effect.suspend(() => {
        outcome = held.won?.outcome() ?? outcome
        return held.won?.release ?? Effect.void
      })
    )
    const finished = Effect.flatMap(released, (response) =>
      held.won === undefined || held.about === undefined
        ? Effect.die(new Error("an answer without an attempt"))
        : finish(response, {
            call: held.about(),
            partial: held.won.codec.fold.partial(),
            attempts: held.won.earlier
          })
    )
    return Effect.onExit(finished, (exit) => held.won?.over(Report.outcomeOf(exit, outcome)) ?? Effect.void)
  })

const rest = <A, Response>(won: Attempt.Won<A, Response>): Effect.Effect<void, Failure> =>
  Effect.repeat(won.reader.read, { until: (batch) => batch === Reader.done })

const result = <A, Response>(won: Attempt.Won<A, Response>): Effect.Effect<Response> =>
  Effect.suspend(() => {
    const response = won.codec.fold.result()
    return response === undefined
      ? Effect.die(new Error("an answer that ended has no last value"))
      : Effect.succeed(response)
  })

/** The call as a Stream of its values. */
export const stream = <A, Response>(
  draft: Draft<A, Response>,
  settings: Effect.Effect<Running.Settings, Failure>,
  /** Put around everything that happens until the first values. */
  around: <B, E>(effect: Effect.Effect<B, E>) => Effect.Effect<B, E>
): Stream.Stream<A, Failure> =>
  Stream.fromChannel(
    Channel.suspend(() => {
      // no more than this is kept while the answer goes on: neither the call nor its first values
      let winner: Winner<A, Response> | undefined
      const open = around(
        Effect.flatMap(settings, (inForce) =>
          win(draft, inForce, (won) => {
            winner = won
          })
        )
      )
      return Channel.ensuring(
        Channel.flatMap(Channel.fromEffect(open), (won) => reading(won.reader)),
        Effect.suspend(() => winner?.close ?? Effect.void)
      )
    })
  )

/** The channel that gives all values. */
const reading = <A>(reader: Reader.Reader<A>): Channel.Channel<Chunk.Chunk<A>, unknown, Failure> => {
  type Values = Channel.Channel<Chunk.Chunk<A>, unknown, Failure>
  const step = (batch: Reader.Batch<A>): Values =>
    batch === Reader.done ? Channel.void : Channel.flatMap(Channel.write(Chunk.unsafeFromArray(batch)), loop)
  // values never go through Channel.fromEffect: V8 puts the closure it keeps its Effect in straight into the old space,
  // where it holds on to them until the next full collection
  const waiting = Channel.fromEffect(reader.read)
  const loop = (): Values => {
    const batch = reader.poll()
    return batch === undefined ? Channel.flatMap(waiting, step) : step(batch)
  }
  return loop()
}
