/** The model to ask where the command line names none: one that is in memory, else the one that was changed last. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Model from "../../api/Model.js"
import * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaError from "../../OllamaError.js"
import { NotPossible } from "../failure.js"

/** Servers since 0.30 say in the list what a model can; older ones when they are asked; the oldest do not. */
const canChat = (
  model: Model.ListedModel
): Effect.Effect<boolean, OllamaError.OllamaError, OllamaClient.OllamaClient> =>
  model.capabilities === undefined
    ? Effect.map(
        OllamaClient.show({ model: model.name }),
        ({ capabilities }) => capabilities?.includes("completion") ?? !model.details.family?.includes("bert")
      )
    : Effect.succeed(model.capabilities.includes("completion"))

/** Those in memory first; otherwise the order of the server, which has the last changed first. */
const ordered = ({ models }: Model.ListResponse, running: Model.RunningResponse): ReadonlyArray<Model.ListedModel> => {
  const isInMemory = (model: Model.ListedModel) => running.models.some(({ name }) => name === model.name)
  return [...models.filter(isInMemory), ...models.filter((model) => !isInMemory(model))]
}

export const chooseModel: Effect.Effect<string, OllamaError.OllamaError | NotPossible, OllamaClient.OllamaClient> =
  Effect.gen(function* () {
    const listed = yield* OllamaClient.list()
    const running = yield* OllamaClient.running()
    const found = yield* Effect.findFirst(ordered(listed, running), canChat)
    if (Option.isSome(found)) return found.value.name
    return yield* new NotPossible({
      message: "no model that can chat is installed",
      remedy: "Get one: `effect-ollama models pull llama3.2`"
    })
  })
