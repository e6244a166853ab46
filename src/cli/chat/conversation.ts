/** Question and answer until the person leaves; every question is asked with all that was said before. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Chat from "../../api/Chat.js"
import type * as OllamaClient from "../../OllamaClient.js"
import * as Failure from "../failure.js"
import * as Signals from "../signals.js"
import * as Output from "../terminal/Output.js"
import * as Style from "../terminal/Style.js"
import * as Answer from "./answer.js"
import * as Editor from "./Editor.js"

const help = [
  'Type a question and press Enter. Several lines: paste them, or put them between """.',
  "/clear  forget the conversation",
  "/help   these lines",
  "/bye    leave (also Ctrl-D)",
  "Ctrl-C  stop an answer"
]

const dim = (...lines: ReadonlyArray<string>) =>
  Output.note(...lines.map((text) => Style.line(Style.span(text, "dim"))))

/** What is kept of a turn: an answer that was stopped half way was seen, and belongs to the conversation. */
const remembered = (
  before: ReadonlyArray<Chat.Message>,
  question: Chat.Message,
  { text, thinking }: Answer.Shown
): ReadonlyArray<Chat.Message> =>
  text === ""
    ? before
    : [...before, question, { role: "assistant", content: text, ...(thinking === "" ? {} : { thinking }) }]

export const converse = (
  request: Chat.ChatRequest,
  isQuiet: boolean
): Effect.Effect<void, Output.OutputClosed, OllamaClient.OllamaClient | Output.Output | Scope.Scope> =>
  Effect.gen(function* () {
    yield* dim(`Asking ${request.model}. /help says what can be typed, Ctrl-D leaves.`)
    const editor = yield* Editor.make("Ctrl-D or /bye leaves.")
    let messages = request.messages

    const ask = (content: string) =>
      Effect.gen(function* () {
        const into: Answer.Shown = { text: "", thinking: "" }
        const question = { role: "user", content }
        yield* Answer.answer({ ...request, messages: [...messages, question] }, { isQuiet, into }).pipe(
          Effect.as(false),
          Effect.raceFirst(Effect.as(Signals.ctrlC, true)),
          Effect.tap((isStopped) => (isStopped ? dim("Stopped.") : Effect.void)),
          Effect.catchIf(
            (error) => error._tag !== "OutputClosed",
            (error) => Failure.say(Failure.describe(error))
          )
        )
        messages = remembered(messages, question, into)
      })

    for (;;) {
      const line = yield* editor.read
      if (Option.isNone(line)) return yield* Output.note(Style.line(""))
      const text = line.value.trim()
      switch (text) {
        case "":
          break
        case "/bye":
          return
        case "/clear":
          messages = request.messages
          yield* dim("Forgotten.")
          break
        case "/help":
        case "/?":
          yield* dim(...help)
          break
        default:
          yield* ask(line.value)
      }
    }
  })
