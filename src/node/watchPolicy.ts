/**
 * A policy file as a stream of policies.
 *
 * Editors and deployments replace a file by renaming another, change the directory around it, or write it in pieces, so
 * its directory is watched, not the file; what counts is its content once it has come to rest. Network drives and
 * replaced directories tell nobody: the file is looked at from time to time besides.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Policy from "../policy/Policy.js"
import * as PolicyFile from "./policyFile.js"

/** How long the content must have been the same before it counts. */
const rest = Duration.millis(100)

/** How often the file is looked at besides. */
export const defaultInterval = Duration.seconds(5)

/** In a directory where much happens, the file is not read more often than this. */
const pause = Duration.millis(20)

/** Something has happened in the directory; a signal, not a count. */
const signals = (directory: string): Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const queue = yield* Effect.acquireRelease(Queue.sliding<void>(1), Queue.shutdown)
    const open = Effect.try(() => {
      const watcher = Fs.watch(directory, () => queue.unsafeOffer(undefined))
      // an own error is that of the directory, which the looks from time to time will tell
      watcher.on("error", () => watcher.close())
      return watcher
    })
    yield* Effect.acquireRelease(open, (watcher) => Effect.sync(() => watcher.close())).pipe(
      Effect.catchAll((error) => Effect.logDebug(`${directory} cannot be watched, only looked at`, error))
    )
    return queue
  })

export const watch = (
  path: string,
  interval: Duration.DurationInput
): Stream.Stream<Policy.Policy, PolicyFile.PolicyFileError> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const file = Path.resolve(path)
      // before the first read, so that no change falls between the two
      const changed = yield* signals(Path.dirname(file))
      const content = yield* PolicyFile.text(file)
      const first = yield* PolicyFile.parse(file, content)

      const contents = Stream.fromQueue(changed, { maxChunkSize: 1 }).pipe(
        Stream.merge(Stream.tick(interval), { haltStrategy: "either" }),
        Stream.schedule(Schedule.spaced(pause)),
        Stream.mapEffect(() => Effect.either(PolicyFile.text(file)))
      )
      const later = Stream.concat(Stream.succeed(Either.right(content)), contents).pipe(
        Stream.changesWith(isSame),
        Stream.drop(1),
        Stream.debounce(rest),
        Stream.mapEffect((text) =>
          Effect.flatMap(text, (good) => PolicyFile.parse(file, good)).pipe(
            Effect.asSome,
            Effect.catchAll((error) =>
              Effect.as(Effect.logWarning(`${error.message}. The last good policy stays in force.`), Option.none())
            )
          )
        ),
        Stream.filterMap((policy) => policy)
      )
      return Stream.changesWith(Stream.concat(Stream.succeed(first), later), Policy.equivalence)
    })
  )

const isSame = <E extends Error>(a: Either.Either<string, E>, b: Either.Either<string, E>): boolean =>
  Either.isRight(a) ? Either.isRight(b) && a.right === b.right : Either.isLeft(b) && a.left.message === b.left.message
