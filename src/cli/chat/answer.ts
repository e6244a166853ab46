/** An answer as it is written: text to stdout, thoughts to stderr, and one line of figures at the end. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Chat from "../../api/Chat.js"
import * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaError from "../../OllamaError.js"
import * as Verdict from "../../record/Verdict.js"
import * as Columns from "../terminal/columns.js"
import * as Output from "../terminal/Output.js"
import * as Style from "../terminal/Style.js"
import * as Units from "../terminal/units.js"
import { figures } from "./figures.js"
import * as Waiting from "../terminal/Waiting.js"

/** What has been shown so far. */
export interface Shown {
  text: string
  thinking: string
}

/** A text as it arrives: what a terminal could take for a command is removed, where it is a terminal's. */
const shown = (sink: Output.Sink, text: string): string => (sink.isTerminal ? Columns.harmless(text) : text)

interface Writer {
  readonly think: (text: string) => Effect.Effect<void, Output.OutputClosed>
  readonly say: (text: string) => Effect.Effect<void, Output.OutputClosed>
  /** Ends the line that is being written, if there is one. */
  readonly end: Effect.Effect<void, Output.OutputClosed>
}

/** Knows which of the two is at the beginning of a line. */
const makeWriter = ({ stderr, stdout }: Output.Service): Writer => {
  let open: "text" | "thoughts" | undefined
  let last = "\n"
  const close = (after: string) =>
    Effect.suspend(() => {
      const sink = open === "thoughts" ? stderr : stdout
      const text = open === undefined ? "" : (last === "\n" ? "" : "\n") + after
      open = undefined
      last = "\n"
      return sink.write(text)
    })
  const write = (kind: "text" | "thoughts", text: string) =>
    Effect.suspend(() => {
      if (text === "") return Effect.void
      const before = open === "thoughts" && kind === "text" ? close("\n") : Effect.void
      const sink = kind === "thoughts" ? stderr : stdout
      const visible = shown(sink, text)
      const painted = kind === "thoughts" ? Style.paint(visible, "dim", sink.isColoured) : visible
      return Effect.zipRight(
        before,
        Effect.suspend(() => {
          open = kind
          last = text.slice(-1)
          return sink.write(painted)
        })
      )
    })
  return { think: (text) => write("thoughts", text), say: (text) => write("text", text), end: close("") }
}

/** Why the call that runs has no answer yet, where that is known. */
const why: Effect.Effect<string, never, OllamaClient.OllamaClient> = Effect.flatMap(
  OllamaClient.OllamaClient,
  ({ state }) =>
    Effect.map(state, ({ running }) => {
      const verdict = running.find(({ call }) => call.operation === "chat")?.verdict
      return verdict === undefined || verdict._tag === "Unknown" ? "" : `: ${Columns.oneLine(Verdict.text(verdict))}`
    })
)

/**
 * Asks, and writes the answer. What has been written is also put into `into`, for a conversation that goes on after an
 * answer was left half way.
 */
export const answer = (
  request: Chat.ChatRequest,
  options: { readonly isQuiet: boolean; readonly into?: Shown }
): Effect.Effect<void, OllamaError.OllamaError | Output.OutputClosed, OllamaClient.OllamaClient | Output.Output> =>
  Effect.gen(function* () {
    const output = yield* Output.Output
    const writer = makeWriter(output)
    const into = options.into ?? { text: "", thinking: "" }
    const startedAt = yield* Clock.currentTimeMillis
    const stopWaiting = yield* Waiting.make((elapsed) =>
      Effect.map(why, (reason) => `waiting for ${request.model}, ${Units.rough(elapsed)}${reason}`)
    )
    let firstAt: number | undefined
    let last: Chat.ChatChunk | undefined
    yield* OllamaClient.chatStream(request).pipe(
      Stream.chunks,
      Stream.runForEach((chunks) =>
        Effect.gen(function* () {
          firstAt ??= yield* Effect.zipRight(stopWaiting, Clock.currentTimeMillis)
          for (const chunk of chunks) {
            last = chunk
            into.thinking += chunk.message.thinking ?? ""
            into.text += chunk.message.content
            yield* writer.think(chunk.message.thinking ?? "")
            yield* writer.say(chunk.message.content)
          }
        })
      ),
      Effect.ensuring(Effect.zipRight(stopWaiting, Effect.ignore(writer.end)))
    )
    if (last === undefined || firstAt === undefined || options.isQuiet) return
    yield* Output.note(Style.line(Style.span(figures(last, firstAt - startedAt), "dim")))
  }).pipe(Effect.scoped)
