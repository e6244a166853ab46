/** What is wrong with a policy, by the path of each problem. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import { Policy } from "effect-ollama"

const issues = (json: unknown): ReadonlyArray<ParseResult.ArrayFormatterIssue> =>
  Either.match(Effect.runSync(Effect.either(Policy.fromJson(json))), {
    onLeft: ParseResult.ArrayFormatter.formatErrorSync,
    onRight: () => []
  })

/** Sorted. */
export const pathsOf = (json: unknown): ReadonlyArray<string> =>
  issues(json)
    .map(({ path }) => path.join("."))
    .sort()

/** As `path: message`. */
export const problemsOf = (json: unknown): ReadonlyArray<string> =>
  issues(json).map(({ message, path }) => `${path.join(".")}: ${message}`)
