/** The policy that a client would use. */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PolicyFile from "../../node/policyFile.js"
import * as Policy from "../../policy/Policy.js"
import * as Input from "../terminal/input.js"

/** `-` is stdin, as for other tools that read a file. */
export const ofFile = (path: string): Effect.Effect<Policy.Policy, PolicyFile.PolicyFileError> =>
  path === "-"
    ? Effect.flatMap(Input.text, (content) => PolicyFile.parse("stdin", content))
    : Effect.flatMap(PolicyFile.text(path), (content) => PolicyFile.parse(path, content))

const variable = Config.option(Config.nonEmptyString("OLLAMA_POLICY_FILE"))

/** A file named here alone; else that of OLLAMA_POLICY_FILE, under the other variables. */
export const effective = (
  path: Option.Option<string>
): Effect.Effect<Policy.Policy, PolicyFile.PolicyFileError | ConfigError.ConfigError> =>
  Option.match(path, {
    onSome: ofFile,
    onNone: () =>
      Effect.flatMap(variable, (file) =>
        Effect.flatMap(
          Option.match(file, { onNone: () => Effect.succeed(Policy.defaults), onSome: ofFile }),
          Policy.configOver
        )
      )
  })
