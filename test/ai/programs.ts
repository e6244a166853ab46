/** Programs of `@effect/ai`, each written once, with what its model says. */
import * as Chat from "@effect/ai/Chat"
import * as LanguageModel from "@effect/ai/LanguageModel"
import type * as Prompt from "@effect/ai/Prompt"
import type * as Response from "@effect/ai/Response"
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Script } from "./script.js"

class Unknown extends Schema.TaggedError<Unknown>()("Unknown", { city: Schema.String }) {}

const Weather = Tool.make("weather", {
  description: "The weather of a city now",
  parameters: { city: Schema.String },
  success: Schema.Struct({ city: Schema.String, degrees: Schema.Number }),
  failure: Unknown,
  failureMode: "return"
})

const Strict = Tool.make("strict", {
  description: "The same, for programs that fail with their tools",
  parameters: { city: Schema.String },
  success: Schema.Number,
  failure: Unknown
})

const Later = Tool.make("later", {
  parameters: { on: Schema.DateFromString },
  success: Schema.DateFromString
})

const Nothing = Tool.make("nothing")

export const toolkit = Toolkit.make(Weather, Strict, Later, Nothing)

const degrees: Readonly<Record<string, number>> = { Paris: 21, Oslo: 4 }

const find = (city: string) => {
  const found = degrees[city]
  return found === undefined ? Effect.fail(new Unknown({ city })) : Effect.succeed(found)
}

export const handlers = toolkit.toLayer({
  weather: ({ city }) => Effect.map(find(city), (degrees) => ({ city, degrees })),
  strict: ({ city }) => find(city),
  later: ({ on }) => Effect.succeed(new Date(on.getTime() + 86_400_000)),
  nothing: () => Effect.void
})

/** What a program is to see of an answer, whoever gave it. */
const seen = (parts: ReadonlyArray<Response.AnyPart>) => ({
  text: parts.flatMap((part) => (part.type === "text" ? [part.text] : part.type === "text-delta" ? [part.delta] : [])),
  reasoning: parts.flatMap((part) =>
    part.type === "reasoning" ? [part.text] : part.type === "reasoning-delta" ? [part.delta] : []
  ),
  calls: parts.flatMap((part) => (part.type === "tool-call" ? [[part.name, part.params]] : [])),
  results: parts.flatMap((part) =>
    part.type === "tool-result" ? [[part.name, part.isFailure, part.encodedResult]] : []
  ),
  // each result belongs to a call
  paired: parts.flatMap((part) =>
    part.type === "tool-result" ? [parts.some((other) => other.type === "tool-call" && other.id === part.id)] : []
  ),
  reason: parts.flatMap((part) => (part.type === "finish" ? [part.reason] : []))
})

const text = (prompt: Prompt.RawInput) =>
  Effect.map(LanguageModel.generateText({ prompt }), (response) => ({
    ...seen(response.content),
    whole: response.text,
    reasoningText: response.reasoningText,
    finishReason: response.finishReason
  }))

const withTools = (options: Partial<LanguageModel.GenerateTextOptions<(typeof toolkit)["tools"]>> = {}) =>
  Effect.map(LanguageModel.generateText({ prompt: "How warm is it?", toolkit, ...options }), ({ content }) =>
    seen(content)
  )

const streamed = (prompt: Prompt.RawInput) =>
  LanguageModel.streamText({ prompt, toolkit }).pipe(
    Stream.runCollect,
    Effect.map((parts) => {
      const { text, reasoning, ...rest } = seen([...parts])
      return { ...rest, text: text.join(""), reasoning: reasoning.join("") }
    })
  )

const Country = Schema.Struct({ name: Schema.String, founded: Schema.DateFromString, size: Schema.Positive })

const object = Effect.map(
  LanguageModel.generateObject({ prompt: "Tell me about Canada", schema: Country }),
  ({ value }) => ({ ...value, founded: value.founded.getTime() })
)

/** Asks until the model calls no more tools, as an agent does. */
const loop = Effect.gen(function* () {
  const chat = yield* Chat.fromPrompt([{ role: "system", content: "You are a thermometer." }])
  const turns: Array<ReturnType<typeof seen>> = []
  let prompt: Prompt.RawInput = "Where is it warmer, in Paris or in Oslo?"
  while (turns.length < 10) {
    const response = yield* chat.generateText({ prompt, toolkit, concurrency: "unbounded" })
    turns.push(seen(response.content))
    if (response.finishReason !== "tool-calls") break
    prompt = []
  }
  return turns
})

/** The same with streams, whose parts become the history. */
const streamedLoop = Effect.gen(function* () {
  const chat = yield* Chat.empty
  const first = [...(yield* Stream.runCollect(chat.streamText({ prompt: "How warm is it?", toolkit })))]
  const second = [...(yield* Stream.runCollect(chat.streamText({ prompt: [], toolkit })))]
  const { content } = yield* chat.history
  return {
    reasons: [seen(first).reason, seen(second).reason],
    history: content.map((message) => [
      message.role,
      typeof message.content === "string"
        ? message.content
        : message.content.map((part) =>
            "text" in part ? part.text : "params" in part ? part.params : "result" in part ? part.result : part.type
          )
    ])
  }
})

