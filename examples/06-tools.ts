/**
 * A turn with a tool: the model asks for a call, its arguments are decoded with the schema that described them, and the
 * result goes back for the answer.
 *
 * expect: ^It is 21 degrees in Paris\.$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { type Chat, JsonSchema, OllamaClient, type Shared } from "effect-ollama"
import type { OllamaSimulator } from "effect-ollama/testing"
import { ollama } from "./_ollama.js"

const Weather = Schema.Struct({
  city: Schema.String.annotations({ description: "The name of the city" })
})

const tools = [JsonSchema.tool({ name: "get_weather", description: "The weather in a city now", parameters: Weather })]

/** What a model writes need not fit: then that is the result, and the model may correct itself. */
const run = (call: Shared.ToolCall): Effect.Effect<string> =>
  Schema.decodeUnknown(Weather)(call.function.arguments).pipe(
    Effect.map(({ city }) => JSON.stringify({ city, degrees: 21 })),
    Effect.catchTag("ParseError", (error) => Effect.succeed(`Error: ${error.message}`))
  )

const answerTo = (call: Shared.ToolCall): Effect.Effect<Chat.Message> =>
  Effect.map(run(call), (content) => ({
    role: "tool",
    content,
    tool_name: call.function.name,
    ...(call.id === undefined ? {} : { tool_call_id: call.id })
  }))

const program = Effect.gen(function* () {
  const question: Chat.Message = { role: "user", content: "How warm is it in Paris?" }
  const first = yield* OllamaClient.chat({ model: "llama3.2", messages: [question], tools })
  const calls = first.message.tool_calls ?? []
  yield* Effect.forEach(calls, (call) =>
    Console.log(`${call.function.name} ${JSON.stringify(call.function.arguments)}`)
  )
  const results = yield* Effect.forEach(calls, answerTo)
  // the model's own message goes back as it is, so that it sees what it asked for
  const second = yield* OllamaClient.chat({
    model: "llama3.2",
    messages: [question, first.message, ...results],
    tools
  })
  yield* Console.log(second.message.content)
})

const reply = ({ messages }: OllamaSimulator.Prompt): OllamaSimulator.Reply =>
  messages.at(-1)?.["role"] === "tool"
    ? "It is 21 degrees in Paris."
    : { toolCalls: [{ name: "get_weather", arguments: { city: "Paris" } }] }

program.pipe(Effect.provide(ollama({ reply })), NodeRuntime.runMain)
