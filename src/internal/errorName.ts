/** What an error is called that is not ours. Its text may hold anything, so it is neither kept nor shown. */
import * as Predicate from "effect/Predicate"

/** @param otherwise where it has no name */
export const of = (error: unknown, otherwise: string): string =>
  Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag)
    ? error._tag
    : error instanceof Error
      ? error.name
      : otherwise
