/**
 * undici as the HTTP client: no limits but ours, proxies by the rules of Go, and connections that end with those who
 * wanted them.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Tls from "node:tls"
import * as ClassifyTransport from "../internal/classifyTransport.js"
import { Connected } from "../internal/connected.js"
import * as Durations from "../internal/durations.js"
import * as OllamaError from "../OllamaError.js"
import * as Timeouts from "../policy/Timeouts.js"
import * as Connector from "./connector.js"
import * as Kept from "./kept.js"
import type * as OllamaNode from "./OllamaNode.js"
import * as Proxy from "./proxy.js"
import * as Tunnel from "./tunnel.js"
import { userAgent } from "./userAgent.js"

export interface Transport {
  readonly client: HttpClient.HttpClient
  /** What the connect timer is set to, in milliseconds. */
  readonly connectLimit: number | undefined
}

const invalid = (field: string, why: string): OllamaError.InvalidRequest =>
  new OllamaError.InvalidRequest({
    issue: field.startsWith("proxy") ? "address" : "malformed",
    field,
    remedy: `Correct ${field} of the transport: ${why}`
  })

const decodeClock = Schema.decodeUnknownEither(Durations.Clock)
const decodeDuration = Schema.decodeUnknownEither(Durations.Positive)
const noRequest: Timeouts.Request = { characters: 0, hasTools: false, isTransfer: false }

const connectLimit = (
  clock: Timeouts.ClockInput | undefined
): Either.Either<number | undefined, OllamaError.InvalidRequest> =>
  Either.mapBoth(decodeClock(Durations.written(clock ?? "auto")), {
    onLeft: () => invalid("connectTimeout", 'it must be a positive duration, "auto" or "none"'),
    onRight: (connect) => Timeouts.limits({ ...Timeouts.none, connect }, noRequest).connect
  })

/** undici's settings of kept connections; no pipelining is how it is told to keep none. */
const keepAlive = (
  idle: OllamaNode.TransportOptions["keepAlive"]
): Either.Either<Undici.Agent.Options, OllamaError.InvalidRequest> => {
  if (idle === "none") return Either.right({ pipelining: 0 })
  if (idle === undefined) return Either.right({ pipelining: 1 })
  return Either.mapBoth(decodeDuration(Durations.written(idle)), {
    onLeft: () => invalid("keepAlive", 'it must be a positive duration or "none"'),
    onRight: (duration) => ({ pipelining: 1, keepAliveTimeout: Duration.toMillis(duration) })
  })
}

const connections = (most: number | undefined): Either.Either<Undici.Agent.Options, OllamaError.InvalidRequest> =>
  most === undefined
    ? Either.right({})
    : Number.isSafeInteger(most) && most > 0
      ? Either.right({ connections: most })
      : Either.left(invalid("connections", "it must be a whole number of at least 1"))

/** The authorities that Node trusts by itself, with those of NODE_EXTRA_CA_CERTS where it can tell (from 22.15). */
const wellKnown = (): ReadonlyArray<string> => {
  const tls: object = Tls
  const get = Predicate.hasProperty(tls, "getCACertificates") ? tls.getCACertificates : undefined
  const found: unknown = typeof get === "function" ? get("default") : Tls.rootCertificates
  return Array.isArray(found) ? found : Tls.rootCertificates
}

const pemBlocks = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[^-]*-----END [A-Z0-9 ]*CERTIFICATE-----/g

/** Each certificate as PEM. Throws what is none: Node itself would leave it out in silence. */
const certificates = (ca: string | Uint8Array): ReadonlyArray<string> => {
  const text = typeof ca === "string" ? ca : new TextDecoder().decode(ca)
  const blocks = text.match(pemBlocks) ?? (typeof ca === "string" ? [text] : [Buffer.from(ca)])
  return blocks.map((block) => new Crypto.X509Certificate(block).toString())
}

/** TLS with the program's own authorities added to the well-known ones; parsed once, and not for each connection. */
export const tls = (
  options: OllamaNode.TransportOptions
): Either.Either<Undici.buildConnector.BuildOptions, OllamaError.InvalidRequest> => {
  const checks = options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized }
  if (options.ca === undefined) return Either.right(checks)
  const given = typeof options.ca === "string" || options.ca instanceof Uint8Array ? [options.ca] : options.ca
  const problem = (): OllamaError.InvalidRequest => invalid("ca", "it must be one or more certificates, PEM or DER")
  if (given.length === 0) return Either.left(problem())
  return Either.try({
    try: () => ({
      ...checks,
      secureContext: Tls.createSecureContext({ ca: [...wellKnown(), ...given.flatMap(certificates)] })
    }),
    catch: problem
  })
}

const routes = (proxy: Proxy.Proxy | undefined): Either.Either<Proxy.Routes | undefined, OllamaError.InvalidRequest> =>
  proxy === undefined || (!proxy.http && !proxy.https)
    ? Either.right(undefined)
    : Either.mapLeft(Proxy.routes(proxy), ({ field, why }) => invalid(field, why))

const settings = (options: OllamaNode.TransportOptions) =>
  Either.all({
    limit: connectLimit(options.connectTimeout),
    keepAlive: keepAlive(options.keepAlive),
    connections: connections(options.connections),
    tls: tls(options),
    routes: routes(options.proxy)
  })

const isListener = (u: unknown): u is () => void => typeof u === "function"

/** Who made a request wants to know when it has got a connection: undici hands `opaque` on as it is. */
const ownerOf = (options: Undici.Dispatcher.DispatchOptions): (() => void) | undefined =>
  Predicate.hasProperty(options, "opaque") && isListener(options.opaque) ? options.opaque : undefined

