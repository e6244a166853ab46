/** What the live tests share: the server at OLLAMA_HOST, and a model on it that can chat. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { OllamaError } from "effect-ollama"
import { OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"

export const host = process.env.OLLAMA_HOST
const wanted = process.env.OLLAMA_TEST_MODEL

export const provideWith =
  (options: OllamaNode.Options) =>
  <A, E>(effect: Effect.Effect<A, E, OllamaClient.OllamaClient>) =>
    Effect.provide(effect, OllamaNode.layer({ ...options, host }))

export const run = provideWith({})

/** One word of answer, the same every time. */
export const options = { num_predict: 16, temperature: 0, seed: 1 }
export const hello = [{ role: "user" as const, content: "Say hello." }]

/** The smallest installed model with a capability. */
export const installed = (capability: string) =>
  Effect.gen(function* () {
    if (wanted !== undefined && capability === "completion") return wanted
    const { models } = yield* OllamaClient.list()
    for (const model of models.toSorted((a, b) => a.size - b.size)) {
      if (model.remote_host !== undefined) continue
      const { capabilities } = yield* OllamaClient.show({ model: model.name })
      if (capabilities?.includes(capability) === true) return model.name
    }
    return undefined
  })

export const chatModel = Effect.flatMap(installed("completion"), (model) =>
  model === undefined ? Effect.dieMessage("no model that can chat is installed") : Effect.succeed(model)
)

export const isLoaded = (model: string) =>
  Effect.map(OllamaClient.running(), ({ models }) => models.some((one) => one.name === model))

/** Waits until a model is out of memory. */
export const isGone = (model: string) =>
  Effect.repeat(isLoaded(model), { until: (loaded) => !loaded, schedule: Schedule.spaced("100 millis") })

/** A short answer of a model. */
export const answer = (model: string, callOptions?: OllamaClient.CallOptions) =>
  // thinking would use up the few tokens
  OllamaClient.chat({ model, messages: hello, options, think: false }, callOptions)

export const failure = <A>(effect: Effect.Effect<A, OllamaError.OllamaError, OllamaClient.OllamaClient>) =>
  Effect.flip(effect)
