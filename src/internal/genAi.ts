/** The names that OpenTelemetry's conventions for generative AI have for what a client does: for spans and metrics alike. */

export const provider = "ollama"

/** The operations that the conventions know. */
const known: Readonly<Record<string, string>> = {
  chat: "chat",
  generate: "text_completion",
  embed: "embeddings",
  embeddings: "embeddings"
}

/** Whether the conventions know the operation; `list`, `pull` and the like are no operations of a model. */
export const isKnown = (operation: string): boolean => Object.hasOwn(known, operation)

/** `gen_ai.operation.name`; of what the conventions do not know, its own name. */
export const operationName = (operation: string): string =>
  isKnown(operation) ? (known[operation] ?? operation) : operation

/** `server.address` and `server.port` of an address such as `http://[::1]:11434/ollama`; nothing of what is no address. */
export const serverOf = (host: string): { readonly address: string; readonly port: number } | undefined => {
  if (!URL.canParse(host)) return undefined
  const { hostname, port, protocol } = new URL(host)
  return {
    address: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port)
  }
}
