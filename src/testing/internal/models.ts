/** Names, the models installed in the simulator, and how the server shows them. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import { type Json, omitEmpty } from "./json.js"
import type { Model, Options } from "./types.js"

export interface Name {
  /** As lists show it: `llama3.2:latest`, `someone/model:7b`. */
  readonly short: string
  /** `registry.ollama.ai/library/llama3.2:latest`. */
  readonly full: string
  readonly cloud: boolean
  /** `:local` and `:cloud` at once, which the server refuses. */
  readonly isContradiction: boolean
}

const part = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
const pattern = new RegExp(
  `^(?:https?://)?(?:(?<host>[A-Za-z0-9_][A-Za-z0-9_.-]*(?::\\d+)?)/(?=[^/]+/))?(?:(?<space>${part})/)?(?<model>${part})(?::(?<tag>${part}))?(?::(?<source>local|cloud))?$`
)

/** A model name by the server's rules; `undefined` when it is none. */
export const parseName = (source: unknown): Name | undefined => {
  const groups = typeof source === "string" ? pattern.exec(source)?.groups : undefined
  if (groups === undefined) return undefined
  const { host = "registry.ollama.ai", model, source: origin, space = "library", tag = "latest" } = groups
  const base = `${model}:${tag}`
  const isCloudTag = tag === "cloud" || tag.endsWith("-cloud")
  const official = host === "registry.ollama.ai"
  return {
    short: official ? (space === "library" ? base : `${space}/${base}`) : `${host}/${space}/${base}`,
    full: `${host}/${space}/${base}`,
    cloud: origin === "cloud" || isCloudTag,
    isContradiction: (origin === "local" && isCloudTag) || (origin === "cloud" && tag === "local")
  }
}

export interface Installed {
  readonly name: string
  readonly digest: string
  readonly size: number
  readonly capabilities: ReadonlyArray<string>
  readonly details: Json
  readonly contextLength: number
  readonly embeddingLength: number
  readonly gpu: number
  /** Milliseconds. */
  readonly loadTime: number
  /** Milliseconds for a prompt of so many tokens. */
  readonly promptTime: (tokens: number) => number
  /** Milliseconds from one token to the next. */
  readonly tokenTime: number
  readonly reply: Options["reply"]
  readonly loaded: boolean
  readonly modifiedAt: number
  readonly system?: string
}

/** A text in which the same input always gives the same 64 digits. Not a digest of anything. */
export const pseudoDigest = (source: string): string => {
  let digits = ""
  let hash = 0x811c9dc5
  for (let round = 0; digits.length < 64; round++) {
    for (let i = 0; i < source.length; i++) hash = Math.imul(hash ^ source.charCodeAt(i) ^ round, 0x01000193)
    digits += (hash >>> 0).toString(16).padStart(8, "0")
  }
  return digits
}

const isEmbedding = (name: string) => /embed|minilm/.test(name)

const parameters = (name: string): string => {
  const billions = /(\d+(?:\.\d+)?)b\b/i.exec(name)?.[1]
  return billions === undefined ? (isEmbedding(name) ? "22.6M" : "3.2B") : `${billions}B`
}

const sizeOf = (parameterSize: string): number => {
  const number = Number.parseFloat(parameterSize)
  return Math.round((parameterSize.endsWith("M") ? number * 1e6 : number * 1e9) * 0.63)
}

/** What a model says of itself goes before what the server says of all, and a time before a rate a second. */
const pace =
  (time: "loadTime" | "promptTime" | "tokenTime", rate: "loadRate" | "promptRate" | "tokenRate") =>
  (model: Model, options: Options): ((amount: number) => number) => {
    const said = [model, options].find((source) => source[time] !== undefined || source[rate] !== undefined)
    const fixed = said?.[time]
    const perSecond = said?.[rate]
    if (fixed !== undefined) {
      const millis = Duration.toMillis(fixed)
      return () => millis
    }
    return (amount) => (perSecond === undefined ? 0 : (amount * 1000) / perSecond)
  }

const loadPace = pace("loadTime", "loadRate")

const promptPace = pace("promptTime", "promptRate")

const tokenPace = pace("tokenTime", "tokenRate")

