/**
 * Ollama under a program of @effect/ai, which names no provider: a conversation with tools, an object, a stream and vectors.
 * Underneath it is the client with its policy, its typed failures and its records, which come with the answer.
 *
 * expect: ^red is nearest to crimson; the call took \d+ ms in generating$
 */
import { Chat, EmbeddingModel, LanguageModel, Tool, Toolkit } from "@effect/ai"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Layer, Option, Schema, Stream } from "effect"
import { OllamaAiError, OllamaEmbeddingModel, OllamaLanguageModel } from "effect-ollama/ai"
import type { OllamaSimulator } from "effect-ollama/testing"
import { ollama } from "./_ollama.js"

class UnknownCity extends Schema.TaggedError<UnknownCity>()("UnknownCity", { city: Schema.String }) {}

const Weather = Tool.make("get_weather", {
  description: "The weather in a city now",
  parameters: { city: Schema.String },
  success: Schema.Struct({ degrees: Schema.Number }),
  failure: UnknownCity,
  failureMode: "return"
})

const toolkit = Toolkit.make(Weather)

const handlers = toolkit.toLayer({
  get_weather: ({ city }) =>
    city === "Paris" ? Effect.succeed({ degrees: 21 }) : Effect.fail(new UnknownCity({ city }))
})

/** An agent: the results of tools go back until the model calls no more of them. */
const conversation = Effect.gen(function* () {
  const chat = yield* Chat.fromPrompt([{ role: "system", content: "You are brief." }])
  let response = yield* chat.generateText({ prompt: "How warm is it in Paris?", toolkit })
  while (response.finishReason === "tool-calls") response = yield* chat.generateText({ prompt: [], toolkit })
  yield* Console.log(response.text)
})

const object = Effect.gen(function* () {
  const schema = Schema.Struct({ city: Schema.String, degrees: Schema.Number })
  const { value } = yield* LanguageModel.generateObject({ prompt: "Write the weather down.", schema })
  yield* Console.log(`${value.city}: ${value.degrees}`)
}).pipe(OllamaLanguageModel.withConfigOverride({ options: { temperature: 0 }, reask: 1 }))

/** Where the time of a call went is in its last part. */
const stream = LanguageModel.streamText({ prompt: "Tell me a story." }).pipe(
  Stream.tap((part) => (part.type === "text-delta" ? Console.log(part.delta.trim()) : Effect.void)),
  Stream.runFold(Option.none<Duration.Duration>(), (found, part) =>
    part.type === "finish" ? Option.fromNullable(part.metadata.ollama?.record?.phases.generating?.actual) : found
  )
)

const cosine = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)

/** The texts go to the server in one request. */
const nearest = Effect.gen(function* () {
  const { embedMany } = yield* EmbeddingModel.EmbeddingModel
  const [wanted = [], ...others] = yield* embedMany(["red", "crimson red", "deep blue"])
  return cosine(wanted, others[0] ?? []) > cosine(wanted, others[1] ?? []) ? "crimson" : "blue"
})

const program = Effect.gen(function* () {
  yield* conversation
  yield* object
  const generating = yield* stream
  const time = Option.match(generating, { onNone: () => "unknown", onSome: (d) => `${Duration.toMillis(d)} ms` })
  yield* Console.log(`red is nearest to ${yield* nearest}; the call took ${time} in generating`)
}).pipe(
  // the failure of the client is inside of the one of @effect/ai
  Effect.tapError((error) =>
    Option.match(OllamaAiError.toOllamaError(error), {
      onNone: () => Effect.void,
      onSome: (failure) => Console.error(`${failure._tag}: ${failure.remedy}`)
    })
  )
)

const Models = Layer.merge(
  OllamaLanguageModel.model("llama3.2", { keep_alive: "10m" }),
  OllamaEmbeddingModel.model("all-minilm", { mode: "batched" })
)

const reply = ({ messages, request }: OllamaSimulator.Prompt): OllamaSimulator.Reply => {
  if (request["format"] !== undefined) return JSON.stringify({ city: "Paris", degrees: 21 })
  if (request["tools"] === undefined) return "Once upon a time."
  return messages.at(-1)?.["role"] === "tool"
    ? "It is 21 degrees in Paris."
    : { toolCalls: [{ name: "get_weather", arguments: { city: "Paris" } }] }
}

program.pipe(Effect.provide(Layer.merge(handlers, Models).pipe(Layer.provide(ollama({ reply })))), NodeRuntime.runMain)
