/** Files as blobs: read in pieces, so that a model of any size fits. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"

const pieceSize = FileSystem.KiB(256)

export const content = (path: string): Stream.Stream<Uint8Array, PlatformError> =>
  Stream.flatMap(FileSystem.FileSystem, (files) => files.stream(path, { chunkSize: pieceSize })).pipe(
    Stream.provideLayer(NodeFileSystem.layer)
  )

export const digest = (path: string): Effect.Effect<string, PlatformError> =>
  Effect.suspend(() => {
    const hash = Crypto.createHash("sha256")
    return Effect.map(
      Stream.runForEach(content(path), (bytes) => Effect.sync(() => hash.update(bytes))),
      () => `sha256:${hash.digest("hex")}`
    )
  })

export const isReadable = (path: string): Effect.Effect<void, PlatformError> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.access(path, { readable: true })).pipe(
    Effect.provide(NodeFileSystem.layer)
  )
