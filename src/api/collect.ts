/**
 * Streams of chunks, folded.
 *
 * @internal
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as OllamaError from "../OllamaError.js"
import type { Fold } from "./Fold.js"

/** Runs a stream through a fold; an end without the last chunk is `StreamInterrupted`. */
export const collectWith = <A extends { readonly model: string }, B, E, R>(
  stream: Stream.Stream<A, E, R>,
  makeFold: () => Fold<A, B>,
  endpoint: string
): Effect.Effect<B, E | OllamaError.StreamInterrupted, R> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const fold = makeFold()
    let model: string | undefined
    yield* Stream.runForEachChunk(stream, (chunk) =>
      Effect.sync(() => {
        for (const value of chunk) {
          fold.add(value)
          model = value.model
        }
      })
    )
    const result = fold.result()
    if (result !== undefined) return result
    const partial = fold.partial()
    return yield* new OllamaError.StreamInterrupted({
      endpoint,
      phase: partial === undefined ? "firstToken" : "gap",
      elapsed: Duration.millis((yield* Clock.currentTimeMillis) - start),
      ...(model !== undefined && { model }),
      ...(partial !== undefined && { partial })
    })
  })

/** The texts that are not empty, without taking the stream's chunks apart. */
export const textWith = <A, E, R>(
  stream: Stream.Stream<A, E, R>,
  text: (chunk: A) => string
): Stream.Stream<string, E, R> =>
  Stream.mapChunks(
    stream,
    Chunk.filterMap((value) => Option.liftPredicate(text(value), (piece) => piece.length > 0))
  )
