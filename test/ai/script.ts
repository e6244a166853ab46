/**
 * What a model says, turn by turn, written once and played by two providers: Ollama's, over the simulator, and a mock that
 * knows nothing but `@effect/ai`.
 */
import * as LanguageModel from "@effect/ai/LanguageModel"
import type * as Response from "@effect/ai/Response"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { OllamaClient } from "effect-ollama"
import { OllamaLanguageModel } from "effect-ollama/ai"
import { OllamaSimulator } from "effect-ollama/testing"

export interface Turn {
  readonly thinking?: string
  readonly text?: string
  readonly calls?: ReadonlyArray<{ readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }>
  readonly cutOff?: boolean
}

export type Script = ReadonlyArray<Turn>

export const name = "qwen3"

/** Turns in their order, the last one again and again. */
const playing = (script: Script) => {
  let played = 0
  return (): Turn => script[Math.min(played++, script.length - 1)] ?? {}
}

export const simulatorOptions = (script: Script): OllamaSimulator.Options => {
  const next = playing(script)
  return {
    models: [{ name, capabilities: ["completion", "tools", "thinking", "vision"] }],
    reply: () => {
      const { calls, cutOff, text, thinking } = next()
      return {
        ...(text !== undefined && { content: text }),
        ...(thinking !== undefined && { thinking }),
        ...(calls !== undefined && { toolCalls: calls }),
        ...(cutOff === true && { doneReason: "length" })
      }
    }
  }
}

/** The provider of this package, with the simulator beside it. */
export const ollama = (script: Script, config?: Parameters<typeof OllamaLanguageModel.model>[1]) =>
  OllamaLanguageModel.layer({ model: name, config }).pipe(
    Layer.provideMerge(OllamaClient.layer()),
    Layer.provideMerge(OllamaSimulator.layer(simulatorOptions(script)))
  )

const reasonOf = ({ calls = [], cutOff }: Turn): Response.FinishReason =>
  cutOff === true ? "length" : calls.length > 0 ? "tool-calls" : "stop"

const finishOf = (turn: Turn): Response.FinishPartEncoded => ({
  type: "finish",
  reason: reasonOf(turn),
  usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 }
})

const callsOf = ({ calls = [] }: Turn, nth: number): ReadonlyArray<Response.ToolCallPartEncoded> =>
  calls.map((call, index) => ({
    type: "tool-call",
    id: `call_${nth}_${index}`,
    name: call.name,
    params: call.arguments
  }))

const words = (text: string) => text.match(/\s*\S+/g) ?? []

const streamed = (turn: Turn, nth: number): ReadonlyArray<Response.StreamPartEncoded> => [
  ...(turn.thinking === undefined
    ? []
    : [
        { type: "reasoning-start" as const, id: "0" },
        ...words(turn.thinking).map((delta) => ({ type: "reasoning-delta" as const, id: "0", delta })),
        { type: "reasoning-end" as const, id: "0" }
      ]),
  ...(turn.text === undefined
    ? []
    : [
        { type: "text-start" as const, id: "1" },
        ...words(turn.text).map((delta) => ({ type: "text-delta" as const, id: "1", delta })),
        { type: "text-end" as const, id: "1" }
      ]),
  ...callsOf(turn, nth),
  finishOf(turn)
]

/** The same script without Ollama. */
export const mock = (script: Script): Layer.Layer<LanguageModel.LanguageModel> => {
  const next = playing(script)
  let nth = 0
  return Layer.effect(
    LanguageModel.LanguageModel,
    LanguageModel.make({
      generateText: () =>
        Effect.sync(() => {
          const turn = next()
          return [
            ...(turn.thinking === undefined ? [] : [{ type: "reasoning" as const, text: turn.thinking }]),
            ...(turn.text === undefined ? [] : [{ type: "text" as const, text: turn.text }]),
            ...callsOf(turn, nth++),
            finishOf(turn)
          ]
        }),
      streamText: () => Stream.suspend(() => Stream.fromIterable(streamed(next(), nth++)))
    })
  )
}
