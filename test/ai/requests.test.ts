/** What reaches Ollama of a prompt, of tools, and of what is set for a model. */
import * as LanguageModel from "@effect/ai/LanguageModel"
import * as AiModel from "@effect/ai/Model"
import type * as Prompt from "@effect/ai/Prompt"
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type CallRecord, OllamaClient } from "effect-ollama"
import { OllamaLanguageModel } from "effect-ollama/ai"
import { OllamaSimulator } from "effect-ollama/testing"
import { handlers, toolkit } from "./programs.js"
import * as Script from "./script.js"

const png = new Uint8Array([137, 80, 78, 71])
const base64 = "iVBORw=="

/** The bodies of the chats; without messages they are loads of the client's own. */
const chats = Effect.map(
  Effect.flatMap(OllamaSimulator.OllamaSimulator, ({ requests }) => requests),
  (all) =>
    all.flatMap(({ json, path }) =>
      path === "/api/chat" && Predicate.isRecord(json) && "messages" in json ? [json] : []
    )
)

const asked = (prompt: Prompt.RawInput, config?: Parameters<typeof OllamaLanguageModel.model>[1]) =>
  Effect.gen(function* () {
    yield* LanguageModel.generateText({ prompt })
    return (yield* chats).at(-1) ?? {}
  }).pipe(Effect.provide(Script.ollama([{ text: "Yes" }], config)))

const file = (mediaType: string, data: string | Uint8Array | URL, fileName?: string): Prompt.FilePartEncoded => ({
  type: "file",
  mediaType,
  data,
  ...(fileName !== undefined && { fileName })
})

const user = (...content: ReadonlyArray<Prompt.UserMessagePartEncoded>): ReadonlyArray<Prompt.MessageEncoded> => [
  { role: "user", content }
]

