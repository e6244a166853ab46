/** The command from its words to its exit code. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Cause from "effect/Cause"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as OllamaClient from "../OllamaClient.js"
import * as Arguments from "./arguments.js"
import { family, root } from "./commands.js"
import * as Completions from "./completions.js"
import * as ExitCodes from "./exitCodes.js"
import * as Failure from "./failure.js"
import * as Help from "./help.js"
import * as Signals from "./signals.js"
import * as Columns from "./terminal/columns.js"
import * as Output from "./terminal/Output.js"
import * as Style from "./terminal/Style.js"
import * as Tree from "./tree.js"
import { version } from "./version.js"

const name = "effect-ollama"

const app = Command.run(root, { name, version, executable: name })

/** What @effect/cli says of a wrong command line is said by us. */
const console: Effect.Effect<Console.Console> = Effect.map(Effect.console, (service) => ({
  ...service,
  error: () => Effect.void
}))

/** Results are on stdout, so what is logged is on stderr. */
const logger = Logger.withConsoleError(Logger.logfmtLogger)

const parsed = (words: ReadonlyArray<string>) =>
  Effect.flatMap(console, (service) => Effect.withConsole(app(["", "", ...words]), service)).pipe(
    Effect.provide(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer)),
    Effect.provide(CliConfig.layer({ isCaseSensitive: true, showBuiltIns: false }))
  )

const complete = (shell: string, tree: Tree.Node) => {
  const script = Completions.script(shell, tree)
  return script === undefined
    ? new Failure.UsageError({ message: `--completions takes bash, zsh or fish, not ${shell}` })
    : Output.print(script)
}

const run = (words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    if (Arguments.asks(words, "--version")) return yield* Output.print(`${version}\n`)
    const tree = Tree.of(family)
    if (Arguments.asks(words, "--help", "-h")) {
      const { stdout } = yield* Output.Output
      return yield* Output.printLines(Help.page(Arguments.commandOf(tree, words), stdout.columns()))
    }
    const shell = Arguments.valueOf(words, "--completions")
    if (shell !== undefined) return yield* complete(shell, tree)
    const given = Arguments.normal(tree, words)
    const problem = Arguments.problemOf(tree, given)
    if (Option.isSome(problem)) return yield* problem.value
    // what is slow is shown by the commands themselves
    yield* OllamaClient.withPolicy(parsed(given), { slow: { log: false } })
  })

/** One line of what @effect/cli says in several. */
const validation = (error: ValidationError.ValidationError): Failure.UsageError =>
  new Failure.UsageError({
    message: Columns.oneLine(HelpDoc.toAnsiText("error" in error ? error.error : HelpDoc.empty))
  })

/** A wrong command line is explained by the page of its command. */
const described = (error: Failure.Failure, words: ReadonlyArray<string>): Failure.Description => {
  const description = Failure.describe(error)
  if (description.code !== ExitCodes.usage) return description
  return { ...description, hint: `${Arguments.commandOf(Tree.of(family), words).path.join(" ")} --help` }
}

/** The exit code of a command that has ended by itself. */
const codeOf = (words: ReadonlyArray<string>): Effect.Effect<number, never, Output.Output> =>
  run(words).pipe(
    Effect.as(ExitCodes.success),
    Effect.catchAll((error) => {
      if (error._tag === "OutputClosed") return Effect.succeed(ExitCodes.success)
      if (error._tag === "Ended") return Effect.succeed(error.code)
      const description = described(ValidationError.isValidationError(error) ? validation(error) : error, words)
      return Effect.as(Failure.say(description), description.code)
    }),
    // nobody is left to hear of it
    Effect.catchTag("OutputClosed", () => Effect.succeed(ExitCodes.success)),
    Effect.catchAllDefect((defect) =>
      Effect.as(
        Effect.ignore(Output.note(Style.line(`a defect of ${name}: ${Cause.pretty(Cause.die(defect))}`))),
        ExitCodes.defect
      )
    ),
    Logger.withMinimumLogLevel(LogLevel.Warning),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger))
  )

/** A process lives as long as it has something to wait for; an Effect that waits for another one is nothing to Node. */
const forever = 2 ** 31 - 1

/** Runs the command with the words of the process, and ends the process. */
export const start = (): void => {
  let signal: Signals.Signal | undefined
  const alive = setInterval(() => {}, forever)
  const fiber = Effect.runFork(Effect.provide(codeOf(process.argv.slice(2)), Output.layer))
  Signals.listen((received) => {
    // a second one does not wait for what the first one closes
    if (signal !== undefined) process.exit(Signals.exitCode[received])
    signal = received
    fiber.unsafeInterruptAsFork(fiber.id())
  })
  fiber.addObserver((exit) => {
    clearInterval(alive)
    process.exit(signal === undefined ? Exit.getOrElse(exit, () => ExitCodes.defect) : Signals.exitCode[signal])
  })
}
