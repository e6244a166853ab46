/**
 * A chat in the terminal: what `npm start` runs.
 *
 *     npm start -- "Why is the sky blue?" --model llama3.2
 *
 * It asks the server at OLLAMA_HOST. Where none answers, it says why, and runs the same program against the simulator.
 * Notes go to stderr; the answer, as it arrives, and one line of figures go to stdout.
 *
 * expect: ^load \d\.\d\d s, prompt 0\.\d\d s \(\d+ tokens\), generation \d\.\d\d s \(\d+ tokens\), \d+\.\d tokens a second$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Config, Data, Deferred, Duration, Effect, Exit, Layer, Option, Stream } from "effect"
import { type CallRecord, type Chat, type Model, OllamaClient, OllamaConfig, type OllamaError } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { OllamaSimulator } from "effect-ollama/testing"
import type * as Tty from "node:tty"
import { parseArgs } from "node:util"

// ---- the program: the same value for a server and for the simulator -------------------------------------------------

const ask = (question: string, model: string) =>
  Effect.gen(function* () {
    const record = yield* Deferred.make<CallRecord.CallRecord>()
    const request = { model, messages: [{ role: "user", content: question }] }
    const answer = OllamaClient.chatStream(request, { onRecord: (told) => Deferred.succeed(record, told) })
    const last = yield* answer.pipe(
      Stream.mapAccum(false, (wasThinking, chunk) => {
        const [isThinking, text] = written(wasThinking, chunk)
        return [isThinking, { chunk, text }]
      }),
      Stream.tap(({ text }) => print(text)),
      Stream.runLast
    )
    if (Option.isSome(last)) yield* print(`\n\n${figures(last.value.chunk, yield* Deferred.await(record))}\n`)
  }).pipe(Effect.onInterrupt(() => Effect.ignore(note("Stopped."))))

/** What a chunk adds to the screen. What a model thinks is for people only, and set apart from what it says. */
const written = (wasThinking: boolean, { message }: Chat.ChatChunk): readonly [isThinking: boolean, text: string] => {
  const thought = process.stdout.isTTY && message.thinking ? dim(process.stdout, message.thinking) : ""
  const isThinking = wasThinking || thought !== ""
  if (message.content === "") return [isThinking, thought]
  return [false, `${thought}${isThinking ? "\n\n" : ""}${message.content}`]
}

/**
 * The server's own figures, which come with the last chunk; those that are zero are left out on the wire. The load is the
 * client's, in a request of its own, so it is in the record of the call.
 */
const figures = (last: Chat.ChatChunk, { phases }: CallRecord.CallRecord): string => {
  const seconds = (nanos = 0) => nanos / 1e9
  const tokens = (count: number | undefined) => (count === undefined ? "" : ` (${count} tokens)`)
  const generation = seconds(last.eval_duration)
  const rate = generation > 0 ? `, ${((last.eval_count ?? 0) / generation).toFixed(1)} tokens a second` : ""
  return [
    `load ${Duration.toSeconds(phases.loading?.actual ?? Duration.zero).toFixed(2)} s`,
    `prompt ${seconds(last.prompt_eval_duration).toFixed(2)} s${tokens(last.prompt_eval_count)}`,
    `generation ${generation.toFixed(2)} s${tokens(last.eval_count)}${rate}`
  ].join(", ")
}

// ---- which server and which model -----------------------------------------------------------------------------------

/** Nobody there whom one could ask. */
class NoServer extends Data.TaggedError("NoServer")<{ readonly message: string }> {}

/** What a failed first look says: that no Ollama answers there, or something that the server wants us to know. */
const orNoServer = (error: OllamaError.OllamaError): OllamaError.OllamaError | NoServer => {
  switch (error._tag) {
    case "Unreachable":
    case "Timeout":
    case "Blocked":
    case "ProtocolError":
      return new NoServer({ message: `No Ollama server answers: ${error.message}` })
    default:
      return error
  }
}

/** Servers since 0.30 say in the list what a model can; older ones when they are asked; the oldest do not. */
const canChat = (model: Model.ListedModel) =>
  model.capabilities === undefined
    ? Effect.map(
        OllamaClient.show({ model: model.name }),
        ({ capabilities }) => capabilities?.includes("completion") ?? !model.details.family?.includes("bert")
      )
    : Effect.succeed(model.capabilities.includes("completion"))

const firstThatCanChat = (models: ReadonlyArray<Model.ListedModel>) =>
  Effect.flatMap(
    Effect.findFirst(models, canChat),
    Option.match({
      onNone: () => new NoServer({ message: "No model that can chat is installed: run `ollama pull llama3.2`" }),
      onSome: (model) => Effect.succeed(model.name)
    })
  )

