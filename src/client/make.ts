/** The service: one method for each endpoint, over the call loop. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as EffectContext from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { constTrue } from "effect/Function"
import * as Option from "effect/Option"
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
import * as Host from "../internal/host.js"
import * as OllamaConfig from "../OllamaConfig.js"
import * as Watchdog from "../internal/watchdog.js"
import * as OllamaError from "../OllamaError.js"
import * as Policy from "../policy/Policy.js"
import * as Call from "./call.js"
import * as CallOptions from "./callOptions.js"
import * as Hub from "./hub.js"
import * as Knowledge from "./knowledge.js"
import * as ChatObject from "./object.js"
import * as Patch from "../policy/patch.js"
import * as Report from "./report.js"
import * as Request from "./request.js"
import type * as Running from "./running.js"
import * as Servers from "./servers.js"
import * as State from "./state.js"
import type * as OllamaClient from "./service.js"
import * as Upload from "./upload.js"

/** The most bytes of a line: what the server's own client takes (Ollama `api/client.go`, `maxBufferSize`). */
const lineLimit = 8 * 1024 * 1024

type Failure = OllamaError.OllamaError

/**
 * Fetch follows redirects by itself, and takes only Authorization along no further: it is told not to. Other transports
 * do not look at this. What a program gives to fetch (`FetchHttpClient.RequestInit`) has to be visible here to be kept.
 */
const redirectsByHand =
  (init: RequestInit) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.mapInputContext(effect, (context: EffectContext.Context<R>) =>
      EffectContext.add(context, FetchHttpClient.RequestInit, {
        ...init,
        ...Option.getOrUndefined(EffectContext.getOption(context, FetchHttpClient.RequestInit)),
        redirect: "manual"
      })
    )

export const make = (
  options: OllamaClient.Options
): Effect.Effect<OllamaClient.Service, OllamaError.InvalidRequest, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const address = yield* OllamaConfig.address(options.host)
    const unsendable = Host.unsendable(options)
    if (unsendable !== undefined) {
      return yield* new OllamaError.InvalidRequest({
        issue: "malformed",
        field: unsendable,
        host: address.url,
        remedy: `Correct ${unsendable}: a header cannot have line ends or characters beyond Latin-1 in its value, nor spaces in its name, nor say where the body ends`
      })
    }
    const transport = yield* HttpClient.HttpClient
    const transformed = options.transformClient === undefined ? transport : options.transformClient(transport)
    const init = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.RequestInit), () => ({}))
    const hub = yield* Hub.make
    const knowledge: Knowledge.Knowledge = Knowledge.make(hub, () => servers.all())
    const servers: Servers.Servers = yield* Servers.make({
      hub,
      onLoad: knowledge.loaded,
      address,
      client: HttpClient.withScope(HttpClient.transformResponse(transformed, redirectsByHand(init))),
      apiKey: options.apiKey,
      headers: options.headers,
      policy: options.policy ?? Policy.defaults
    })
    const { own } = servers
    const { host, residency } = own
    const watchdog = Watchdog.make()
    const wants = { content: options.recordContent === true, propagation: options.propagateTrace === true }
    if (options.policyChanges !== undefined) {
      yield* Effect.forkScoped(Stream.runForEach(options.policyChanges, servers.retune))
    }

    /** What is told of like a call, though it never becomes one. */
    const refusing = <B, E, R>(
      endpoint: Endpoint.Endpoint,
      callOptions: OllamaClient.CallOptions | undefined,
      before: Effect.Effect<B, E, R>
    ): Effect.Effect<B, E, R> =>
      Effect.tapError(before, (error) =>
        OllamaError.isOllamaError(error)
          ? Report.refused({ endpoint, host: host.address.url, hub, knowledge, options: callOptions }, error)
          : Effect.void
      )

    /** The policy in force, looked up when the call is run. */
    const settings = (
      endpoint: Endpoint.Endpoint,
      callOptions: OllamaClient.CallOptions | undefined
    ): Effect.Effect<Running.Settings, Failure> =>
      Effect.withFiberRuntime((fiber) => {
        const current = EffectContext.get(fiber.currentContext, Patch.CurrentPatch)
        const isProbe = EffectContext.get(fiber.currentContext, Hub.IsProbe)
        const problem = CallOptions.problem(callOptions, address.url)
        if (problem !== undefined) return refusing(endpoint, callOptions, Request.invalid(host, endpoint, problem))
        const patch = callOptions?.policy === undefined ? current : Patch.both(current, callOptions.policy)
        const refused = (field: string, why: string) =>
          refusing(
            endpoint,
            callOptions,
            Request.invalid(host, endpoint, { issue: "malformed", field: `policy.${field}`, why })
          )
        const under = (policy: Policy.Policy): Running.Settings => ({
          endpoint,
          server: own,
          servers: (other) => servers.at(other, endpoint),
          watchdog,
          hub: isProbe ? Hub.mute : hub,
          knowledge,
          wants: isProbe ? undefined : wants,
          lineLimit: options.lineLimit ?? lineLimit,
          retrySchedule: callOptions?.retrySchedule ?? options.retrySchedule,
          policy,
          budget: policy.budget === "off" ? undefined : servers.budget(),
          options: callOptions
        })
        if (Object.keys(patch).length === 0) return Effect.succeed(under(servers.policy()))
        const local = Policy.localProblem(patch)
        if (local !== undefined) return refused(local.field, local.why)
        return Either.match(Policy.mergeEither(servers.policy(), patch), {
          onRight: (policy) => Effect.succeed(under(policy)),
          onLeft: (error) => {
            const { field, why } = Request.firstProblem(error)
            return refused(field, why)
          }
        })
      })

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

    const chatObject: OllamaClient.Service["chatObject"] = ({ schema, ...request }, callOptions) =>
      Effect.gen(function* () {
        const startedAt = yield* Clock.currentTimeMillis
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
        return yield* Call.foldWith(chatCall({ ...request, format }, generated), inForce, (response, facts) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            ChatObject.decode(schema, format)(response, (seed) =>
              Context.make(seed, { ...facts.call, startedAt }, { ...facts, phase: "gap", now })
            )
          )
        )
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
      generateStream: (request, callOptions) =>
        streamed(Endpoint.generate, generateCall(request, asStream), callOptions),
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
        Effect.tap(unloaded(request, callOptions), () => Effect.sync(() => residency.forget(request.model))),
      webSearch: method(
        host.isCloud ? Endpoint.cloudWebSearch : Endpoint.webSearch,
        encoders.webSearch,
        Codec.one(Web.SearchResponse)
      ),
      webFetch: method(
        host.isCloud ? Endpoint.cloudWebFetch : Endpoint.webFetch,
        encoders.webFetch,
        Codec.one(Web.FetchResponse)
      ),
      ensureModel: (name, callOptions) =>
        Effect.catchTag(showed({ model: name }, callOptions), "ModelNotFound", () =>
          Effect.zipRight(Stream.runDrain(pull({ model: name }, callOptions)), showed({ model: name }, callOptions))
        )
    }
    return service
  })
