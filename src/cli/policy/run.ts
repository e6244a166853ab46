/** `effect-ollama policy`. */
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PolicyFile from "../../node/policyFile.js"
import * as Policy from "../../policy/Policy.js"
import * as ExitCodes from "../exitCodes.js"
import { Ended } from "../failure.js"
import * as Input from "../terminal/input.js"
import * as Output from "../terminal/Output.js"
import * as Style from "../terminal/Style.js"
import * as Render from "./render.js"

/** `-` is stdin, as for other tools that read a file. */
const policyOf = (path: string): Effect.Effect<Policy.Policy, PolicyFile.PolicyFileError> =>
  path === "-"
    ? Effect.flatMap(Input.text, (content) => PolicyFile.parse("stdin", content))
    : Effect.flatMap(PolicyFile.text(path), (content) => PolicyFile.parse(path, content))

const variable = Config.option(Config.nonEmptyString("OLLAMA_POLICY_FILE"))

/** What a client would use: a file named here alone; else that of OLLAMA_POLICY_FILE, under the other variables. */
const effective = (
  path: Option.Option<string>
): Effect.Effect<Policy.Policy, PolicyFile.PolicyFileError | ConfigError.ConfigError> =>
  Option.match(path, {
    onSome: policyOf,
    onNone: () =>
      Effect.flatMap(variable, (file) =>
        Effect.flatMap(
          Option.match(file, { onNone: () => Effect.succeed(Policy.defaults), onSome: policyOf }),
          Policy.configOver
        )
      )
  })

export interface PolicyOptions {
  readonly policy: Option.Option<string>
}

export const print = ({ policy }: PolicyOptions) =>
  Effect.flatMap(effective(policy), (found) => Output.print(`${JSON.stringify(Policy.toJson(found), null, 2)}\n`))

export const explain = ({ policy }: PolicyOptions) =>
  Effect.gen(function* () {
    const found = yield* effective(policy)
    const { stdout } = yield* Output.Output
    yield* Output.printLines(Render.explanation(found, stdout.columns()))
  })

/** Checks all files, and says of each what is wrong with it; ends with the code of the first that is. */
export const check = ({ files, json }: { readonly files: ReadonlyArray<string>; readonly json: boolean }) =>
  Effect.gen(function* () {
    let code: number = ExitCodes.success
    for (const file of files) {
      const problem = yield* Effect.option(Effect.flip(policyOf(file)))
      if (json) {
        yield* Output.printJson({
          file,
          valid: Option.isNone(problem),
          problems: Option.match(problem, { onNone: () => [], onSome: ({ problems }) => problems })
        })
      } else if (Option.isSome(problem)) yield* Output.note(...Render.problems(problem.value))
      else yield* Output.printLines([Style.line(`${file}: `, Style.span("good", "green"))])
      if (Option.isSome(problem) && code === ExitCodes.success) {
        code = problem.value.reason === "unreadable" ? ExitCodes.noFile : ExitCodes.badFile
      }
    }
    if (code !== ExitCodes.success) return yield* new Ended({ code })
  })