const call = (name: string, args: Readonly<Record<string, unknown>>) => ({ name, arguments: args })
const canada = { name: "Canada", founded: "1867-07-01T00:00:00.000Z", size: 9.98 }

type Program = Effect.Effect<unknown, unknown, LanguageModel.LanguageModel | Effect.Effect.Context<typeof toolkit>>

export const programs: ReadonlyArray<{
  readonly name: string
  readonly script: Script
  readonly program: Program
  /** The tag of the failure it ends in. */
  readonly fails?: string
}> = [
  { name: "a text", script: [{ text: "Hello there" }], program: text("Hi") },
  {
    name: "a conversation with a system message",
    script: [{ text: "Four" }],
    program: text([
      { role: "system", content: "Be short." },
      { role: "user", content: [{ type: "text", text: "One" }] },
      { role: "assistant", content: "Two" },
      { role: "user", content: "Three" }
    ])
  },
  { name: "a thought before the text", script: [{ thinking: "Hm, what?", text: "Hello" }], program: text("Hi") },
  { name: "an answer that is cut off", script: [{ text: "Once upon", cutOff: true }], program: text("A story") },
  { name: "an empty answer", script: [{}], program: text("Hi") },
  { name: "an object", script: [{ text: JSON.stringify(canada) }], program: object },
  {
    name: "an object that does not fit at first",
    script: [{ text: '{"name":' }, { text: JSON.stringify({ ...canada, size: -1 }) }, { text: JSON.stringify(canada) }],
    program: Effect.retry(object, { times: 2, while: (error) => error._tag === "MalformedOutput" })
  },
  {
    name: "an object that never fits",
    script: [{ text: JSON.stringify({ ...canada, founded: 5 }) }],
    program: object,
    fails: "MalformedOutput"
  },
  { name: "no object at all", script: [{}], program: object, fails: "MalformedOutput" },
  {
    name: "one tool, its result given back at once",
    script: [{ calls: [call("weather", { city: "Paris" })] }],
    program: withTools()
  },
  {
    name: "calls beside each other",
    script: [{ calls: ["Paris", "Oslo", "Paris"].map((city) => call("weather", { city })) }],
    program: withTools({ concurrency: "unbounded" })
  },
  {
    name: "text and thoughts beside calls",
    script: [{ thinking: "Paris.", text: "Let me see.", calls: [call("weather", { city: "Paris" })] }],
    program: withTools()
  },
  {
    name: "parameters and results that are transformed",
    script: [{ calls: [call("later", { on: "2026-01-01T00:00:00.000Z" })] }],
    program: withTools()
  },
  { name: "a tool without parameters", script: [{ calls: [call("nothing", {})] }], program: withTools() },
  {
    name: "a failing tool whose failure is a result",
    script: [{ calls: [call("weather", { city: "Atlantis" })] }],
    program: withTools()
  },
  {
    name: "a failing tool that fails the program",
    script: [{ calls: [call("strict", { city: "Atlantis" })] }],
    program: withTools(),
    fails: "Unknown"
  },
  {
    name: "parameters that do not fit",
    script: [{ calls: [call("weather", { town: "Paris" })] }],
    program: withTools(),
    fails: "MalformedOutput"
  },
  {
    name: "a tool that there is not",
    script: [{ calls: [call("volcano", {})] }],
    program: withTools(),
    fails: "MalformedOutput"
  },
  {
    name: "calls that the program makes itself",
    script: [{ calls: [call("weather", { city: "Paris" })] }],
    program: withTools({ disableToolCallResolution: true })
  },
  {
    name: "tools that may not be called",
    script: [{ text: "I do not know." }],
    program: withTools({ toolChoice: "none" })
  },
  {
    name: "one tool that has to be called",
    script: [{ calls: [call("weather", { city: "Oslo" })] }],
    program: withTools({ toolChoice: { tool: "weather" } })
  },
  {
    name: "a loop of several turns",
    script: [
      { calls: [call("weather", { city: "Paris" }), call("weather", { city: "Atlantis" })] },
      { text: "And Oslo?", calls: [call("weather", { city: "Oslo" })] },
      { calls: [call("later", { on: "2026-01-01T00:00:00.000Z" })] },
      { text: "It is warmer in Paris." }
    ],
    program: loop
  },
  {
    name: "a conversation of streams",
    script: [
      { thinking: "Paris.", text: "Let me see.", calls: [call("weather", { city: "Paris" })] },
      { text: "It is warm." }
    ],
    program: streamedLoop
  },
  { name: "a stream", script: [{ thinking: "Well, well.", text: "Once upon a time" }], program: streamed("A story") },
  { name: "a stream that is cut off", script: [{ text: "Once", cutOff: true }], program: streamed("A story") },
  {
    name: "a stream with tools",
    script: [
      { text: "Let me see.", calls: [call("weather", { city: "Paris" }), call("weather", { city: "Atlantis" })] }
    ],
    program: streamed("How warm is it?")
  },
  {
    name: "a stream with a failing tool",
    script: [{ text: "Let me see.", calls: [call("strict", { city: "Atlantis" })] }],
    program: streamed("How warm is it?"),
    fails: "Unknown"
  }
]
