/** The policy of a file that OLLAMA_POLICY_FILE names, under the variables that change single fields of it. */
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Policy from "../policy/Policy.js"
import type { PolicyFileError } from "./policyFile.js"
import { defaultInterval, watch } from "./watchPolicy.js"

const variable = "OLLAMA_POLICY_FILE"

const ofTheFile = (error: PolicyFileError): ConfigError.ConfigError =>
  ConfigError.InvalidData([variable], error.message)

/** The variables may not fit a file that was changed, though each is possible by itself. */
const later = (
  policy: Either.Either<Policy.Policy, ConfigError.ConfigError>
): Effect.Effect<Option.Option<Policy.Policy>> =>
  Either.match(policy, {
    onLeft: (error) => Effect.as(Effect.logWarning("The last good policy stays in force.", error), Option.none()),
    onRight: Effect.succeedSome
  })

/** The policy to begin with, and those that follow when the file changes. */
export const follow = (
  path: string
): Effect.Effect<
  { readonly policy: Policy.Policy; readonly policyChanges: Stream.Stream<Policy.Policy> },
  ConfigError.ConfigError,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const policies = watch(path, defaultInterval).pipe(
      Stream.mapError(ofTheFile),
      Stream.mapEffect((policy) => Effect.either(Policy.configOver(policy)))
    )
    const [head, rest] = yield* Stream.peel(policies, Sink.head())
    // the stream of a file has a first policy, or fails
    const policy = yield* Option.getOrElse(head, () => Either.right(Policy.defaults))
    const policyChanges = Stream.orDie(Stream.filterMap(Stream.mapEffect(rest, later), (changed) => changed))
    return { policy, policyChanges }
  })
