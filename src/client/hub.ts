/**
 * Who wants to know what happens to the calls of a client: listeners, which are called at that very moment, and streams,
 * which keep what their readers have not taken yet, up to a limit. With nobody there, nothing is made.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CallEvent, SlowCall } from "../record/CallEvent.js"
import type { CallRecord } from "../record/CallRecord.js"
import * as Backlog from "./backlog.js"
import type { Journal } from "./journal.js"

/** Is called at once, in the middle of a call: it has to be quick. */
export type Listener = (event: CallEvent) => void

export interface Hub {
  /** Counts the calls of the client from 1. */
  readonly nextId: () => number
  /** Whether anybody wants to know. */
  readonly isHeard: () => boolean
  readonly tell: Listener
  /** Until the Scope closes. */
  readonly listen: (listener: Listener) => Effect.Effect<void, never, Scope.Scope>
  /** From the moment on in which they are run, until the client ends. */
  readonly records: Stream.Stream<CallRecord>
  readonly slowCalls: Stream.Stream<SlowCall>
  /** A call has begun, and another has ended. */
  readonly begun: (journal: Journal) => void
  readonly over: (journal: Journal) => void
  /** The calls that run, oldest first. */
  readonly running: ReadonlySet<Journal>
  /** What the streams have dropped, because their readers did not take it in time. */
  readonly dropped: () => number
}

/** Whether what is run is a probe of the library's own, which nobody is told of and no figure counts. */
export class IsProbe extends Context.Reference<IsProbe>()("effect-ollama/internal/IsProbe", {
  defaultValue: () => false
}) {}

/** For probes. */
export const mute: Hub = {
  nextId: () => 0,
  isHeard: () => false,
  tell: () => undefined,
  listen: () => Effect.void,
  records: Stream.empty,
  slowCalls: Stream.empty,
  begun: () => undefined,
  over: () => undefined,
  running: new Set(),
  dropped: () => 0
}

/** What a stream keeps for a reader that lags behind; beyond it the oldest is dropped. */
const kept = 1024

interface Heard {
  readonly listener: Listener
  hasThrown: boolean
}

/** Lives as long as the Scope: the streams end with it. */
export const make: Effect.Effect<Hub, never, Scope.Scope> = Effect.gen(function* () {
  const runtime = yield* Effect.runtime()
  const heard = new Set<Heard>()
  const readers = new Set<() => void>()
  const running = new Set<Journal>()
  let calls = 0
  let dropped = 0
  let hasEnded = false

  const thrown = (one: Heard, problem: unknown): void => {
    if (one.hasThrown) return
    one.hasThrown = true
    const warning = Effect.logWarning(
      "A listener of the client's calls throws; the calls go on without it",
      Cause.die(problem)
    )
    Runtime.runFork(runtime)(warning)
  }

  const listen = (listener: Listener): Effect.Effect<void, never, Scope.Scope> =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => {
          const one: Heard = { listener, hasThrown: false }
          heard.add(one)
          return one
        }),
        (one) => Effect.sync(() => heard.delete(one))
      )
    )

  const streamed = <A>(pick: (event: CallEvent) => A | undefined): Stream.Stream<A> =>
    Stream.unwrapScoped(
      Effect.suspend(() => {
        if (hasEnded) return Effect.succeed(Stream.empty)
        const backlog = Backlog.make<A>(kept, () => dropped++)
        const reader = Effect.acquireRelease(
          Effect.sync(() => readers.add(backlog.end)),
          () => Effect.sync(() => readers.delete(backlog.end))
        )
        const listening = listen((event) => {
          const one = pick(event)
          if (one !== undefined) backlog.push(one)
        })
        return Effect.as(Effect.zipRight(reader, listening), Stream.repeatEffectChunkOption(backlog.pull))
      })
    )

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      hasEnded = true
      for (const end of readers) end()
    })
  )

  const tell = (event: CallEvent): void => {
    for (const one of heard) {
      try {
        one.listener(event)
      } catch (problem) {
        thrown(one, problem)
      }
    }
  }

  return {
    nextId: () => ++calls,
    isHeard: () => heard.size > 0,
    tell,
    running,
    begun: (journal) => {
      running.add(journal)
      if (heard.size > 0) tell({ _tag: "Started", call: journal.info })
    },
    over: (journal) => running.delete(journal),
    listen,
    records: streamed((event) => (event._tag === "Ended" ? event.record : undefined)),
    slowCalls: streamed((event) => (event._tag === "Slow" ? event.slow : undefined)),
    dropped: () => dropped
  }
})
