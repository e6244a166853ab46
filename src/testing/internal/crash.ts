/** What Ollama says when the process that runs a model has died. */
import { type Json, type Refusal, refuse } from "./json.js"
import type { Died } from "./slots.js"
import { texts, type TextName } from "./texts.js"

/** Up to 0.24 models ran in Ollama's own runners; since 0.30 in llama-server. */
export const isLlamaServer = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 0 || minor >= 30
}

const errorOf = (name: TextName): string => (JSON.parse(texts[name].body) as { readonly error: string }).error

const gone = (version: string): string => errorOf(isLlamaServer(version) ? "runner.gone" : "old.gone")

/** To a chat or generate: it waited, its prompt was being read, or it was being answered. */
export const generation = (died: Died, hasTokens: boolean, version: string): Refusal =>
  refuse(500, died.during === "waiting" ? gone(version) : errorOf(hasTokens ? "runner.eof" : "runner.stopped"))

/** To an embed or, with 500, to the older embeddings. `/api/embed` calls what it does not know a 400. */
export const embedding = (died: Died, status: 400 | 500, version: string): Refusal =>
  refuse(status, died.during === "waiting" ? gone(version) : errorOf("runner.embedding"))

/** The last line of a stream in whose middle it died. */
export const line: Json = { error: errorOf("runner.eof") }

/** To the request for which it was loading. */
export const loading = (version: string): Refusal =>
  refuse(500, errorOf(isLlamaServer(version) ? "load.terminated" : "old.terminatedSignal"))

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`

/** To the request for a model that is larger than all memory. */
export const tooLarge = (version: string, size: number, memory: number): Refusal =>
  refuse(
    500,
    isLlamaServer(version)
      ? errorOf("load.outOfMemory")
      : `model requires more system memory (${gibibytes(size)}) than is available (${gibibytes(memory)})`
  )
