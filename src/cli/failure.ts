/** What is said of a failure at the end of the command: one message, what to do, and an exit code. */
import type { PlatformError } from "@effect/platform/Error"
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { PolicyFileError } from "../node/policyFile.js"
import type * as OllamaError from "../OllamaError.js"
import * as ExitCodes from "./exitCodes.js"
import * as Columns from "./terminal/columns.js"
import * as Output from "./terminal/Output.js"
import * as Style from "./terminal/Style.js"

/** The command line, or what it asks for, makes no sense. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** What is asked for is not there, though nothing failed. */
export class NotPossible extends Data.TaggedError("NotPossible")<{
  readonly message: string
  readonly remedy: string
}> {}

/** All has been said; only the code is left. */
export class Ended extends Data.TaggedError("Ended")<{ readonly code: number }> {}

export type Failure =
  OllamaError.OllamaError | PolicyFileError | ConfigError.ConfigError | PlatformError | UsageError | NotPossible

export interface Description {
  readonly message: string
  readonly remedy?: string | undefined
  /** A command of ours that helps. */
  readonly hint?: string | undefined
  readonly code: number
}

const codeOf = (error: OllamaError.OllamaError): number => {
  switch (error._tag) {
    case "Unreachable":
      return error.reason === "tls" ? ExitCodes.blocked : ExitCodes.down
    case "CircuitOpen":
      return ExitCodes.down
    case "Timeout":
      return error.phase === "connect" ? ExitCodes.down : ExitCodes.slow
    case "Overloaded":
      return ExitCodes.overloaded
    case "Blocked":
      return ExitCodes.blocked
    default:
      return ExitCodes.failed
  }
}

/** What of this command helps further. */
const hintFor = (error: OllamaError.OllamaError, code: number): string | undefined => {
  if (code >= ExitCodes.down && code <= ExitCodes.blocked) return "`effect-ollama doctor` looks for the cause"
  const isMissed = error._tag === "ModelNotFound" && error.endpoint !== "/api/delete" && error.model !== undefined
  return isMissed ? `\`effect-ollama models pull ${error.model}\`` : undefined
}

/** The problems of the variables, each once, with its name. */
const configProblems = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  switch (error._op) {
    case "And":
    case "Or":
      return [...configProblems(error.left), ...configProblems(error.right)]
    default:
      return [`${error.path.join("_")}: ${error.message}`]
  }
}

export const describe = (error: Failure): Description => {
  if (ConfigError.isConfigError(error)) {
    return { message: configProblems(error).join("\n"), code: ExitCodes.badEnvironment }
  }
  switch (error._tag) {
    case "UsageError":
      return { message: error.message, code: ExitCodes.usage }
    case "NotPossible":
      return { message: error.message, remedy: error.remedy, code: ExitCodes.failed }
    case "PolicyFileError":
      return {
        message: error.message,
        code: error.reason === "unreadable" ? ExitCodes.noFile : ExitCodes.badFile
      }
    case "BadArgument":
    case "SystemError":
      return { message: error.message, code: ExitCodes.noFile }
    default: {
      // the remedy has a line of its own here
      const end = `. ${error.remedy}`
      const message = error.message.endsWith(end) ? error.message.slice(0, -end.length) : error.message
      const code = codeOf(error)
      return { message, remedy: error.remedy, hint: hintFor(error, code), code }
    }
  }
}

/** The label before the first line, the others below its text. */
const labelled = (label: string, style: Style.Style, texts: ReadonlyArray<string>, width: number) => {
  const indent = label.length + 1
  return texts
    .flatMap((text) => Columns.wrap(Columns.harmless(text), Math.max(12, width - indent)))
    .map((text, index) => Style.line(index === 0 ? Style.span(label, style) : " ".repeat(label.length), ` ${text}`))
}

/** The lines for stderr. */
export const lines = ({ hint, message, remedy }: Description, width: number): ReadonlyArray<Style.Line> => [
  ...labelled("error:", "red", message.split("\n"), width),
  ...labelled(
    "to do:",
    "cyan",
    [remedy, hint].filter((text) => text !== undefined),
    width
  )
]

/** Says it. */
export const say = (description: Description): Effect.Effect<void, Output.OutputClosed, Output.Output> =>
  Effect.flatMap(Output.Output, ({ stderr }) =>
    stderr.write(Style.renderAll(lines(description, stderr.columns()), stderr.isColoured))
  )
