/** Bodies that come in chunks. An answer takes many times less to run as `Chunks` than as a `Stream`. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Broken, Chunks, WireAnswer } from "./types.js"

type Body = Exclude<WireAnswer["body"], Uint8Array>

export const isChunks = (body: WireAnswer["body"]): body is Chunks => "next" in body

/** For what is done to a body that only a Stream can say. */
export const toStream = (body: Body): Stream.Stream<Uint8Array, Broken> =>
  isChunks(body)
    ? Stream.repeatEffectOption(
        Effect.flatMap(body.next, (chunk) => (chunk === undefined ? Effect.fail(Option.none()) : Effect.succeed(chunk)))
      )
    : body

/** Runs for each chunk in turn, until the end. */
export const forEach = <R>(
  body: Body,
  write: (chunk: Uint8Array) => Effect.Effect<void, never, R>
): Effect.Effect<void, Broken, R> => {
  if (!isChunks(body)) return Stream.runForEach(body, write)
  const all: Effect.Effect<void, never, R> = Effect.flatMap(body.next, (chunk) =>
    chunk === undefined ? Effect.void : Effect.zipRight(write(chunk), all)
  )
  return all
}