describe("a prompt", () => {
  it.effect("keeps its messages, in their order and with their roles", () =>
    Effect.gen(function* () {
      const { messages } = yield* asked([
        { role: "system", content: "Be short." },
        { role: "user", content: "One" },
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "Hm. " },
            { type: "reasoning", text: "Well." },
            { type: "text", text: "T" },
            { type: "text", text: "wo" },
            { type: "tool-call", id: "a", name: "weather", params: { city: "Paris" } },
            { type: "tool-call", id: "b", name: "nothing", params: {} }
          ]
        },
        {
          role: "tool",
          content: [
            {
              type: "tool-result",
              id: "a",
              name: "weather",
              isFailure: false,
              result: { degrees: 21 },
              providerExecuted: false
            },
            {
              type: "tool-result",
              id: "b",
              name: "nothing",
              isFailure: false,
              result: undefined,
              providerExecuted: false
            }
          ]
        },
        { role: "system", content: "Now in French." },
        {
          role: "user",
          content: [
            { type: "text", text: "Three" },
            { type: "text", text: "Four" }
          ]
        }
      ])
      assert.deepStrictEqual(messages, [
        { role: "system", content: "Be short." },
        { role: "user", content: "One" },
        {
          role: "assistant",
          content: "Two",
          thinking: "Hm. Well.",
          tool_calls: [
            { id: "a", function: { index: 0, name: "weather", arguments: { city: "Paris" } } },
            { id: "b", function: { index: 1, name: "nothing", arguments: {} } }
          ]
        },
        { role: "tool", content: '{"degrees":21}', tool_name: "weather", tool_call_id: "a" },
        { role: "tool", content: "null", tool_name: "nothing", tool_call_id: "b" },
        { role: "system", content: "Now in French." },
        { role: "user", content: "Three\nFour" }
      ])
    })
  )

  it.effect("tells the model of a tool that failed, and gives texts as they are", () =>
    Effect.gen(function* () {
      const result = { type: "tool-result", id: "a", name: "weather", providerExecuted: false } as const
      const { messages } = yield* asked([
        {
          role: "tool",
          content: [
            { ...result, isFailure: true, result: { _tag: "Unknown", city: "Atlantis" } },
            { ...result, isFailure: false, result: "Sunny, 21 degrees" }
          ]
        }
      ])
      assert.deepStrictEqual(
        (messages as ReadonlyArray<{ readonly content: string }>).map(({ content }) => content),
        ['{"error":{"_tag":"Unknown","city":"Atlantis"}}', "Sunny, 21 degrees"]
      )
    })
  )

  const images: ReadonlyArray<readonly [name: string, part: Prompt.FilePartEncoded]> = [
    ["bytes", file("image/png", png)],
    ["base64", file("image/*", base64)],
    ["a data: URL as text", file("image/png", `data:image/png;base64,${base64}`)],
    ["a data: URL", file("image/png", new URL(`data:image/png;base64,${base64}`))],
    ["a sound", file("audio/wav", png)]
  ]
  for (const [name, part] of images) {
    it.effect(`has images beside its text: ${name}`, () =>
      Effect.gen(function* () {
        const { messages } = yield* asked(user({ type: "text", text: "What is it?" }, part))
        assert.deepStrictEqual(messages, [{ role: "user", content: "What is it?", images: [base64] }])
      })
    )
  }

  const texts: ReadonlyArray<readonly [name: string, part: Prompt.FilePartEncoded, content: string]> = [
    ["bytes", file("text/plain", new TextEncoder().encode("Grüße")), "Read it:\nGrüße"],
    ["base64, with a name", file("text/csv; charset=utf-8", "YSxi", "a.csv"), "Read it:\na.csv:\na,b"],
    ["JSON", file("application/ld+json", new TextEncoder().encode("{}")), "Read it:\n{}"]
  ]
  for (const [name, part, content] of texts) {
    it.effect(`has the text of files in its own: ${name}`, () =>
      Effect.gen(function* () {
        const { messages } = yield* asked(user({ type: "text", text: "Read it:" }, part))
        assert.deepStrictEqual(messages, [{ role: "user", content }])
      })
    )
  }

  const impossible: ReadonlyArray<readonly [name: string, prompt: Prompt.RawInput, why: RegExp]> = [
    ["a PDF", user(file("application/pdf", png)), /images.*"application\/pdf"/],
    ["a file elsewhere", user(file("image/png", new URL("https://example.com/secret.png"))), /fetches no files/],
    ["a data: URL without base64", user(file("text/plain", "data:text/plain,secret")), /not base64/],
    ["text that is no base64", user(file("text/plain", "secret!")), /not base64/],
    [
      "arguments that are no object",
      [{ role: "assistant", content: [{ type: "tool-call", id: "a", name: "weather", params: "secret" }] }],
      /no object/
    ]
  ]
  for (const [name, prompt, why] of impossible) {
    it.effect(`that Ollama cannot take is MalformedInput, and nothing is sent: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(LanguageModel.generateText({ prompt }))
        assert.strictEqual(error._tag, "MalformedInput")
        assert.match(String(error._tag === "MalformedInput" ? error.description : ""), why)
        assert.notInclude(JSON.stringify(error), "secret")
        assert.lengthOf(yield* chats, 0)
      }).pipe(Effect.provide(Script.ollama([{ text: "Yes" }])))
    )
  }

  it.effect("with an image that is no base64 is MalformedInput too", () =>
    Effect.gen(function* () {
      const prompt = user(file("image/png", "no, not at all"))
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt }))
      assert.strictEqual(error._tag, "MalformedInput")
    }).pipe(Effect.provide(Script.ollama([{ text: "Yes" }])))
  )
})

describe("tools", () => {
  const sent = (toolChoice: LanguageModel.ToolChoice<"weather" | "strict" | "later" | "nothing">) =>
    Effect.gen(function* () {
      yield* LanguageModel.generateText({ prompt: "Hi", toolkit, toolChoice })
      const tools = (yield* chats)[0]?.["tools"] as ReadonlyArray<{ readonly function: { readonly name: string } }>
      return tools?.map(({ function: { name } }) => name)
    }).pipe(Effect.provide(Layer.merge(handlers, Script.ollama([{ calls: [{ name: "nothing", arguments: {} }] }]))))

  it.effect("are sent as far as they may be called", () =>
    Effect.gen(function* () {
      const all = ["weather", "strict", "later", "nothing"]
      assert.deepStrictEqual(yield* sent("auto"), all)
      assert.deepStrictEqual(yield* sent("required"), all)
      assert.deepStrictEqual(yield* sent({ tool: "later" }), ["later"])
      assert.deepStrictEqual(yield* sent({ oneOf: ["later", "nothing"] }), ["later", "nothing"])
      assert.isUndefined(yield* sent("none"))
    })
  )

  it.effect("are described by their schemas", () =>
    Effect.gen(function* () {
      const Node = Schema.Struct({ name: Schema.String.annotations({ description: "Its name" }) }).annotations({
        identifier: "Node"
      })
      const kit = Toolkit.make(
        Tool.make("plant", {
          description: "Plants a tree",
          parameters: { root: Node, depth: Schema.optional(Schema.Int) }
        })
      )
      yield* LanguageModel.generateText({ prompt: "Hi", toolkit: kit, disableToolCallResolution: true }).pipe(
        Effect.provide(kit.toLayer({ plant: () => Effect.void }))
      )
      const name = { type: "string", description: "Its name" }
      assert.deepStrictEqual((yield* chats)[0]?.["tools"], [
        {
          type: "function",
          function: {
            name: "plant",
            description: "Plants a tree",
            parameters: {
              type: "object",
              required: ["root"],
              properties: {
                root: { type: "object", required: ["name"], properties: { name }, additionalProperties: false },
                depth: { type: "integer", description: "an integer", title: "int" }
              },
              additionalProperties: false
            }
          }
        }
      ])
    }).pipe(Effect.provide(Script.ollama([{ text: "No" }])))
  )

  it.effect("that a provider would run itself are refused", () =>
    Effect.gen(function* () {
      const Search = Tool.providerDefined({ id: "other.search", toolkitName: "search", providerName: "s", args: {} })
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "Hi", toolkit: Toolkit.make(Search({})) }))
      assert.strictEqual(error._tag, "MalformedInput")
      assert.lengthOf(yield* chats, 0)
    }).pipe(Effect.provide(Script.ollama([{ text: "No" }])))
  )

  for (const toolChoice of ["required", { tool: "nothing" }, { mode: "required", oneOf: ["nothing"] }] as const) {
    it.effect(`that have to be called, and are not: ${JSON.stringify(toolChoice)}`, () =>
      Effect.gen(function* () {
        const options = { prompt: "Hi", toolkit, toolChoice }
        const whole = yield* Effect.flip(LanguageModel.generateText(options))
        const streamed = yield* Effect.flip(Stream.runDrain(LanguageModel.streamText(options)))
        for (const error of [whole, streamed]) {
          assert.strictEqual(error._tag, "MalformedOutput")
          assert.include(JSON.stringify(error), "toolChoice")
        }
      }).pipe(Effect.provide(Layer.merge(handlers, Script.ollama([{ text: "I will not" }]))))
    )
  }

  it.effect("may be there beside a schema: then both are sent", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({ a: Schema.Number })
      const { toolCalls, value } = yield* LanguageModel.generateObject({ prompt: "Hi", schema, toolkit })
      assert.deepStrictEqual(value, { a: 1 })
      assert.deepStrictEqual(toolCalls, [])
      const [request] = yield* chats
      assert.containsAllKeys(request, ["tools", "format"])
    }).pipe(Effect.provide(Layer.merge(handlers, Script.ollama([{ text: '{"a":1}' }]))))
  )
})

describe("an object", () => {
  it.effect("is asked for by its JSON Schema; what the schema needs is provided by the caller", () =>
    Effect.gen(function* () {
      class Prefix extends Effect.Service<Prefix>()("Prefix", { succeed: { text: "Dear " } }) {}
      const Name = Schema.transformOrFail(Schema.String, Schema.String, {
        decode: (name) => Effect.map(Prefix, ({ text }) => text + name),
        encode: (name) => Effect.succeed(name)
      })
      const { value } = yield* LanguageModel.generateObject({
        prompt: "Hi",
        schema: Schema.Struct({ name: Name })
      }).pipe(Effect.provide(Prefix.Default))
      assert.deepStrictEqual(value, { name: "Dear Ada" })
      assert.deepStrictEqual((yield* chats)[0]?.["format"], {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string" } },
        additionalProperties: false
      })
    }).pipe(Effect.provide(Script.ollama([{ text: '{"name":"Ada"}' }])))
  )

  it.effect("that does not fit is asked for again where `reask` says so, and every request can be seen", () =>
    Effect.gen(function* () {
      const records: Array<CallRecord.CallRecord> = []
      const onRecord = (record: CallRecord.CallRecord) => Effect.sync(() => void records.push(record))
      const ask = LanguageModel.generateObject({ prompt: "Hi", schema: Schema.Struct({ a: Schema.Number }) })
      const { content, value } = yield* OllamaLanguageModel.withConfigOverride(ask, { reask: 1, call: { onRecord } })
      assert.deepStrictEqual(value, { a: 1 })
      assert.lengthOf(yield* chats, 2)
      assert.deepStrictEqual(
        records.map(({ decisions, outcome }) => [outcome, ...decisions.map(({ what }) => what)]),
        [["MalformedOutput"], ["success", "reasked"]]
      )
      const finish = content.at(-1)
      // the record in the response is that of the answer which fits
      assert.deepStrictEqual(finish?.type === "finish" ? finish.metadata.ollama?.record : undefined, records[1])
    }).pipe(Effect.provide(Script.ollama([{ text: '{"a":"x"}' }, { text: '{"a":1}' }])))
  )

  it.effect("that no JSON Schema describes is MalformedInput", () =>
    Effect.gen(function* () {
      const schema = Schema.Struct({ a: Schema.BigIntFromSelf, b: Schema.String })
      const ask = LanguageModel.generateObject({ prompt: "Hi", schema })
      assert.strictEqual((yield* Effect.flip(ask))._tag, "MalformedInput")
      const withTools = LanguageModel.generateObject({ prompt: "Hi", schema, toolkit })
      assert.strictEqual((yield* Effect.flip(withTools))._tag, "MalformedInput")
      assert.lengthOf(yield* chats, 0)
    }).pipe(Effect.provide(Layer.merge(handlers, Script.ollama([{ text: "{}" }]))))
  )
})

describe("what is set for a model", () => {
  const config = { options: { num_ctx: 8192, temperature: 1 }, keep_alive: "10m", think: false } as const

  it.effect("is sent with every request, and can be changed for some", () =>
    Effect.gen(function* () {
      const ask = LanguageModel.generateText({ prompt: "Hi" })
      yield* ask
      yield* ask.pipe(
        OllamaLanguageModel.withConfigOverride({ options: { seed: 7 } }),
        OllamaLanguageModel.withConfigOverride({ options: { temperature: 0, seed: 1 }, think: true })
      )
      yield* Stream.runDrain(LanguageModel.streamText({ prompt: "Hi" })).pipe(
        OllamaLanguageModel.withConfigOverride({ keep_alive: 0 })
      )
      const messages = [{ role: "user", content: "Hi" }]
      const common = { model: Script.name, messages, stream: true, keep_alive: "10m", think: false }
      assert.deepStrictEqual(yield* chats, [
        { ...common, options: { num_ctx: 8192, temperature: 1 } },
        { ...common, think: true, options: { num_ctx: 8192, temperature: 0, seed: 7 } },
        { ...common, keep_alive: 0, options: { num_ctx: 8192, temperature: 1 } }
      ])
    }).pipe(Effect.provide(Script.ollama([{ text: "Yes" }], config)))
  )

  it.effect("may be another model, and options of the client's own", () =>
    Effect.gen(function* () {
      const records: Array<CallRecord.CallRecord> = []
      const onRecord = (record: CallRecord.CallRecord) => Effect.sync(() => void records.push(record))
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt: "Hi" })).pipe(
        OllamaLanguageModel.withConfigOverride({ model: "nobody", call: { session: "mine", onRecord } })
      )
      assert.strictEqual(error._tag, "HttpResponseError")
      yield* Effect.yieldNow()
      assert.deepStrictEqual(
        records.map(({ model, outcome, session }) => ({ model, outcome, session })),
        [{ model: "nobody", outcome: "ModelNotFound", session: "mine" }]
      )
    }).pipe(Effect.provide(Script.ollama([{ text: "Yes" }])))
  )

  it.effect("is a Model: a layer, and an effect that closes it over the client", () =>
    Effect.gen(function* () {
      const model = yield* OllamaLanguageModel.model(Script.name, { think: false })
      const program = Effect.zip(LanguageModel.generateText({ prompt: "Hi" }), AiModel.ProviderName)
      const [response, provider] = yield* Effect.provide(program, model)
      assert.deepStrictEqual([response.text, provider], ["Yes", "ollama"])
    }).pipe(
      Effect.provide(OllamaClient.layer()),
      Effect.provide(OllamaSimulator.layer(Script.simulatorOptions([{ text: "Yes" }])))
    )
  )
})