/** A model with everything that was not given filled in; the name must be valid. */
export const install = (input: string | Model, options: Options, modifiedAt: number): Installed => {
  const model: Model = typeof input === "string" ? { name: input } : input
  const short = parseName(model.name)?.short ?? model.name
  const family = model.family ?? (/^(?:.*\/)?([a-z]+)/i.exec(short)?.[1] ?? "simulator").toLowerCase()
  const parameterSize = model.parameterSize ?? parameters(short)
  const contextLength = model.contextLength ?? 4096
  const embeddingLength = model.embeddingLength ?? 384
  const size = model.size ?? sizeOf(parameterSize)
  return {
    name: short,
    digest: pseudoDigest(short),
    size,
    capabilities: model.capabilities ?? (isEmbedding(short) ? ["embedding"] : ["completion", "tools"]),
    details: {
      parent_model: "",
      format: "gguf",
      family,
      families: [family],
      parameter_size: parameterSize,
      quantization_level: model.quantization ?? "Q4_K_M"
    },
    contextLength,
    embeddingLength,
    gpu: model.gpu ?? 0,
    loadTime: loadPace(model, options)(size),
    promptTime: promptPace(model, options),
    tokenTime: tokenPace(model, options)(1),
    reply: model.reply ?? options.reply,
    loaded: model.loaded ?? false,
    modifiedAt
  }
}

const oneAtATime = /^(?:mllama|qwen3vl|qwen35|qwen3next|lfm2|nemotron_h)/

/** How many answers it gives at a time, where the server allows so many. */
export const parallel = (model: Installed, allowed: number): number =>
  !model.capabilities.includes("completion") || oneAtATime.test(String(model.details["family"]))
    ? 1
    : Math.max(1, allowed)

export const defaults: ReadonlyArray<Model> = [
  { name: "llama3.2:latest", parameterSize: "3.2B", capabilities: ["completion", "tools"] },
  { name: "qwen3:latest", parameterSize: "8.2B", capabilities: ["completion", "tools", "thinking"] },
  { name: "gemma3:latest", parameterSize: "4.3B", capabilities: ["completion", "vision"] },
  { name: "all-minilm:latest", family: "bert", parameterSize: "22.6M", capabilities: ["embedding"], contextLength: 512 }
]

export const registry: ReadonlyArray<Model> = [
  { name: "tinyllama:latest", parameterSize: "1.1B", capabilities: ["completion"] },
  { name: "nomic-embed-text:latest", parameterSize: "137M", capabilities: ["embedding"], embeddingLength: 768 }
]

const century = 292 * 365.25 * 24 * 3_600_000

/** RFC 3339; a time that never comes is some 292 years ahead, as Go's largest duration gives it. */
export const timestamp = (at: number, now = 0): string =>
  DateTime.formatIso(DateTime.unsafeMake(Number.isFinite(at) ? at : now + century))

export const listEntry = (model: Installed): Json => ({
  name: model.name,
  model: model.name,
  modified_at: timestamp(model.modifiedAt),
  size: model.size,
  digest: model.digest,
  details: { ...model.details, context_length: model.contextLength, embedding_length: model.embeddingLength },
  capabilities: model.capabilities
})

export const runningEntry = (model: Installed, expiresAt: number, contextLength: number, now: number): Json => ({
  name: model.name,
  model: model.name,
  size: model.size,
  digest: model.digest,
  details: model.details,
  expires_at: timestamp(expiresAt, now),
  size_vram: Math.round(model.size * model.gpu),
  context_length: contextLength
})

const template = "{{- range .Messages }}{{ .Role }}: {{ .Content }}\n{{- end }}"

export const shown = (model: Installed, request: Json): Json => {
  const family = String(model.details["family"])
  const system = typeof request["system"] === "string" ? request["system"] : model.system
  return {
    ...omitEmpty({
      license: "none: this model is simulated",
      modelfile: `# Modelfile generated by "ollama show"\n# FROM ${model.name}\n\nFROM /simulated/blobs/sha256-${model.digest}\nTEMPLATE ${template}\n`,
      parameters: `num_ctx                        ${model.contextLength}`,
      template,
      system
    }),
    details: model.details,
    model_info: {
      "general.architecture": family,
      "general.basename": model.name.split(":")[0],
      "general.parameter_count": Math.round(model.size / 0.63),
      [`${family}.context_length`]: model.contextLength,
      [`${family}.embedding_length`]: model.embeddingLength,
      "tokenizer.ggml.tokens": request["verbose"] === true ? ["<s>", "</s>"] : []
    },
    capabilities: model.capabilities,
    modified_at: timestamp(model.modifiedAt)
  }
}
