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

/** What the server answers. A body of bytes is whole; a stream has one element for each chunk of the wire. */
export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | Stream.Stream<Uint8Array, Broken>
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
  /** Bytes on disk. */
  readonly size?: number
  /** Default: `["completion", "tools"]`, for names with "embed" or "minilm" `["embedding"]`. */
  readonly capabilities?: ReadonlyArray<string>
  readonly family?: string
  readonly parameterSize?: string
  readonly quantization?: string
  /** Tokens. Default 4096. */
  readonly contextLength?: number
  /** Length of a vector. Default 384. */
  readonly embeddingLength?: number
  /** Part of the model on the GPU, 0 to 1; for `size_vram`. Default 0. */
  readonly gpu?: number
  /** How long loading it into memory takes. */
  readonly loadTime?: Duration.DurationInput
  /** How long the evaluation of a prompt takes, whatever its length. */
  readonly promptTime?: Duration.DurationInput
  /** The time from one token to the next. */
  readonly tokenTime?: Duration.DurationInput
  /** Whether it is in memory from the start. Default false. */
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
      /** Sent only when the model can think and the request does not forbid it. */
      readonly thinking?: string | ReadonlyArray<string>
      readonly toolCalls?: ReadonlyArray<{
        readonly name: string
        readonly arguments: Readonly<Record<string, unknown>>
      }>
      readonly doneReason?: string
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
  /** For models without one of their own. Default zero. */
  readonly promptTime?: Duration.DurationInput
  /** For models without one of their own. Default zero. */
  readonly tokenTime?: Duration.DurationInput
  /** How long a pull takes. Default zero. */
  readonly pullTime?: Duration.DurationInput
  /** For models without one of their own. Default: a text that says that it is a simulator. */
  readonly reply?: Reply | ((prompt: Prompt) => Reply)
  /** How many requests may wait for a load before more are answered with 503. Default 512, as in Ollama. */
  readonly maxQueue?: number
  /** How long an idle model stays loaded. Default 5 minutes, as in Ollama. */
  readonly keepAlive?: Duration.DurationInput
  /** The signed-in account; without one `/api/me` answers 401 with a `signin_url`. */
  readonly account?: { readonly name: string; readonly email?: string; readonly plan?: string }
  /** Whether the cloud is switched off, as by `OLLAMA_NO_CLOUD`. Default false. */
  readonly cloudDisabled?: boolean
  /** Origins that browsers may call from, besides the local ones. */
  readonly origins?: ReadonlyArray<string>
  /** Faults in force from the start. */
  readonly faults?: ReadonlyArray<Fault.Fault>
}

/**
 * How a request ended for the server: answered in full, left by the client, or hit by a fault. `chunks` is the number
 * of chunks of the body that were sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ended {
  readonly how: "completed" | "left" | "faulted"
  readonly chunks: number
  /** Present once headers were sent. */
  readonly status?: number
  /** The fault that hit it, also when the client left because of it. */
  readonly fault?: Fault.Fault
  /** Milliseconds on the Clock. */
  readonly at: number
}

/**
 * A request that the simulator saw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Seen {
  readonly index: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** The body, when it is JSON. */
  readonly json: unknown
  readonly bytes: number
  /** Milliseconds on the Clock. */
  readonly at: number
  /** Absent while it runs. */
  readonly ended?: Ended
}

/**
 * What a test can see and do while the simulator runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Controls {
  /** All requests so far, in the order of their arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<Seen>>
  /** Waits until the server has seen the request with this index. */
  readonly arrived: (index: number) => Effect.Effect<Seen>
  /** Waits until the server has noticed the end of the request with this index. */
  readonly ended: (index: number) => Effect.Effect<Ended>
  /** How many requests are running. */
  readonly inFlight: Effect.Effect<number>
  /** The names of the models that are in memory. */
  readonly loaded: Effect.Effect<ReadonlyArray<string>>
  /** Loads since the start: begun, finished, and aborted because the client that owned them left. */
  readonly loads: Effect.Effect<{ readonly begun: number; readonly finished: number; readonly aborted: number }>
  readonly clearFaults: Effect.Effect<void>
}
