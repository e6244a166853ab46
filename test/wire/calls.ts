/**
 * Calls of the client as data, and how one is made: so that a table can say which call an answer belongs to.
 */
import * as Chunk from "effect/Chunk"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Blob, OllamaError } from "effect-ollama"
import { OllamaClient } from "effect-ollama"

type Service = Context.Tag.Service<typeof OllamaClient.OllamaClient>

/** The methods that answer with one value. */
type Single =
  | "chat"
  | "generate"
  | "embed"
  | "embeddings"
  | "show"
  | "copy"
  | "remove"
  | "hasBlob"
  | "load"
  | "unload"
  | "webSearch"
  | "webFetch"

/** The methods that answer with one value and take no request. */
type Plain = "list" | "running" | "version" | "status" | "account" | "signOut"

/** The methods that answer with a stream. */
type Streamed = "chatStream" | "generateStream" | "pull" | "push" | "create"

type WithRequest = {
  [M in Single | Streamed]: { readonly method: M; readonly request: Parameters<Service[M]>[0] }
}[Single | Streamed]

/** One call: a method of the client and a request that is valid for it. */
export type Call = (
  | WithRequest
  | { readonly method: Plain }
  | { readonly method: "uploadBlob"; readonly request: Blob.UploadRequest }
  /** `chatObject` with the schema `Person`. */
  | { readonly method: "chatObject"; readonly request: Parameters<Service["chat"]>[0] }
) & {
  /** Headers that the client is made with. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What `chatObject` is asked for in these tests. */
export const Person = Schema.Struct({ name: Schema.String, born: Schema.Int })

/** How a call went: its exit, and for a stream what it had delivered by then. */
export interface Outcome {
  readonly exit: Exit.Exit<unknown, OllamaError.OllamaError>
  readonly delivered?: ReadonlyArray<unknown>
}

const one = (effect: Effect.Effect<unknown, OllamaError.OllamaError>): Effect.Effect<Outcome> =>
  Effect.map(Effect.exit(effect), (exit) => ({ exit }))

const many = (stream: Stream.Stream<unknown, OllamaError.OllamaError>): Effect.Effect<Outcome> =>
  Effect.suspend(() => {
    const delivered: Array<unknown> = []
    return Effect.map(
      Effect.exit(
        Stream.runForEachChunk(stream, (chunk) => Effect.sync(() => delivered.push(...Chunk.toArray(chunk))))
      ),
      (exit) => ({ exit, delivered })
    )
  })

/** Makes the call with the client of the environment. */
export const make = (call: Call): Effect.Effect<Outcome, never, OllamaClient.OllamaClient> =>
  Effect.flatMap(OllamaClient.OllamaClient, (client) => {
    switch (call.method) {
      case "chat":
        return one(client.chat(call.request))
      case "chatStream":
        return many(client.chatStream(call.request))
      case "chatObject":
        return one(client.chatObject({ ...call.request, schema: Person }))
      case "generate":
        return one(client.generate(call.request))
      case "generateStream":
        return many(client.generateStream(call.request))
      case "embed":
        return one(client.embed(call.request))
      case "embeddings":
        return one(client.embeddings(call.request))
      case "show":
        return one(client.show(call.request))
      case "pull":
        return many(client.pull(call.request))
      case "push":
        return many(client.push(call.request))
      case "create":
        return many(client.create(call.request))
      case "copy":
        return one(client.copy(call.request))
      case "remove":
        return one(client.remove(call.request))
      case "hasBlob":
        return one(client.hasBlob(call.request))
      case "uploadBlob":
        return one(client.uploadBlob(call.request))
      case "load":
        return one(client.load(call.request))
      case "unload":
        return one(client.unload(call.request))
      case "webSearch":
        return one(client.webSearch(call.request))
      case "webFetch":
        return one(client.webFetch(call.request))
      case "list":
        return one(client.list())
      case "running":
        return one(client.running())
      case "version":
        return one(client.version())
      case "status":
        return one(client.status())
      case "account":
        return one(client.account())
      case "signOut":
        return one(client.signOut())
    }
  })

/** The endpoint a call goes to, as a failure names it. */
export const endpointOf = (call: Call): string => {
  switch (call.method) {
    case "chat":
    case "chatStream":
    case "chatObject":
      return "/api/chat"
    case "generate":
    case "generateStream":
    case "load":
    case "unload":
      return "/api/generate"
    case "embed":
    case "embeddings":
    case "show":
    case "pull":
    case "push":
    case "create":
    case "copy":
    case "version":
    case "status":
      return `/api/${call.method}`
    case "remove":
      return "/api/delete"
    case "hasBlob":
    case "uploadBlob":
      return "/api/blobs/"
    case "webSearch":
      return "/api/experimental/web_search"
    case "webFetch":
      return "/api/experimental/web_fetch"
    case "list":
      return "/api/tags"
    case "running":
      return "/api/ps"
    case "account":
      return "/api/me"
    case "signOut":
      return "/api/signout"
  }
}

/** What a failure names as its phase that came as an answer, before any chunk and with the model not in memory. */
export const phaseOfAnswer = (call: Call): OllamaError.Phase => {
  switch (call.method) {
    case "chat":
    case "chatStream":
    case "chatObject":
    case "generate":
    case "generateStream":
    case "load":
    case "embed":
    case "embeddings":
      return "load"
    case "uploadBlob":
      // its clock runs from the last byte that was taken
      return "gap"
    default:
      return "response"
  }
}

/** The same chat request, as one value and as a stream: the same answers have to come out. */
export const chats = (
  request: Parameters<Service["chat"]>[0],
  headers?: Readonly<Record<string, string>>
): ReadonlyArray<Call> => [
  { method: "chat", request, ...(headers && { headers }) },
  { method: "chatStream", request, ...(headers && { headers }) }
]

/** The same generate request, as one value and as a stream. */
export const generations = (request: Parameters<Service["generate"]>[0]): ReadonlyArray<Call> => [
  { method: "generate", request },
  { method: "generateStream", request }
]
