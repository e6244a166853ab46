/** The service: one method for each endpoint, over the call loop. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { constTrue } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Account from "../api/Account.js"
import * as Chat from "../api/Chat.js"
import * as Embed from "../api/Embed.js"
import * as Generate from "../api/Generate.js"
import * as JsonSchema from "../api/JsonSchema.js"
import * as Model from "../api/Model.js"
import * as Web from "../api/Web.js"
import * as Codec from "../internal/codec.js"
import * as Context from "../internal/context.js"
import * as Endpoint from "../internal/endpoint.js"
import type * as Host from "../internal/host.js"
import * as OllamaConfig from "../OllamaConfig.js"
import type * as OllamaError from "../OllamaError.js"
import * as Call from "./call.js"
import * as Core from "./core.js"
import * as GivenPolicy from "./givenPolicy.js"
import * as ChatObject from "./object.js"
import * as Request from "./request.js"
import type * as Running from "./running.js"
import type { Server } from "./server.js"
import type * as OllamaClient from "./service.js"
import * as State from "./state.js"
import * as Upload from "./upload.js"

type Failure = OllamaError.OllamaError

export const make = (
  options: OllamaClient.Options
): Effect.Effect<OllamaClient.Service, OllamaError.InvalidRequest, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { apiKey, headers, host, policyChanges, ...others } = options
    const sent = { address: yield* OllamaConfig.address(host), apiKey, headers }
    yield* Core.unsendable(sent)
    yield* GivenPolicy.check(others.policy)
    const changes = policyChanges === undefined ? undefined : GivenPolicy.good(policyChanges)
    return over(yield* Core.make(sent, { ...others, policyChanges: changes }))
  })

/** The methods of a client. */
export const over = ({ hub, knowledge, refusing, servers, settings }: Core.Core): OllamaClient.Service => {
  const { host } = servers.own

  // the platform's spans put headers into the request, which browsers may not send to Ollama, and hold those it has
  const quietly = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.locally(effect, HttpClient.currentTracerDisabledWhen, constTrue)

  const folded = <A, Response>(
    endpoint: Endpoint.Endpoint,
    draft: Call.Draft<A, Response>,
    callOptions: OllamaClient.CallOptions | undefined
  ): Effect.Effect<Response, Failure> =>
    quietly(Effect.flatMap(settings(endpoint, callOptions), (inForce) => Call.fold(draft, inForce)))

  const streamed = <A, Response>(
    endpoint: Endpoint.Endpoint,
    draft: Call.Draft<A, Response>,
    callOptions: OllamaClient.CallOptions | undefined
  ): Stream.Stream<A, Failure> => Call.stream(draft, settings(endpoint, callOptions), quietly)

  const encoders = {
    chat: Request.encoder(Endpoint.chat, Chat.ChatRequest),
    generate: Request.encoder(Endpoint.generate, Generate.GenerateRequest),
    embed: Request.encoder(Endpoint.embed, Embed.EmbedRequest),
    embeddings: Request.encoder(Endpoint.embeddings, Embed.EmbeddingsRequest),
    show: Request.encoder(Endpoint.show, Model.ShowRequest),
    pull: Request.encoder(Endpoint.pull, Model.PullRequest),
    push: Request.encoder(Endpoint.push, Model.PushRequest),
    create: Request.encoder(Endpoint.create, Model.CreateRequest),
    copy: Request.encoder(Endpoint.copy, Model.CopyRequest),
    remove: Request.encoder(Endpoint.remove, Model.RemoveRequest),
    load: Request.encoder(Endpoint.load, Model.LoadRequest),
    unload: Request.encoder(Endpoint.unload, Model.UnloadRequest),
    webSearch: Request.encoder(Endpoint.webSearch, Web.SearchRequest),
    webFetch: Request.encoder(Endpoint.webFetch, Web.FetchRequest)
  }

  const generated = { folded: true, streamed: true } as const
  const asStream = { folded: false, streamed: true } as const
  const single = { folded: true, streamed: false } as const

  /** The call that a request makes, on any server and for any model. */
  const drafted =
    <A, Response, Req, Body extends object>(
      endpoint: Endpoint.Endpoint,
      encode: (host: Host.Host, request: Req) => Effect.Effect<Body, Failure>,
      codec: (status: () => number) => Codec.Codec<A, Response>,
      how: Parameters<typeof Request.call>[4],
      request: Req,
      adjust?: (body: Body) => object
    ): Call.Draft<A, Response> =>
    (server, model) =>
      Effect.map(encode(server.host, model === undefined ? request : { ...request, model }), (body) =>
        Request.call(server.host, endpoint, adjust === undefined ? body : adjust(body), codec, how)
      )

  const chatCall = (request: Chat.ChatRequest, how: typeof generated | typeof asStream) =>
    drafted(Endpoint.chat, encoders.chat, Codec.chat, how, request)

  const generateCall = (request: Generate.GenerateRequest, how: typeof generated | typeof asStream) =>
    drafted(Endpoint.generate, encoders.generate, Codec.generate, how, request)

  /** A method with a request and one JSON answer. */
  const method =
    <A, Response, Req, Body extends object>(
      endpoint: Endpoint.Endpoint,
      encode: (host: Host.Host, request: Req) => Effect.Effect<Body, Failure>,
      codec: (status: () => number) => Codec.Codec<A, Response>,
      adjust?: (body: Body) => object
    ) =>
    (request: Req, callOptions?: OllamaClient.CallOptions): Effect.Effect<Response, Failure> =>
      folded(endpoint, drafted(endpoint, encode, codec, single, request, adjust), callOptions)

  const plain =
    <A, Response>(endpoint: Endpoint.Endpoint, codec: (status: () => number) => Codec.Codec<A, Response>) =>
    (callOptions?: OllamaClient.CallOptions): Effect.Effect<Response, Failure> =>
      folded(
        endpoint,
        (server) => Effect.sync(() => Request.call(server.host, endpoint, undefined, codec, single)),
        callOptions
      )

  const transfer =
    <Req, Body extends object>(
      endpoint: Endpoint.Endpoint,
      encode: (host: Host.Host, request: Req) => Effect.Effect<Body, Failure>
    ) =>
    (request: Req, callOptions?: OllamaClient.CallOptions): Stream.Stream<Model.ProgressResponse, Failure> =>
      streamed(endpoint, drafted(endpoint, encode, Codec.progress, asStream, request), callOptions)

  /** The same at the path that ollama.com has, or a server of one's own. */
  const web =
    <A, Response, Req, Body extends object>(
      local: Endpoint.Endpoint,
      cloud: Endpoint.Endpoint,
      encode: (host: Host.Host, request: Req) => Effect.Effect<Body, Failure>,
      codec: (status: () => number) => Codec.Codec<A, Response>
    ) =>
    (request: Req, callOptions?: OllamaClient.CallOptions): Effect.Effect<Response, Failure> =>
      folded(
        host.isCloud ? cloud : local,
        (server, model) => drafted(server.host.isCloud ? cloud : local, encode, codec, single, request)(server, model),
        callOptions
      )

  /** Of a call that has said where it goes. */
  const serverAt = (callOptions: OllamaClient.CallOptions | undefined): Server =>
    Either.match(OllamaConfig.address(callOptions?.host ?? host.address.url), {
      onLeft: () => servers.own,
      onRight: ({ url }) => servers.all().find((server) => server.host.address.url === url) ?? servers.own
    })

  const chatObject: OllamaClient.Service["chatObject"] = ({ reask = 0, schema, ...request }, callOptions) =>
    Effect.gen(function* () {
      const startedAt = yield* Clock.currentTimeMillis
      if (!Number.isInteger(reask) || reask < 0) {
        const problem = { issue: "malformed", field: "reask", why: "it must be a whole number, 0 or more" } as const
        return yield* refusing(Endpoint.chat, callOptions, Request.invalid(host, Endpoint.chat, problem))
      }
      const format = yield* Either.match(JsonSchema.makeEither(schema), {
        onLeft: (why) =>
          refusing(
            Endpoint.chat,
            callOptions,
            Request.invalid(host, Endpoint.chat, { issue: "format", field: "schema", why, model: request.model })
          ),
        onRight: Effect.succeed
      })
      const inForce = yield* settings(Endpoint.chat, callOptions)
      type Asked = ReturnType<typeof ask>
      const ask = (messages: ReadonlyArray<Chat.Message>, again?: Running.Again) =>
        Call.foldWith(chatCall({ ...request, messages, format }, generated), { ...inForce, again }, (response, facts) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            ChatObject.decode(schema, format)(response, (seed) =>
              Context.make(seed, { ...facts.call, startedAt }, { ...facts, phase: "gap", now })
            )
          )
        )
      const asking = (messages: ReadonlyArray<Chat.Message>, left: number, again?: Running.Again): Asked =>
        Effect.flatMap(Clock.currentTimeMillis, (askedAt) =>
          Effect.catchTag(ask(messages, again), "MalformedOutput", (error) =>
            left > 0 && error.doneReason !== "length"
              ? Effect.flatMap(Clock.currentTimeMillis, (now) =>
                  asking([...messages, ...ChatObject.correction(error)], left - 1, {
                    since: startedAt,
                    earlier: [...error.attempts, Context.short(error, askedAt, now)]
                  })
                )
              : Effect.fail(error)
          )
        )
      return yield* asking(request.messages, reask)
    }).pipe(quietly)

  const showed = method(Endpoint.show, encoders.show, Codec.one(Model.ShowResponse))
  const pull = transfer(Endpoint.pull, encoders.pull)
  const loaded = method(Endpoint.load, encoders.load, Codec.one(Model.LoadResponse))
  const embedLoad = method(
    { ...Endpoint.load, path: Endpoint.embed.path },
    encoders.load,
    Codec.one(Model.LoadResponse)
  )

  const unloaded = method(Endpoint.unload, encoders.unload, Codec.one(Model.LoadResponse), (body) => ({
    ...body,
    keep_alive: 0
  }))

  const service: OllamaClient.Service = {
    records: hub.records,
    slowCalls: hub.slowCalls,
    listen: hub.listen,
    state: State.make(servers, hub, knowledge),
    chat: (request, callOptions) => folded(Endpoint.chat, chatCall(request, generated), callOptions),
    chatStream: (request, callOptions) => streamed(Endpoint.chat, chatCall(request, asStream), callOptions),
    chatObject,
    generate: (request, callOptions) => folded(Endpoint.generate, generateCall(request, generated), callOptions),
    generateStream: (request, callOptions) => streamed(Endpoint.generate, generateCall(request, asStream), callOptions),
    embed: method(Endpoint.embed, encoders.embed, Codec.one(Embed.EmbedResponse)),
    embeddings: method(Endpoint.embeddings, encoders.embeddings, Codec.one(Embed.EmbeddingsResponse)),
    list: plain(Endpoint.list, Codec.one(Model.ListResponse)),
    running: plain(Endpoint.running, Codec.one(Model.RunningResponse)),
    version: plain(Endpoint.version, Codec.one(Model.VersionResponse)),
    status: plain(Endpoint.status, Codec.one(Account.StatusResponse)),
    account: plain(Endpoint.account, Codec.one(Account.AccountResponse)),
    signOut: (callOptions) => Effect.asVoid(plain(Endpoint.signOut, Codec.nothing)(callOptions)),
    show: showed,
    pull,
    push: transfer(Endpoint.push, encoders.push),
    create: transfer(Endpoint.create, encoders.create),
    copy: (request, callOptions) =>
      Effect.asVoid(method(Endpoint.copy, encoders.copy, Codec.nothing)(request, callOptions)),
    remove: (request, callOptions) =>
      Effect.asVoid(method(Endpoint.remove, encoders.remove, Codec.nothing)(request, callOptions)),
    hasBlob: (digest, callOptions) =>
      folded(
        Endpoint.hasBlob,
        (server) =>
          Effect.map(Upload.digest(server.host, Endpoint.hasBlob, digest), (sent) =>
            Request.call(server.host, Endpoint.hasBlob, undefined, Codec.presence, {
              ...single,
              path: Endpoint.hasBlob.path + sent,
              // the router's own 404, for a path it does not know, is plain text
              accept: (status, contentType) => status === 404 && !/^text\//i.test(contentType ?? "")
            })
          ),
        callOptions
      ),
    uploadBlob: (request, callOptions) =>
      Upload.run(
        host,
        request,
        (before) => refusing(Endpoint.uploadBlob, callOptions, before),
        (call) => folded(Endpoint.uploadBlob, () => Effect.succeed(call), callOptions)
      ),
    load: (request, callOptions) =>
      Effect.catchTag(loaded(request, callOptions), "InvalidRequest", (error) =>
        // a model that only makes embeddings is loaded by its own endpoint
        error.issue === "unsupported" && error.field === "model"
          ? Effect.mapError(embedLoad(request, callOptions), (other) =>
              other._tag === "InvalidRequest" ? error : other
            )
          : Effect.fail(error)
      ),
    unload: (request, callOptions) =>
      Effect.tap(unloaded(request, callOptions), () =>
        Effect.sync(() => serverAt(callOptions).residency.forget(request.model))
      ),
    webSearch: web(Endpoint.webSearch, Endpoint.cloudWebSearch, encoders.webSearch, Codec.one(Web.SearchResponse)),
    webFetch: web(Endpoint.webFetch, Endpoint.cloudWebFetch, encoders.webFetch, Codec.one(Web.FetchResponse)),
    ensureModel: (name, callOptions) =>
      Effect.catchTag(showed({ model: name }, callOptions), "ModelNotFound", () =>
        Effect.zipRight(Stream.runDrain(pull({ model: name }, callOptions)), showed({ model: name }, callOptions))
      )
  }
  return service
}
