/** A stream whose first values have come: opened in one place, read on in another, closed exactly once. */
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface Opened<A, E, R> {
  /** Not empty; undefined when the stream has ended without a value. */
  readonly first: Chunk.Chunk<A> | undefined
  readonly pull: Effect.Effect<Chunk.Chunk<A>, Option.Option<E>, R>
  readonly close: Effect.Effect<void>
}

/** What an uninterruptible region lets be interrupted. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Pulls until there is a value; closes the stream itself when that fails or is interrupted. To be run where nothing can
 * interrupt but what `restore` is around: what was opened would be lost otherwise.
 */
export const open = <A, E, R>(stream: Stream.Stream<A, E, R>, restore: Restore): Effect.Effect<Opened<A, E, R>, E, R> =>
  Effect.flatMap(Scope.make(), (scope) => {
    const opening = Effect.flatMap(Scope.extend(Stream.toPull(stream), scope), (pull) =>
      Effect.map(firstOf(pull), (first) => ({ first, pull, close: Scope.close(scope, Exit.void) }))
    )
    return Effect.tapErrorCause(restore(opening), (cause) => Scope.close(scope, Exit.failCause(cause)))
  })

const firstOf = <A, E, R>(
  pull: Effect.Effect<Chunk.Chunk<A>, Option.Option<E>, R>
): Effect.Effect<Chunk.Chunk<A> | undefined, E, R> =>
  Effect.matchEffect(pull, {
    onFailure: Option.match({ onNone: () => Effect.succeed(undefined), onSome: Effect.fail }),
    onSuccess: (chunk) => (Chunk.isEmpty(chunk) ? firstOf(pull) : Effect.succeed(chunk))
  })

/** The stream that `opening` opens. It has to call `hold` before anything can interrupt it. */
export const stream = <A, E, R, E2, R2>(
  opening: (hold: (opened: Opened<A, E, R>) => void) => Effect.Effect<Opened<A, E, R>, E2, R2>
): Stream.Stream<A, E | E2, R | R2> =>
  Stream.fromChannel(
    Channel.suspend(() => {
      let close: Effect.Effect<void> = Effect.void
      const opened = opening((held) => {
        close = held.close
      })
      return Channel.ensuring(
        Channel.flatMap(Channel.fromEffect(opened), ({ first, pull }) =>
          first === undefined ? Channel.void : Channel.flatMap(Channel.write(first), () => rest(pull))
        ),
        Effect.suspend(() => close)
      )
    })
  )

const rest = <A, E, R>(pull: Effect.Effect<Chunk.Chunk<A>, Option.Option<E>, R>) =>
  Stream.toChannel(Stream.repeatEffectChunkOption(pull))