const askServer = (question: string, wanted: Option.Option<string>) =>
  Effect.gen(function* () {
    const { models } = yield* Effect.mapError(OllamaClient.list(), orNoServer)
    const model = yield* Option.match(wanted, { onNone: () => firstThatCanChat(models), onSome: Effect.succeed })
    return model
  }).pipe(
    OllamaClient.withPolicy({ timeouts: { firstToken: "5 seconds" }, retry: { attempts: 1 } }),
    Effect.tap((model) => Effect.flatMap(address, (url) => note(`Asking ${model} at ${url}`, "\n"))),
    Effect.flatMap((model) => ask(question, model)),
    Effect.provide(OllamaNode.layerConfig())
  )

const address = Effect.flatMap(OllamaConfig.config, ({ host }) =>
  Effect.map(OllamaConfig.address(host), ({ url }) => url)
)

const reply =
  "This is the effect-ollama simulator and not a language model, so this is what it says to everybody. It loads a " +
  "model, reads the prompt and writes token after token, as Ollama does. To ask a real model, start Ollama " +
  "(`ollama serve`), get one (`ollama pull llama3.2`), and run this again."

const askSimulator = (question: string, wanted: Option.Option<string>) => {
  const model = Option.getOrElse(wanted, () => "llama3.2")
  const simulator = OllamaSimulator.layer({
    models: [{ name: model, loadTime: "600 millis", promptTime: "200 millis", tokenTime: "25 millis", reply }]
  })
  return note(`Asking the simulator in its place, as ${model}`, "\n").pipe(
    Effect.zipRight(ask(question, model)),
    Effect.provide(OllamaClient.layer().pipe(Layer.provide(simulator)))
  )
}

// ---- the terminal ---------------------------------------------------------------------------------------------------

/** Nobody reads what is written, as after `| head`. */
class OutputClosed extends Data.TaggedError("OutputClosed") {}

// a write that fails calls back; without a listener the stream would throw as well
for (const output of [process.stdout, process.stderr]) output.on("error", () => {})

let isAtLineStart = true

/** Waits until the text has left the process. */
const write = (output: Tty.WriteStream, text: string) =>
  Effect.async<void, OutputClosed>((resume) => {
    output.write(text, (error) => resume(error ? new OutputClosed() : Effect.void))
  })

const print = (text: string) =>
  Effect.suspend(() => {
    if (text === "") return Effect.void
    isAtLineStart = text.endsWith("\n")
    return write(process.stdout, text)
  })

const note = (line: string, after = "") =>
  Effect.suspend(() => {
    const text = `${isAtLineStart ? "" : "\n"}${dim(process.stderr, line)}\n${after}`
    isAtLineStart = true
    return write(process.stderr, text)
  })

const dim = (output: Tty.WriteStream, text: string): string =>
  output.isTTY && output.hasColors() ? `\u001b[2m${text}\u001b[22m` : text

// ---- the command ----------------------------------------------------------------------------------------------------

const usage = 'npm start -- "your question" --model llama3.2'

class BadArguments extends Data.TaggedError("BadArguments")<{ readonly message: string }> {}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const commandLine = Effect.try({
  try: () => parseArgs({ allowPositionals: true, options: { model: { type: "string", short: "m" } } }),
  catch: (error) => new BadArguments({ message: `${messageOf(error).replace(/\. To specify.*/, "")}. Usage: ${usage}` })
})

const main = Effect.gen(function* () {
  const { positionals, values } = yield* commandLine
  const question = positionals.join(" ") || "Why is the sky blue? Answer in two sentences."
  const wanted = Option.fromNullable(values.model)
  // how the examples are run in CI
  const onlySimulator = yield* Config.withDefault(Config.boolean("EFFECT_OLLAMA_SIMULATOR"), false)
  if (onlySimulator) return yield* askSimulator(question, wanted)
  yield* askServer(question, wanted).pipe(
    Effect.catchTag("NoServer", ({ message }) => Effect.zipRight(note(message), askSimulator(question, wanted)))
  )
})

main.pipe(
  Effect.catchTag("OutputClosed", () => Effect.void),
  Effect.tapError((error) => Effect.ignore(note(error.message))),
  Effect.tapDefect((cause) => Effect.ignore(note(Cause.pretty(cause)))),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? 0 : Cause.isInterruptedOnly(exit.cause) ? 130 : 1)
  })
)
