/**
 * `/api/blobs/:digest`: the files that models are created from, named by their SHA-256.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"

const pattern = /^sha256[:-][0-9a-fA-F]{64}$/

/**
 * The digest of a blob: `sha256:` and 64 hexadecimal digits. `sha256-`, as in the server's file names, is accepted; it is
 * sent as `sha256:` with small letters, because the server compares an upload's digest literally.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Digest = Schema.transform(
  Schema.String,
  Schema.String.pipe(
    Schema.pattern(pattern, {
      identifier: "Digest",
      message: () => `expected a digest: "sha256:" and 64 hexadecimal digits`,
      arbitrary: () => (fc) => fc.stringMatching(/^sha256[:-][0-9a-fA-F]{64}$/)
    })
  ),
  {
    strict: true,
    decode: (digest) => digest,
    encode: (digest) => `sha256:${digest.slice("sha256:".length).toLowerCase()}`
  }
)

/**
 * @since 0.1.0
 * @category models
 */
export type Digest = typeof Digest.Type

/**
 * An upload: a file's content and its digest. A `Stream` can be read only once, so an upload of one is never retried.
 *
 * @since 0.1.0
 * @category models
 */
export interface UploadRequest<E = never, R = never> {
  /** SHA-256 of the content, `sha256:<64 hex>`; the server refuses a content that does not fit it. */
  readonly digest: Digest
  /** The bytes, at once or in pieces. */
  readonly content: Uint8Array | Stream.Stream<Uint8Array, E, R>
}
