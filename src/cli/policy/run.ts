/** `effect-ollama policy`. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Policy from "../../policy/Policy.js"
import * as ExitCodes from "../exitCodes.js"
import { Ended } from "../failure.js"
import * as Output from "../terminal/Output.js"
import * as Style from "../terminal/Style.js"
import { effective, ofFile } from "./effective.js"
import * as Render from "./render.js"

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
      const problem = yield* Effect.option(Effect.flip(ofFile(file)))
      if (json) {
        const problems = Option.match(problem, { onNone: () => [], onSome: ({ problems }) => problems })
        yield* Output.printJson({ file, valid: Option.isNone(problem), problems })
      } else if (Option.isSome(problem)) yield* Output.note(...Render.problems(problem.value))
      else yield* Output.printLines([Style.line(`${file}: `, Style.span("good", "green"))])
      if (Option.isSome(problem) && code === ExitCodes.success) {
        code = problem.value.reason === "unreadable" ? ExitCodes.noFile : ExitCodes.badFile
      }
    }
    if (code !== ExitCodes.success) return yield* new Ended({ code })
  })
