/** What the spans of @effect/ai say of a call to Ollama. */
import * as LanguageModel from "@effect/ai/LanguageModel"
import * as Telemetry from "@effect/ai/Telemetry"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { traced } from "../client/observed/spans.js"
import * as Script from "./script.js"

const prompt = "the prompt about Rumpelstiltskin"

const config = {
  options: {
    temperature: 0.5,
    top_k: 10,
    top_p: 0.9,
    num_predict: 100,
    stop: ["END"],
    frequency_penalty: 0.1,
    presence_penalty: 0.2,
    seed: 7
  }
}

const expected = {
  "gen_ai.system": "ollama",
  "gen_ai.operation.name": "chat",
  "gen_ai.request.model": Script.name,
  "gen_ai.request.temperature": 0.5,
  "gen_ai.request.top_k": 10,
  "gen_ai.request.top_p": 0.9,
  "gen_ai.request.max_tokens": 100,
  "gen_ai.request.stop_sequences": ["END"],
  "gen_ai.request.frequency_penalty": 0.1,
  "gen_ai.request.presence_penalty": 0.2,
  "gen_ai.request.seed": 7,
  "gen_ai.response.model": Script.name,
  "gen_ai.response.finish_reasons": ["stop"]
}

const runs: ReadonlyArray<readonly [name: string, run: Effect.Effect<unknown, unknown, LanguageModel.LanguageModel>]> =
  [
    ["generateText", LanguageModel.generateText({ prompt })],
    ["streamText", Stream.runDrain(LanguageModel.streamText({ prompt }))],
    ["generateObject", LanguageModel.generateObject({ prompt, schema: Schema.Struct({ blue: Schema.Boolean }) })]
  ]

describe("spans", () => {
  for (const [name, run] of runs) {
    it.effect(`${name}: the conventions' attributes, the client's own span inside, and no word of either side`, () =>
      Effect.gen(function* () {
        const { spans } = yield* traced(run)
        const outer = spans.find((span) => span.name === `LanguageModel.${name}`)
        const attributes = Object.fromEntries(outer?.attributes ?? [])
        assert.deepInclude(attributes, expected)
        assert.isAbove(Number(attributes["gen_ai.usage.input_tokens"]), 0)
        assert.isAbove(Number(attributes["gen_ai.usage.output_tokens"]), 0)
        const inner = spans.find((span) => span.parent === `LanguageModel.${name}`)
        assert.strictEqual(inner?.name, `chat ${Script.name}`)
        const everything = JSON.stringify(spans.map((span) => [span.name, [...span.attributes]]))
        assert.notInclude(everything, "Rumpelstiltskin")
        assert.notInclude(everything, "blue")
      }).pipe(Effect.provide(Script.ollama([{ text: '{"blue":true}' }], config)))
    )
  }

  it.effect("a transformer of spans sees prompt and response", () =>
    Effect.gen(function* () {
      const seen: Array<ReadonlyArray<string>> = []
      yield* LanguageModel.generateText({ prompt }).pipe(
        Effect.provideService(Telemetry.CurrentSpanTransformer, ({ response }) => {
          seen.push(response.map(({ type }) => type))
        })
      )
      assert.deepStrictEqual(seen, [["response-metadata", "text", "finish"]])
    }).pipe(Effect.provide(Script.ollama([{ text: "Hello" }])))
  )
})
