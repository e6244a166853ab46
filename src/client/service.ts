/**
 * The client as a service: its tag, what it is made of, and its calls.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Account from "../api/Account.js"
import type * as Blob from "../api/Blob.js"
import type * as Chat from "../api/Chat.js"
import type * as Embed from "../api/Embed.js"
import type * as Generate from "../api/Generate.js"
import type * as Model from "../api/Model.js"
import type * as Web from "../api/Web.js"
import type * as OllamaError from "../OllamaError.js"
import type * as Concurrency from "../policy/Concurrency.js"
import type * as Policy from "../policy/Policy.js"
import type { CallEvent, ClientState, SlowCall } from "../record/CallEvent.js"
import type { CallRecord } from "../record/CallRecord.js"

type Failure = OllamaError.OllamaError

/**
 * What a client is made of; everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The address, by the rules of OLLAMA_HOST; `http://127.0.0.1:11434` by default. */
  readonly host?: string | undefined
  /** Sent as `Authorization: Bearer`, to this host only. */
  readonly apiKey?: Redacted.Redacted | undefined
  /** Sent with every request, to this host only. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** `Policy.defaults` by default. */
  readonly policy?: Policy.Policy | undefined
  /**
   * Policies that take the place of the one before while the client lives; what does not change keeps its memory. One
   * that is none is refused as a whole, with a warning that names what is wrong.
   */
  readonly policyChanges?: Stream.Stream<Policy.Policy> | undefined
  /** In the place of the policy's retries: sees the retryable failures that come before the first chunk. */
  readonly retrySchedule?: Schedule.Schedule<unknown, Failure> | undefined
  /**
   * Whether requests carry the span of their attempt as `traceparent`; false by default, because browsers may not send it
   * to Ollama.
   */
  readonly propagateTrace?: boolean | undefined
  /**
   * Whether spans hold what was asked and answered (`gen_ai.input.messages`, `gen_ai.output.messages`); false by default:
   * then no word of it is in any span, record or log.
   */
  readonly recordContent?: boolean | undefined
  /** The most bytes of one line of an answer; 8 MiB by default, as in Ollama's own client. */
  readonly lineLimit?: number | undefined
  /** Changes the HTTP client, for headers, logging, or another way to send. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * What can be different for one call.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallOptions {
  /** A change of the policy in force. Parts that have state can only be switched off. */
  readonly policy?: Policy.Patch | undefined
  /** Which conversation the call belongs to; kept in its record. */
  readonly session?: string | undefined
  /**
   * Which of several servers is asked. A client knows one: any other address than its own fails as `InvalidRequest` in
   * `host`.
   */
  readonly host?: string | undefined
  /** Whose turn comes first where calls wait for a model; `normal` by default. */
  readonly priority?: Concurrency.Priority | undefined
  /** Learns what became of the call, at its end. The call does not wait for it. */
  readonly onRecord?: ((record: CallRecord) => Effect.Effect<void>) | undefined
  /** In the place of the policy's retries. */
  readonly retrySchedule?: Schedule.Schedule<unknown, Failure> | undefined
}

/**
 * A request of `chatObject`: that of `chat`, with a schema in the place of `format`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChatObjectRequest<A, I, R> extends Omit<Chat.ChatRequest, "format"> {
  /** What the answer has to fit. */
  readonly schema: Schema.Schema<A, I, R>
  /**
   * How often the model is asked again when its answer does not fit: 0 by default. It is then shown that answer and what
   * is wrong with it. Each is a call of its own with a record of its own, in whose `decisions` stands `reasked`; `total`
   * counts over all of them. An answer that was cut off (`length`) would be cut off again, and is not asked for again.
   */
  readonly reask?: number | undefined
}

