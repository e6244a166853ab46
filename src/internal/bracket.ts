/** A stream between a beginning and an end, each of which happens exactly once, whatever interrupts it and where. */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"

/** How it ended; undefined when it was left: interrupted, or not pulled to its end. */
export type Ending<E> = Exit.Exit<void, E> | undefined

/** How an effect ended; undefined when it was interrupted. */
export const ending = <E>(exit: Exit.Exit<unknown, E>): Ending<E> =>
  Exit.isSuccess(exit) ? Exit.void : Cause.isInterruptedOnly(exit.cause) ? undefined : Exit.failCause(exit.cause)

/** What has begun. */
export interface Begun<A, E, R> {
  readonly stream: Stream.Stream<A, E, R>
  readonly end: (ending: Ending<E>) => void
}

/**
 * `begin` runs when the stream is run, in one step with the promise that `end` will; what takes an Effect to know comes
 * from `prepare`, which holds nothing.
 */
export const stream = <P, A, E, R, E2, R2>(
  prepare: Effect.Effect<P, E2, R2>,
  begin: (prepared: P) => Begun<A, E, R>
): Stream.Stream<A, E | E2, R | R2> =>
  Stream.fromChannel(
    Channel.flatMap(Channel.fromEffect(prepare), (prepared) =>
      // an executor of channels steps from here into `ensuring` without a chance to interrupt
      Channel.suspend(() => {
        const begun = begin(prepared)
        let found: Ending<E>
        return Stream.toChannel(begun.stream).pipe(
          Channel.catchAllCause((cause) => {
            found = ending(Exit.failCause(cause))
            return Channel.failCause(cause)
          }),
          Channel.map(() => {
            found = Exit.void
          }),
          Channel.ensuring(Effect.sync(() => begun.end(found)))
        )
      })
    )
  )

/** The same for an effect. */
export const effect = <P, A, E, R, E2, R2>(
  prepare: Effect.Effect<P, E2, R2>,
  begin: (prepared: P) => {
    readonly effect: Effect.Effect<A, E, R>
    readonly end: (ending: Ending<E>) => void
  }
): Effect.Effect<A, E | E2, R | R2> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(prepare, (prepared) => {
      const begun = begin(prepared)
      return Effect.onExit(restore(begun.effect), (exit) => Effect.sync(() => begun.end(ending(exit))))
    })
  )