/** Calls `connected` when the request is written to a connection; only that is listened to, so that what comes later costs nothing. */
const tell = (handler: Undici.Dispatcher.DispatchHandler, connected: () => void): void => {
  const start = handler.onRequestStart?.bind(handler)
  const connect = handler.onConnect?.bind(handler)
  if (start !== undefined) {
    handler.onRequestStart = (controller, context) => {
      connected()
      start(controller, context)
    }
  } else if (connect !== undefined) {
    // what undici's own requests have; making new ones of them would keep the headers of each answer a second time
    handler.onConnect = (...given) => {
      connected()
      connect(...given)
    }
  }
}

/** Every request without undici's limits, which NodeHttpClient sets on each: our clocks know of cold models. */
class Unlimited extends Undici.Dispatcher {
  constructor(private readonly send: Undici.Dispatcher["dispatch"]) {
    super()
  }

  override dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler): boolean {
    const connected = ownerOf(options)
    if (connected !== undefined) tell(handler, connected)
    return this.send({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)
  }
}

const recordOf = (headers: Undici.Dispatcher.DispatchOptions["headers"]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]: [string, unknown]) =>
      typeof value === "string" ? [[name.toLowerCase(), value]] : []
    )
  )

/** Asks the proxy for the whole address, as for plain http; https goes through a tunnel, which the connector makes. */
const forwarded =
  (
    routes: Proxy.Routes,
    dispatch: Undici.Dispatcher["dispatch"],
    proxies: Undici.Dispatcher["dispatch"]
  ): Undici.Dispatcher["dispatch"] =>
  (options, handler) => {
    const url = new URL(String(options.origin))
    const route = routes(url)
    if (route._tag !== "forward") return dispatch(options, handler)
    const authorization = Tunnel.authorization(route.server)
    return proxies(
      {
        ...options,
        origin: route.server.origin,
        path: url.origin + options.path,
        headers: {
          host: url.host,
          ...recordOf(options.headers),
          ...(authorization === undefined ? {} : { "proxy-authorization": authorization })
        }
      },
      handler
    )
  }

/** The options of a request with its owner; the method and the path are replaced by those of the request. */
const telling = (opaque: () => void): Undici.Dispatcher.RequestOptions => {
  const owned: object = { opaque }
  return { method: "GET", path: "/", ...owned }
}

/**
 * Lets the connectors know who waits for a connection: a call does until its headers are there, or it is left. Where that
 * connection was dead, those that are kept beside it are too.
 */
const waiting = (
  client: HttpClient.HttpClient,
  routes: Proxy.Routes | undefined,
  connectors: Connector.Connectors,
  renew: (origin: string) => void
): HttpClient.HttpClient =>
  HttpClient.transform(client, (effect, request) =>
    Effect.withFiberRuntime((fiber) => {
      if (!URL.canParse(request.url)) return effect
      const url = new URL(request.url)
      const route = routes?.(url)
      const [origin, waited] =
        route?._tag === "forward"
          ? [route.server.origin, new URL(route.server.origin).origin]
          : [url.origin, url.origin]
      const leave = connectors.wait(waited)
      const told = Option.match(Context.getOption(fiber.currentContext, Connected), {
        onNone: () => effect,
        onSome: (connected) => Effect.provideService(effect, NodeHttpClient.UndiciRequestOptions, telling(connected))
      })
      return told.pipe(
        Effect.tapError((error) => Effect.sync(() => ClassifyTransport.isBroken(error) && renew(origin))),
        Effect.ensuring(Effect.sync(leave))
      )
    })
  )

const withUserAgent = HttpClient.mapRequest((request: HttpClientRequest.HttpClientRequest) =>
  request.headers["user-agent"] === undefined ? HttpClientRequest.setHeader(request, "user-agent", userAgent) : request
)

const whileOpen = (client: HttpClient.HttpClient, isReleased: () => boolean): HttpClient.HttpClient =>
  HttpClient.transform(client, (effect) =>
    Effect.suspend(() => (isReleased() ? Effect.die(new Error(released)) : effect))
  )

/** A mistake of the program: connections would be opened for it that nobody ends. */
const released =
  "the client was used after its layer had been released: keep the Scope of the layer open as long as calls are made"

/** Bun puts a part of undici in its place, whose agents cannot be given connections. */
const isWholeUndici = (): boolean => Predicate.hasProperty(Undici.Agent.prototype, "compose")

const notUndici = new OllamaError.InvalidRequest({
  issue: "unsupported",
  field: "transport",
  remedy:
    "Use OllamaClient.layer with FetchHttpClient.layer: OllamaNode needs undici, which this runtime (Bun) replaces"
})

/** Makes the client; its connections live as long as the Scope. */
export const make = (
  options: OllamaNode.TransportOptions
): Effect.Effect<Transport, OllamaError.InvalidRequest, Scope.Scope> =>
  Effect.gen(function* () {
    if (!isWholeUndici()) return yield* notUndici
    const { connections, keepAlive, limit, routes, tls } = yield* settings(options)
    const connectors = yield* Connector.make({ limit, tls, routes })
    const limits = { ...connections, ...keepAlive, headersTimeout: 0, bodyTimeout: 0 }
    const servers = yield* Kept.make({ ...limits, connect: connectors.toServers })
    const proxies = routes === undefined ? undefined : yield* Kept.make({ ...limits, connect: connectors.toProxies })
    const dispatcher = new Unlimited(
      routes === undefined || proxies === undefined
        ? servers.dispatch
        : forwarded(routes, servers.dispatch, proxies.dispatch)
    )
    let isReleased = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isReleased = true
      })
    )
    const client = waiting(NodeHttpClient.makeUndici(dispatcher), routes, connectors, (origin) => {
      servers.renew(origin)
      proxies?.renew(origin)
    })
    return { client: whileOpen(withUserAgent(client), () => isReleased), connectLimit: limit }
  })
