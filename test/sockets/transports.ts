/** The client over the three transports of Node. */
import { FetchHttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { OllamaClient, type OllamaError } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Layer } from "effect"

export type Transport = "fetch" | "undici" | "node:http"

export const names: ReadonlyArray<Transport> = ["fetch", "undici", "node:http"]

type Client = Layer.Layer<OllamaClient.OllamaClient, OllamaError.InvalidRequest>

export const layer = (transport: Transport, options: OllamaClient.Options): Client => {
  switch (transport) {
    case "fetch":
      return Layer.provide(OllamaClient.layer(options), FetchHttpClient.layer)
    case "undici":
      return OllamaNode.layer(options)
    case "node:http":
      return Layer.provide(OllamaClient.layer(options), NodeHttpClient.layer)
  }
}

export const request = { model: "m", messages: [{ role: "user", content: "Hello" }] } as const
