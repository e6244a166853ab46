/**
 * Where the examples get their Ollama from: the server at OLLAMA_HOST, or, when EFFECT_OLLAMA_SIMULATOR is set, a
 * simulator that is staged for the example.
 */
import { Config, Effect, Layer } from "effect"
import { OllamaClient, type Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { OllamaSimulator } from "effect-ollama/testing"

export const ollama = (stage: OllamaSimulator.Options = {}, policy?: Policy.Policy) =>
  Layer.unwrapEffect(
    Effect.map(Config.withDefault(Config.boolean("EFFECT_OLLAMA_SIMULATOR"), false), (isSimulated) =>
      isSimulated
        ? OllamaClient.layer({ policy }).pipe(Layer.provide(OllamaSimulator.layer(stage)))
        : OllamaNode.layerConfig(policy === undefined ? {} : { policy: Config.succeed(policy) })
    )
  )
