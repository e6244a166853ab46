/** Which models are in memory, and who waits, on the Clock: the worker's state as effects of the requests' own fibers. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { Refusal } from "./json.js"
import type { Counts } from "./ledger.js"
import * as runners from "./runner.js"
import type { Died } from "./slots.js"
import type { Demand, Lease, Limits, Load, Ticket, Words } from "./worker.js"
import * as workers from "./worker.js"

export interface Scheduler {
  /** Has the model in memory for as long as the scope is open. */
  readonly use: (demand: Demand) => Effect.Effect<Lease, Refusal, Scope.Scope>
  /** Waits for the turn that the lease has a place for. */
  readonly turn: (lease: Lease) => Effect.Effect<void, Died>
  /** Sleeps for so many milliseconds of the model's work, unless its process dies. */
  readonly work: (lease: Lease, millis: number) => Effect.Effect<void, Died>
  /** Lets the model go as soon as nobody uses it. */
  readonly unload: (name: string) => Effect.Effect<void>
  /** Kills the process of the model, also while it loads; whether there was one. */
  readonly crash: (name: string) => Effect.Effect<boolean>
  /** Forgets everything, as a process that is started again. */
  readonly reset: Effect.Effect<void>
  /** Models in memory now, the longest remaining lifetime first. A dead one is listed until somebody wants it. */
  readonly loaded: Effect.Effect<ReadonlyArray<runners.Runner>>
  /** Waits while a model is being loaded. */
  readonly quiet: Effect.Effect<void>
  readonly counts: Effect.Effect<Counts>
}

const isLoad = (step: Lease | Load): step is Load => "millis" in step

/** With these models in memory from the start, as far as they fit. */
export const make = (initial: ReadonlyArray<Demand>, limits: Limits, words: Words): Effect.Effect<Scheduler> =>
  Effect.map(Clock.currentTimeMillis, (startedAt) => {
    const worker = workers.make(limits, words)
    for (const demand of initial) worker.put(demand, startedAt)

    const now = <A>(f: (now: number) => A): Effect.Effect<A> => Effect.map(Clock.currentTimeMillis, f)

    /** Who waits for memory waits for the end of a keep_alive too: somebody has to look at the clock then. */
    const leave = (ticket: Ticket): Effect.Effect<void> =>
      Effect.flatMap(
        now((at) => worker.close(ticket, at)),
        (after) =>
          after === undefined ? Effect.void : Effect.asVoid(Effect.forkDaemon(Effect.delay(now(worker.settle), after)))
      )

    const read = (ticket: Ticket, load: Load): Effect.Effect<Lease, Refusal> =>
      Effect.zipRight(
        load.millis > 0
          ? Effect.raceFirst(Effect.sleep(Duration.millis(load.millis)), Deferred.await(load.death))
          : Effect.void,
        Effect.flatMap(
          now((at) => worker.finish(ticket, at)),
          (lease) => (lease === undefined ? Deferred.await(load.death) : Effect.succeed(lease))
        )
      )

    const use: Scheduler["use"] = (demand) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const ticket = yield* now((at) => worker.arrive(demand, at))
          // not Effect.addFinalizer: who closes the scope would keep the FiberRefs of this fiber, more with each request
          yield* Scope.addFinalizer(yield* Effect.scope, leave(ticket))
          const step = yield* restore(Deferred.await(ticket.called))
          return isLoad(step) ? yield* restore(read(ticket, step)) : step
        })
      )

    const turn: Scheduler["turn"] = ({ place }) => (place === undefined ? Effect.void : Deferred.await(place.called))

    const work: Scheduler["work"] = ({ runner }, millis) =>
      Effect.suspend(() =>
        runner.isDead
          ? Deferred.await(runner.death)
          : millis <= 0
            ? Effect.void
            : Effect.raceFirst(Effect.sleep(Duration.millis(millis)), Deferred.await(runner.death))
      )

    const quiet: Effect.Effect<void> = Effect.suspend(() => {
      const load = worker.loading()?.load
      return load === undefined ? Effect.void : Effect.zipRight(Deferred.await(load.over), quiet)
    })

    return {
      use,
      turn,
      work,
      unload: (name) => now((at) => worker.unload(name, at)),
      crash: (name) => now((at) => worker.crash(name, at)),
      reset: now(worker.reset),
      loaded: now((at) => {
        worker.settle(at)
        const remaining = (runner: runners.Runner) => runners.expiry(runner, at)
        return [...worker.loaded.values()].sort((a, b) =>
          remaining(a) === remaining(b) ? 0 : remaining(b) - remaining(a)
        )
      }),
      quiet,
      counts: now((at) => {
        worker.settle(at)
        return worker.snapshot()
      })
    }
  })
