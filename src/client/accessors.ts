/**
 * The calls as functions of the module: each needs the client as a service. They can end in any `OllamaError`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Account from "../api/Account.js"
import type * as Blob from "../api/Blob.js"
import type * as Chat from "../api/Chat.js"
import type * as Embed from "../api/Embed.js"
import type * as Generate from "../api/Generate.js"
import type * as Model from "../api/Model.js"
import type * as Web from "../api/Web.js"
import type { OllamaError as Failure } from "../OllamaError.js"
import type { CallEvent, ClientState, SlowCall } from "../record/CallEvent.js"
import type { CallRecord } from "../record/CallRecord.js"
import { type CallOptions, type ChatObject, type ChatObjectRequest, OllamaClient } from "./service.js"

/**
 * The whole answer of a chat. It is streamed from the server all the same, so no limit of a transport cuts it.
 *
 * @since 0.1.0
 * @category generation
 */
export const chat = (
  request: Chat.ChatRequest,
  options?: CallOptions
): Effect.Effect<Chat.ChatResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.chat(request, options))

/**
 * The answer of a chat as it is written. Leaving the stream stops the server.
 *
 * @since 0.1.0
 * @category generation
 */
export const chatStream = (
  request: Chat.ChatRequest,
  options?: CallOptions
): Stream.Stream<Chat.ChatChunk, Failure, OllamaClient> =>
  Stream.unwrap(Effect.map(OllamaClient, (client) => client.chatStream(request, options)))

/**
 * An answer that fits a schema, decoded; one that does not fit fails as `MalformedOutput`. With `reask` the model is first
 * shown what does not fit, and asked again.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { OllamaClient } from "effect-ollama"
 *
 * const canada = OllamaClient.chatObject({
 *   model: "llama3.2",
 *   schema: Schema.Struct({ capital: Schema.String, languages: Schema.Array(Schema.String) }),
 *   messages: [{ role: "user", content: "Tell me about Canada." }],
 *   reask: 1
 * })
 * ```
 *
 * @since 0.1.0
 * @category generation
 */
export const chatObject = <A, I, R>(
  request: ChatObjectRequest<A, I, R>,
  options?: CallOptions
): Effect.Effect<ChatObject<A>, Failure, R | OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.chatObject(request, options))

/**
 * The whole completion of a prompt.
 *
 * @since 0.1.0
 * @category generation
 */
export const generate = (
  request: Generate.GenerateRequest,
  options?: CallOptions
): Effect.Effect<Generate.GenerateResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.generate(request, options))

/**
 * The completion of a prompt as it is written.
 *
 * @since 0.1.0
 * @category generation
 */
export const generateStream = (
  request: Generate.GenerateRequest,
  options?: CallOptions
): Stream.Stream<Generate.GenerateChunk, Failure, OllamaClient> =>
  Stream.unwrap(Effect.map(OllamaClient, (client) => client.generateStream(request, options)))

/**
 * Vectors for one text or several.
 *
 * @since 0.1.0
 * @category embeddings
 */
export const embed = (
  request: Embed.EmbedRequest,
  options?: CallOptions
): Effect.Effect<Embed.EmbedResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.embed(request, options))

/**
 * The vector of one text, by the endpoint that came before `embed`.
 *
 * @deprecated use `embed`
 * @since 0.1.0
 * @category embeddings
 */
export const embeddings = (
  request: Embed.EmbeddingsRequest,
  options?: CallOptions
): Effect.Effect<Embed.EmbeddingsResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.embeddings(request, options))

/**
 * The models that are installed.
 *
 * @since 0.1.0
 * @category models
 */
export const list = (options?: CallOptions): Effect.Effect<Model.ListResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.list(options))

/**
 * The models that are in memory (`ollama ps`).
 *
 * @since 0.1.0
 * @category models
 */
export const running = (options?: CallOptions): Effect.Effect<Model.RunningResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.running(options))

/**
 * Everything about one model.
 *
 * @since 0.1.0
 * @category models
 */
export const show = (
  request: Model.ShowRequest,
  options?: CallOptions
): Effect.Effect<Model.ShowResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.show(request, options))

/**
 * Downloads a model; ends after `success`. A pull that failed goes on where it was when it is called again.
 *
 * @since 0.1.0
 * @category models
 */
export const pull = (
  request: Model.PullRequest,
  options?: CallOptions
): Stream.Stream<Model.ProgressResponse, Failure, OllamaClient> =>
  Stream.unwrap(Effect.map(OllamaClient, (client) => client.pull(request, options)))

/**
 * Uploads a model to the registry; ends after `success`.
 *
 * @since 0.1.0
 * @category models
 */
export const push = (
  request: Model.PushRequest,
  options?: CallOptions
): Stream.Stream<Model.ProgressResponse, Failure, OllamaClient> =>
  Stream.unwrap(Effect.map(OllamaClient, (client) => client.push(request, options)))

/**
 * Makes a model from another one, or from blobs; ends after `success`.
 *
 * @since 0.1.0
 * @category models
 */
export const create = (
  request: Model.CreateRequest,
  options?: CallOptions
): Stream.Stream<Model.ProgressResponse, Failure, OllamaClient> =>
  Stream.unwrap(Effect.map(OllamaClient, (client) => client.create(request, options)))

