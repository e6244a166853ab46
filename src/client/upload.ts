/** Blobs: sent as bytes or as a Stream, with the clock counting from the last byte that was taken. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Blob from "../api/Blob.js"
import * as Codec from "../internal/codec.js"
import * as Endpoint from "../internal/endpoint.js"
import type * as Host from "../internal/host.js"
import type * as OllamaError from "../OllamaError.js"
import * as Request from "./request.js"
import type * as Running from "./running.js"

const encodeDigest = Schema.encodeUnknownEither(Blob.Digest)

/** The digest as it is sent, or a failure that names the field. */
export const digest = (
  host: Host.Host,
  endpoint: Endpoint.Endpoint,
  value: unknown
): Effect.Effect<string, OllamaError.OllamaError> => {
  const encoded = encodeDigest(value)
  return Either.isRight(encoded)
    ? Effect.succeed(encoded.right)
    : Request.invalid(host, endpoint, {
        issue: "digest",
        field: "digest",
        why: "it must be sha256: and 64 hexadecimal digits"
      })
}

/** What bytes that are sent at once are given, beyond the limit: a millisecond for each of this many (1 MB/s). */
const bytesPerMilli = 1000

const type = "application/octet-stream"

const sizeOf = (chunk: Chunk.Chunk<Uint8Array>): number =>
  Chunk.reduce(chunk, 0, (sum, bytes) => sum + bytes.byteLength)

const isBytes = (u: unknown): u is Uint8Array => u instanceof Uint8Array

/**
 * Uploads, and gives back the failure of the content's own Stream as it is.
 *
 * @param refusing put around what refuses the request before anything is sent
 */
export const run = <E, R>(
  host: Host.Host,
  request: Blob.UploadRequest<E, R>,
  refusing: <B>(effect: Effect.Effect<B, OllamaError.OllamaError>) => Effect.Effect<B, OllamaError.OllamaError>,
  fold: (call: Running.Call<void, true>) => Effect.Effect<true, OllamaError.OllamaError>
): Effect.Effect<void, OllamaError.OllamaError | E, R> =>
  Effect.gen(function* () {
    const endpoint = Endpoint.uploadBlob
    const wanted = Predicate.hasProperty(request, "digest") ? request.digest : undefined
    const sent = yield* refusing(digest(host, endpoint, wanted))
    const content: unknown = request.content
    if (!isBytes(content) && !Predicate.hasProperty(content, Stream.StreamTypeId)) {
      const why = "it must be a Uint8Array or a Stream of them"
      return yield* refusing(Request.invalid(host, endpoint, { issue: "malformed", field: "content", why }))
    }
    const context = yield* Effect.context<R>()
    let own: Cause.Cause<E> | undefined
    let touch: (bytes: number) => void = () => undefined
    const base = Request.call(host, endpoint, undefined, Codec.nothing, {
      folded: true,
      streamed: false,
      path: endpoint.path + sent
    })
    const source = request.content
    const payload = isBytes(source)
      ? {
          apply: HttpClientRequest.bodyUint8Array(source, type),
          allowance: source.byteLength / bytesPerMilli,
          size: source.byteLength,
          isOneShot: false
        }
      : {
          apply: HttpClientRequest.bodyStream(
            source.pipe(
              Stream.tapErrorCause((cause) =>
                Effect.sync(() => {
                  // a transport that stops reading interrupts it: that is not the content's own doing
                  if (!Cause.isInterruptedOnly(cause)) own = cause
                })
              ),
              Stream.mapChunks((chunk) => {
                touch(sizeOf(chunk))
                return chunk
              }),
              Stream.provideContext(Context.merge(Context.empty(), context))
            ),
            { contentType: type }
          ),
          allowance: 0,
          size: 0,
          isOneShot: true
        }
    const call: Running.Call<void, true> = {
      ...base,
      plan: {
        ...base.plan,
        payload,
        onTouch: (f) => {
          touch = f
        }
      }
    }
    yield* Effect.catchAll(fold(call), (error): Effect.Effect<never, OllamaError.OllamaError | E> =>
      own === undefined ? Effect.fail(error) : Effect.failCause(own)
    )
  })
