/** The shapes that the engine, its two forms and the replay of recordings share. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Fault from "./faultModel.js"

/** A request as it reached the server. */
export interface WireRequest {
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly query: string
  /** Lower-cased names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The address it was sent to, for the texts of connection errors. */
  readonly host: string
  /** Whether it came over a connection that had served a request before. */
  readonly reused: boolean
}

/** A connection that breaks: before the headers as a failed request, after them as a body that fails. */
export interface Broken {
  readonly _tag: "Broken"
  /** How a socket does it: RST, FIN, or bytes that are not HTTP. */
  readonly how: "reset" | "close" | "garbage"
  /** What a client sees in memory: the code and words that undici gives. */
  readonly code: string | undefined
  readonly name: string
  readonly message: string
}

/** A body whose chunks are asked for one after the other: gives the next one when it is due, nothing at the end. */
export interface Chunks {
  readonly next: Effect.Effect<Uint8Array | undefined>
}

/** What the server answers. A body of bytes is whole; the others have one element for each chunk of the wire. */
export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | Chunks | Stream.Stream<Uint8Array, Broken>
  /** Fails when the server breaks off whatever it is writing: whoever writes the body races with it. */
  readonly cut?: Effect.Effect<never, Broken>
}

/**
 * A server: gives the answer when its headers are ready. The scope is the exchange: it is closed when the body has
 * been written, and when the client leaves, in whatever phase that is.
 */
export type Handler = (request: WireRequest) => Effect.Effect<WireAnswer, Broken, Scope.Scope>

/**
 * A model that the simulator has installed. Everything but the name has a default made from the name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Model {
  /** `llama3.2` or `llama3.2:latest`. */
  readonly name: string
  /** Bytes, on disk and in memory. Default: what its number of parameters takes in 5 bits each. */
  readonly size?: number
  /** Default: `["completion", "tools"]`, for names with "embed" or "minilm" `["embedding"]`. */
  readonly capabilities?: ReadonlyArray<string>
  /**
   * Default: the letters its name begins with. Some families answer one request at a time whatever `parallel` says:
   * `mllama`, `qwen3vl*`, `qwen35*`, `qwen3next`, `lfm2*`, `nemotron_h*`; so do models that only embed.
   */
  readonly family?: string
  readonly parameterSize?: string
  readonly quantization?: string
  /** Tokens. Default 4096. */
  readonly contextLength?: number
  /** Length of a vector. Default 384. */
  readonly embeddingLength?: number
  /** Part of the model on the GPU, 0 to 1; for `size_vram`. Default 0. */
  readonly gpu?: number
  /** How long loading it into memory takes. Goes before `loadRate`, and both before those of the server. */
  readonly loadTime?: Duration.DurationInput
  /** The same as bytes a second: loading takes `size / loadRate`. */
  readonly loadRate?: number
  /** How long the evaluation of a prompt takes, whatever its length. Goes before `promptRate`. */
  readonly promptTime?: Duration.DurationInput
  /** The same as tokens a second, of the prompt's `prompt_eval_count`. */
  readonly promptRate?: number
  /** The time from one token to the next. Goes before `tokenRate`. */
  readonly tokenTime?: Duration.DurationInput
  /** The same as tokens a second. */
  readonly tokenRate?: number
  /** Whether it is in memory from the start, as far as it fits. Default false. */
  readonly loaded?: boolean
  readonly reply?: Reply | ((prompt: Prompt) => Reply)
}

/**
 * What a reply is made for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Prompt {
  readonly endpoint: "chat" | "generate"
  readonly model: string
  /** The last user message of a chat, or the prompt of a generate. */
  readonly text: string
  readonly messages: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** The whole request body. */
  readonly request: Readonly<Record<string, unknown>>
}

/**
 * When the pieces of a reply are sent, instead of the model's own `promptTime` and `tokenTime`. `Recorded.reply` makes it
 * from a recording.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timing {
  /** From the moment at which the model takes the request up to the first chunk. */
  readonly prompt: Duration.DurationInput
  /**
   * When each chunk is sent, counted from the first one, which has 0; the closing chunk is the last entry. Chunks beyond
   * the end come at the model's own pace. An answer in one piece (`stream: false`) comes with the closing chunk.
   */
  readonly chunks: ReadonlyArray<Duration.DurationInput>
}

/**
 * What the simulated model says: a text (cut into words), tokens, or everything in detail.
 *
 * @since 0.1.0
 * @category models
 */