/**
 * Gives a model a second name.
 *
 * @since 0.1.0
 * @category models
 */
export const copy = (request: Model.CopyRequest, options?: CallOptions): Effect.Effect<void, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.copy(request, options))

/**
 * Removes a model.
 *
 * @since 0.1.0
 * @category models
 */
export const remove = (
  request: Model.RemoveRequest,
  options?: CallOptions
): Effect.Effect<void, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.remove(request, options))

/**
 * Whether the server has a blob, by its digest.
 *
 * @since 0.1.0
 * @category models
 */
export const hasBlob = (digest: string, options?: CallOptions): Effect.Effect<boolean, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.hasBlob(digest, options))

/**
 * Uploads a blob. A Stream can be read once, so its upload is never retried; its own failures come through.
 *
 * @since 0.1.0
 * @category models
 */
export const uploadBlob = <E = never, R = never>(
  request: Blob.UploadRequest<E, R>,
  options?: CallOptions
): Effect.Effect<void, Failure | E, R | OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.uploadBlob(request, options))

/**
 * Reads a model into memory.
 *
 * @since 0.1.0
 * @category models
 */
export const load = (
  request: Model.LoadRequest,
  options?: CallOptions
): Effect.Effect<Model.LoadResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.load(request, options))

/**
 * Lets a model out of memory, after the calls in progress.
 *
 * @since 0.1.0
 * @category models
 */
export const unload = (
  request: Model.UnloadRequest,
  options?: CallOptions
): Effect.Effect<Model.LoadResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.unload(request, options))

/**
 * The server's version.
 *
 * @since 0.1.0
 * @category server
 */
export const version = (options?: CallOptions): Effect.Effect<Model.VersionResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.version(options))

/**
 * Whether the server may use the cloud.
 *
 * @since 0.1.0
 * @category server
 */
export const status = (options?: CallOptions): Effect.Effect<Account.StatusResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.status(options))

/**
 * The account that the server is signed in to; `Unauthorized` with a `signinUrl` when it is not.
 *
 * @since 0.1.0
 * @category server
 */
export const account = (options?: CallOptions): Effect.Effect<Account.AccountResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.account(options))

/**
 * Signs the server out.
 *
 * @since 0.1.0
 * @category server
 */
export const signOut = (options?: CallOptions): Effect.Effect<void, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.signOut(options))

/**
 * Searches the web through the server, or through ollama.com.
 *
 * @since 0.1.0
 * @category web
 */
export const webSearch = (
  request: Web.SearchRequest,
  options?: CallOptions
): Effect.Effect<Web.SearchResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.webSearch(request, options))

/**
 * Reads a page of the web through the server, or through ollama.com.
 *
 * @since 0.1.0
 * @category web
 */
export const webFetch = (
  request: Web.FetchRequest,
  options?: CallOptions
): Effect.Effect<Web.FetchResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.webFetch(request, options))

/**
 * Everything about a model, which is pulled first when the server does not have it.
 *
 * @since 0.1.0
 * @category models
 */
export const ensureModel = (
  name: string,
  options?: CallOptions
): Effect.Effect<Model.ShowResponse, Failure, OllamaClient> =>
  Effect.flatMap(OllamaClient, (client) => client.ensureModel(name, options))

/**
 * The record of each call, at its end: from the moment on in which the stream is run, until the client's Scope closes. A
 * reader that lags behind more than 1024 records loses the oldest; no call waits for it.
 *
 * @example
 * ```ts
 * import { Console, Effect, Stream } from "effect"
 * import { OllamaClient } from "effect-ollama"
 *
 * const printing = OllamaClient.records.pipe(
 *   Stream.runForEach(({ elapsed, operation, outcome }) => Console.log(operation, outcome, elapsed)),
 *   Effect.forkScoped
 * )
 * ```
 *
 * @since 0.1.0
 * @category observation
 */
export const records: Stream.Stream<CallRecord, never, OllamaClient> = Stream.unwrap(
  Effect.map(OllamaClient, (client) => client.records)
)

/**
 * The calls that take longer than they should, told while they run: those that pass a threshold of the policy's `slow`.
 * A stream like `records`.
 *
 * @since 0.1.0
 * @category observation
 */
export const slowCalls: Stream.Stream<SlowCall, never, OllamaClient> = Stream.unwrap(
  Effect.map(OllamaClient, (client) => client.slowCalls)
)

/**
 * Calls the listener with whatever happens to the calls of the client, at that very moment, until the Scope closes. It
 * has to be quick: the call waits for it. One that throws harms no call; that it does is logged once, as a warning.
 *
 * @since 0.1.0
 * @category observation
 */
export const listen = (listener: (event: CallEvent) => void): Effect.Effect<void, never, OllamaClient | Scope.Scope> =>
  Effect.flatMap(OllamaClient, (client) => client.listen(listener))

/**
 * What the client holds at this moment: breakers, permits, the budget, and the calls that run.
 *
 * @since 0.1.0
 * @category observation
 */
export const state: Effect.Effect<ClientState, never, OllamaClient> = Effect.flatMap(
  OllamaClient,
  (client) => client.state
)
