/** `effect-ollama chat`. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Chat from "../../api/Chat.js"
import { defined } from "../../internal/defined.js"
import type * as OllamaClient from "../../OllamaClient.js"
import * as Connection from "../connection.js"
import * as Failure from "../failure.js"
import * as Input from "../terminal/input.js"
import * as Output from "../terminal/Output.js"
import * as Style from "../terminal/Style.js"
import { answer } from "./answer.js"
import { chooseModel } from "./chooseModel.js"
import { converse } from "./conversation.js"

export type Think = "yes" | "no" | "low" | "medium" | "high" | "max"

export interface Options extends Connection.Connection {
  readonly model: Option.Option<string>
  readonly system: Option.Option<string>
  readonly think: Option.Option<Think>
  readonly quiet: boolean
  /** The words of the prompt. */
  readonly prompt: ReadonlyArray<string>
}

const thinkOf = (think: Think): Chat.ChatRequest["think"] => (think === "yes" ? true : think === "no" ? false : think)

/** What is asked: the words of the command line, and what comes through a pipe, as `ollama run` puts them together. */
const promptOf = (words: ReadonlyArray<string>): Effect.Effect<string | undefined, Failure.UsageError> =>
  Effect.gen(function* () {
    const word = words.join(" ")
    const piped = Input.isPiped() ? (yield* Input.text).trimEnd() : undefined
    const prompt = [word, piped ?? ""].filter((part) => part.trim() !== "").join("\n\n")
    if (prompt !== "") return prompt
    // neither a word nor a person who could type one
    if (piped !== undefined || !Input.isInteractive()) {
      return yield* new Failure.UsageError({ message: "nothing to ask: give a prompt, or write it to stdin" })
    }
    return undefined
  })

/** Which model it is, said where nobody named it. */
const modelOf = (model: Option.Option<string>, isQuiet: boolean) =>
  Option.match(model, {
    onSome: Effect.succeed,
    onNone: () =>
      Effect.tap(chooseModel, (name) =>
        isQuiet ? Effect.void : Output.note(Style.line(Style.span(`Asking ${name} (--model asks another)`, "dim")))
      )
  })

export const run = (options: Options) =>
  Effect.gen(function* () {
    const prompt = yield* promptOf(options.prompt)
    const ask: Effect.Effect<void, Failure.Failure | Output.OutputClosed, OllamaClient.OllamaClient | Output.Output> =
      Effect.gen(function* () {
        const isSaid = prompt === undefined || options.quiet
        const model = yield* modelOf(options.model, isSaid)
        const system = Option.map(options.system, (content) => ({ role: "system", content }))
        const request: Chat.ChatRequest = {
          model,
          messages: Option.toArray(system),
          ...defined({ think: Option.getOrUndefined(Option.map(options.think, thinkOf)) })
        }
        yield* prompt === undefined
          ? converse(request, options.quiet)
          : answer(
              { ...request, messages: [...request.messages, { role: "user", content: prompt }] },
              { isQuiet: options.quiet }
            )
      }).pipe(Effect.scoped)
    yield* Effect.provide(ask, Connection.layer(options))
  })