export type Reply =
  | string
  | ReadonlyArray<string>
  | {
      readonly content?: string | ReadonlyArray<string>
      /** How many tokens each piece of the content is. Default one each. */
      readonly tokens?: ReadonlyArray<number>
      /** Sent only when the model can think and the request does not forbid it. */
      readonly thinking?: string | ReadonlyArray<string>
      readonly toolCalls?: ReadonlyArray<{
        readonly name: string
        readonly arguments: Readonly<Record<string, unknown>>
      }>
      readonly doneReason?: string
      readonly timing?: Timing
    }

/**
 * The simulated server. Times that are not given are zero, so that a program under test answers at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Installed models, as names or in detail. Default: `llama3.2`, `qwen3`, `gemma3` and `all-minilm`. */
  readonly models?: ReadonlyArray<string | Model>
  /** What a pull finds besides the installed models. Default: `tinyllama` and `nomic-embed-text`. */
  readonly registry?: ReadonlyArray<string | Model>
  /** The Ollama version to behave as; reported with `-simulator` behind it. Default `0.33.0`. */
  readonly version?: string
  /** For models without one of their own. Default zero. */
  readonly loadTime?: Duration.DurationInput
  /** Bytes a second, for models without a `loadTime` or `loadRate` where the server has no `loadTime`. */
  readonly loadRate?: number
  /** For models without one of their own. Default zero. */
  readonly promptTime?: Duration.DurationInput
  /** Tokens a second, where nothing says a `promptTime`. */
  readonly promptRate?: number
  /** For models without one of their own. Default zero. */
  readonly tokenTime?: Duration.DurationInput
  /** Tokens a second, where nothing says a `tokenTime`. */
  readonly tokenRate?: number
  /** Loads, prompts and answers take so many times as long. Default 1. The control of this name changes it. */
  readonly slowDown?: number
  /** How long a pull takes. Default zero. */
  readonly pullTime?: Duration.DurationInput
  /** For models without one of their own. Default: a text that says that it is a simulator. */
  readonly reply?: Reply | ((prompt: Prompt) => Reply)
  /**
   * `OLLAMA_MAX_QUEUE`: how many requests may wait for a load, besides the one that it is done for, before more are
   * answered with 503. Those whose clients have left count until their turn comes. With 0 a request that needs a load
   * while another one is under way is answered with 503. Default 512, as in Ollama.
   */
  readonly maxQueue?: number
  /**
   * `OLLAMA_NUM_PARALLEL`: how many answers a loaded model gives at a time; further requests wait, without a limit and
   * without a byte. Models that only embed give one. Default 1, as in Ollama.
   */
  readonly parallel?: number
  /**
   * How many answers all models in memory give at a time together, in the order in which they were asked for: a machine
   * that two models at work would make twice as slow gives the same work in the same time. Default: each model has its
   * own, as in Ollama.
   */
  readonly together?: number
  /**
   * Bytes that models in memory may take together, each its `size`; what does not fit is made room for, and a model that
   * is larger than all of it fails to load. Default: unlimited.
   */
  readonly memory?: number
  /** `OLLAMA_MAX_LOADED_MODELS`: how many models may be in memory. Default (and 0) 3, as in Ollama without a GPU. */
  readonly maxLoaded?: number
  /** `OLLAMA_KEEP_ALIVE`: how long an idle model stays loaded. Default 5 minutes, as in Ollama. */
  readonly keepAlive?: Duration.DurationInput
  /**
   * Whether `/api/ps` answers only when no model is being loaded, as Ollama does while it loads a model in safetensors
   * format (MLX). Default false: with GGUF models it answers at once, and lists a model when its load is complete.
   */
  readonly psBlocksDuringLoad?: boolean
  /** The signed-in account; without one `/api/me` answers 401 with a `signin_url`. */
  readonly account?: { readonly name: string; readonly email?: string; readonly plan?: string }
  /** Whether the cloud is switched off, as by `OLLAMA_NO_CLOUD`. Default false. */
  readonly cloudDisabled?: boolean
  /**
   * `OLLAMA_ORIGINS`: origins that browsers may call from, besides the local ones. A `*` in one stands for any text, and
   * `"*"` for all origins.
   */
  readonly origins?: ReadonlyArray<string>
  /** Faults in force from the start. */
  readonly faults?: ReadonlyArray<Fault.Fault>
}
