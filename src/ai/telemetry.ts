/** What the spans of `@effect/ai` say of a call, by OpenTelemetry's conventions; no word of what was asked or answered. */
import type * as Response from "@effect/ai/Response"
import * as Telemetry from "@effect/ai/Telemetry"
import type { Span } from "effect/Tracer"
import type * as Chat from "../api/Chat.js"
import * as GenAi from "../internal/genAi.js"

export const request = (span: Span, { model, options = {} }: Chat.ChatRequest): void => {
  Telemetry.addGenAIAnnotations(span, {
    system: GenAi.provider,
    operation: { name: "chat" },
    request: {
      model,
      temperature: options.temperature,
      topK: options.top_k,
      topP: options.top_p,
      maxTokens: options.num_predict,
      stopSequences: options.stop,
      frequencyPenalty: options.frequency_penalty,
      presencePenalty: options.presence_penalty,
      seed: options.seed
    }
  })
}

export const part = (span: Span, said: Response.PartEncoded | Response.StreamPartEncoded): void => {
  if (said.type === "response-metadata") {
    Telemetry.addGenAIAnnotations(span, { response: { model: said.modelId } })
  }
  if (said.type === "finish") {
    const { inputTokens, outputTokens } = said.usage
    Telemetry.addGenAIAnnotations(span, {
      response: { finishReasons: [said.reason] },
      usage: { inputTokens, outputTokens }
    })
  }
}
