/**
 * The names of OpenTelemetry's conventions for generative AI, and ours beside them (semantic conventions 1.43, which has
 * them as in development).
 */

/** The names that the conventions have for what Ollama does; other operations have none. */
const operations: Readonly<Record<string, string>> = {
  chat: "chat",
  generate: "text_completion",
  embed: "embeddings",
  embeddings: "embeddings"
}

/** @param operation the method's name in the client */
export const operationName = (operation: string): string | undefined => operations[operation]

export const provider = "ollama"

/** The attributes of options of a request. */
export const requestOptions: Readonly<Record<string, string>> = {
  temperature: "gen_ai.request.temperature",
  num_predict: "gen_ai.request.max_tokens",
  top_p: "gen_ai.request.top_p",
  top_k: "gen_ai.request.top_k",
  seed: "gen_ai.request.seed",
  stop: "gen_ai.request.stop_sequences",
  frequency_penalty: "gen_ai.request.frequency_penalty",
  presence_penalty: "gen_ai.request.presence_penalty"
}

/** `server.address` and `server.port` of an address such as `http://[::1]:11434/ollama`; nothing of what is no address. */
export const serverOf = (host: string): { readonly address: string; readonly port: number } | undefined => {
  if (!URL.canParse(host)) return undefined
  const { hostname, port, protocol } = new URL(host)
  return {
    address: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)
  }
}