/**
 * A decoded answer beside the answer it was read from.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChatObject<A> {
  readonly value: A
  readonly response: Chat.ChatResponse
}

/**
 * The calls. Every one can end in any `OllamaError`; requests are checked before anything is sent, and what is wrong
 * with them is an `InvalidRequest` that names the field.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The whole answer of a chat. It is streamed from the server all the same, so no limit of a transport cuts it. */
  readonly chat: (request: Chat.ChatRequest, options?: CallOptions) => Effect.Effect<Chat.ChatResponse, Failure>
  /** The answer of a chat as it is written. Leaving the stream stops the server. */
  readonly chatStream: (request: Chat.ChatRequest, options?: CallOptions) => Stream.Stream<Chat.ChatChunk, Failure>
  /** An answer that fits a schema, decoded; one that does not fit fails as `MalformedOutput`, after as many as `reask`. */
  readonly chatObject: <A, I, R>(
    request: ChatObjectRequest<A, I, R>,
    options?: CallOptions
  ) => Effect.Effect<ChatObject<A>, Failure, R>
  /** The whole completion of a prompt. */
  readonly generate: (
    request: Generate.GenerateRequest,
    options?: CallOptions
  ) => Effect.Effect<Generate.GenerateResponse, Failure>
  /** The completion of a prompt as it is written. */
  readonly generateStream: (
    request: Generate.GenerateRequest,
    options?: CallOptions
  ) => Stream.Stream<Generate.GenerateChunk, Failure>
  /** Vectors for one text or several. */
  readonly embed: (request: Embed.EmbedRequest, options?: CallOptions) => Effect.Effect<Embed.EmbedResponse, Failure>
  /**
   * The vector of one text, by the endpoint that came before `embed`.
   *
   * @deprecated use `embed`
   */
  readonly embeddings: (
    request: Embed.EmbeddingsRequest,
    options?: CallOptions
  ) => Effect.Effect<Embed.EmbeddingsResponse, Failure>
  /** The models that are installed. */
  readonly list: (options?: CallOptions) => Effect.Effect<Model.ListResponse, Failure>
  /** The models that are in memory (`ollama ps`). */
  readonly running: (options?: CallOptions) => Effect.Effect<Model.RunningResponse, Failure>
  /** Everything about one model. */
  readonly show: (request: Model.ShowRequest, options?: CallOptions) => Effect.Effect<Model.ShowResponse, Failure>
  /** Downloads a model; ends after `success`. A pull that failed goes on where it was when it is called again. */
  readonly pull: (request: Model.PullRequest, options?: CallOptions) => Stream.Stream<Model.ProgressResponse, Failure>
  /** Uploads a model to the registry; ends after `success`. */
  readonly push: (request: Model.PushRequest, options?: CallOptions) => Stream.Stream<Model.ProgressResponse, Failure>
  /** Makes a model from another one, or from blobs; ends after `success`. */
  readonly create: (
    request: Model.CreateRequest,
    options?: CallOptions
  ) => Stream.Stream<Model.ProgressResponse, Failure>
  /** Gives a model a second name. */
  readonly copy: (request: Model.CopyRequest, options?: CallOptions) => Effect.Effect<void, Failure>
  /** Removes a model. */
  readonly remove: (request: Model.RemoveRequest, options?: CallOptions) => Effect.Effect<void, Failure>
  /** Whether the server has a blob, by its digest. */
  readonly hasBlob: (digest: string, options?: CallOptions) => Effect.Effect<boolean, Failure>
  /** Uploads a blob. A Stream can be read once, so its upload is never retried; its own failures come through. */
  readonly uploadBlob: <E = never, R = never>(
    request: Blob.UploadRequest<E, R>,
    options?: CallOptions
  ) => Effect.Effect<void, Failure | E, R>
  /** Reads a model into memory. */
  readonly load: (request: Model.LoadRequest, options?: CallOptions) => Effect.Effect<Model.LoadResponse, Failure>
  /** Lets a model out of memory, after the calls in progress. */
  readonly unload: (request: Model.UnloadRequest, options?: CallOptions) => Effect.Effect<Model.LoadResponse, Failure>
  /** The server's version. */
  readonly version: (options?: CallOptions) => Effect.Effect<Model.VersionResponse, Failure>
  /** Whether the server may use the cloud. */
  readonly status: (options?: CallOptions) => Effect.Effect<Account.StatusResponse, Failure>
  /** The account that the server is signed in to; `Unauthorized` with a `signinUrl` when it is not. */
  readonly account: (options?: CallOptions) => Effect.Effect<Account.AccountResponse, Failure>
  /** Signs the server out. */
  readonly signOut: (options?: CallOptions) => Effect.Effect<void, Failure>
  /** Searches the web through the server, or through ollama.com. */
  readonly webSearch: (request: Web.SearchRequest, options?: CallOptions) => Effect.Effect<Web.SearchResponse, Failure>
  /** Reads a page of the web through the server, or through ollama.com. */
  readonly webFetch: (request: Web.FetchRequest, options?: CallOptions) => Effect.Effect<Web.FetchResponse, Failure>
  /** Everything about a model, which is pulled first when the server does not have it. */
  readonly ensureModel: (name: string, options?: CallOptions) => Effect.Effect<Model.ShowResponse, Failure>
  /**
   * The record of each call, at its end: from the moment on in which the stream is run, until the client's Scope closes.
   * A reader that lags behind more than 1024 records loses the oldest, which are counted (`state`); no call waits for it.
   */
  readonly records: Stream.Stream<CallRecord>
  /** The calls that take longer than they should (the policy's `slow`), while they run; a stream like `records`. */
  readonly slowCalls: Stream.Stream<SlowCall>
  /**
   * Calls the listener with whatever happens to the calls of the client, at that very moment, until the Scope closes. It
   * has to be quick: the call waits for it. One that throws harms no call; that it does is logged once, as a warning.
   */
  readonly listen: (listener: (event: CallEvent) => void) => Effect.Effect<void, never, Scope.Scope>
  /** What the client holds at this moment: breakers, permits, the budget, and the calls that run. */
  readonly state: Effect.Effect<ClientState>
}

/**
 * The client, as a service.
 *
 * @since 0.1.0
 * @category tags
 */
export class OllamaClient extends Context.Tag("effect-ollama/OllamaClient")<OllamaClient, Service>() {}
