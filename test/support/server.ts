/**
 * A server of a test's own, in memory: what it answers is written down request by request, on the test's clock, and what
 * it was asked is kept. The simulator behaves as Ollama does; this one behaves as it is told.
 */
import { Readable } from "node:stream"
import type { ReadableStream as NodeReadableStream } from "node:stream/web"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { OllamaClient, type OllamaError } from "effect-ollama"
import type { Reply, Step } from "./replies.js"
import * as Replies from "./replies.js"

/** A request as the server saw it. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly json: unknown
  /** Milliseconds on the test's clock. */
  readonly at: number
  /** Whether the client closed the connection before the answer was complete. */
  left: boolean
  /** Pieces of the answer's body that the client has taken. */
  sent: number
}

/** What is answered at a path: always the same, one after the other (the last one again and again), or by the request. */
export type Route = Reply | ReadonlyArray<Reply> | ((seen: Seen, nth: number) => Reply)

/** How bodies are handed over: as fetch, as node:http and undici, or as a client does that only has Effect's Stream. */
export type Transport = "web" | "node" | "stream"

export interface Server {
  readonly client: HttpClient.HttpClient
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  readonly seen: ReadonlyArray<Seen>
  /** The requests to a path, in their order. */
  readonly at: (path: string) => ReadonlyArray<Seen>
  /** A client of this server. */
  readonly connect: (
    options?: OllamaClient.Options
  ) => Effect.Effect<OllamaClient.Service, OllamaError.InvalidRequest, Scope.Scope>
}

const encoder = new TextEncoder()

/** The body as the client reads it: a step is taken when it asks for more. */
const bodyOf = (
  steps: ReadonlyArray<Step>,
  runtime: Runtime.Runtime<never>,
  on: { readonly sent: () => void; readonly over: () => void }
): ReadableStream<Uint8Array> => {
  const rest = steps.values()
  let sleeping: Fiber.RuntimeFiber<void> | undefined
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    for (const step of rest) {
      if (typeof step === "string" || step instanceof Uint8Array) {
        on.sent()
        return controller.enqueue(typeof step === "string" ? encoder.encode(step) : step)
      }
      if ("broken" in step) {
        on.over()
        return controller.error(step.broken)
      }
      const fiber = Runtime.runFork(runtime)(Effect.sleep(step.wait))
      sleeping = fiber
      await new Promise<void>((resolve) => fiber.addObserver(() => resolve()))
    }
    on.over()
    controller.close()
  }
  return new ReadableStream<Uint8Array>(
    { pull, cancel: () => sleeping?.unsafeInterruptAsFork(FiberId.none) },
    new CountQueuingStrategy({ highWaterMark: 0 })
  )
}

const bodiless = new Set([204, 205, 304])

/** The response with its body as `transport` would have it. */
const handed = (
  request: HttpClientRequest.HttpClientRequest,
  web: Response,
  transport: Transport
): HttpClientResponse.HttpClientResponse => {
  const response = HttpClientResponse.fromWeb(request, web)
  if (transport === "web") return response
  const source =
    transport === "node" && web.body !== null ? Readable.fromWeb(web.body as NodeReadableStream<Uint8Array>) : undefined
  return new Proxy(response, {
    has: (target, key) => (key === "source" ? source !== undefined : Reflect.has(target, key)),
    get: (target, key) => {
      if (key === "source") return source
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === "function" ? value.bind(target) : value
    }
  })
}

const textOf = (bytes: ReadonlyArray<Uint8Array>): string =>
  bytes.map((part) => new TextDecoder().decode(part)).join("")

/** Takes the body of a request, a piece at a time where it is a Stream. */
const take = (request: HttpClientRequest.HttpClientRequest, reply: Reply): Effect.Effect<string, unknown> => {
  const { body } = request
  if (body._tag === "Uint8Array") return Effect.succeed(textOf([body.body]))
  if (body._tag !== "Stream") return Effect.succeed("")
  const parts: Array<Uint8Array> = []
  return Effect.as(
    Stream.runForEachChunk(Stream.rechunk(body.stream, 1), (chunk) => {
      parts.push(...chunk)
      return reply.takes === undefined
        ? Effect.void
        : reply.takes.pieces !== undefined && parts.length >= reply.takes.pieces
          ? Effect.never
          : Effect.sleep(reply.takes.every)
    }),
    ""
  ).pipe(Effect.map(() => textOf(parts)))
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * @param routes by path; what is not there is Ollama's 404. `/api/ps` lists {@link Replies.model} unless it is given.
 */
export const make = (
  routes: Readonly<Record<string, Route>>,
  options: { readonly transport?: Transport; readonly prefix?: string } = {}
): Server => {
  const seen: Array<Seen> = []
  const all: Readonly<Record<string, Route>> = { "/api/ps": Replies.ps(), ...routes }
  const prefix = options.prefix ?? ""

  const replyTo = (asked: Seen, nth: number): Reply => {
    // the client's own look whether a port that resets speaks TLS
    if (asked.method === "HEAD" && asked.path === "/" && all["/"] === undefined) return Replies.refused
    const route = all[asked.path.startsWith(prefix) ? asked.path.slice(prefix.length) : asked.path]
    if (route === undefined) return Replies.noSuchPath
    if (typeof route === "function") return route(asked, nth)
    return "length" in route ? (route[Math.min(nth, route.length - 1)] ?? Replies.noSuchPath) : route
  }

  const client = HttpClient.make((request, url, signal) =>
    Effect.gen(function* () {
      const nth = seen.filter((other) => other.method === request.method && other.path === url.pathname).length
      const sent = request.body._tag === "Uint8Array" ? textOf([request.body.body]) : ""
      const asked: Seen = {
        method: request.method,
        url: url.href,
        path: url.pathname,
        headers: { ...request.headers },
        body: sent,
        json: parse(sent),
        at: yield* Clock.currentTimeMillis,
        left: false,
        sent: 0
      }
      seen.push(asked)
      let over = false
      signal.addEventListener("abort", () => {
        if (!over) asked.left = true
      })
      const reply = replyTo(asked, nth)
      const fail = (cause: unknown) => {
        over = true
        return new HttpClientError.RequestError({ request, reason: "Transport", cause })
      }
      yield* Effect.mapError(take(request, reply), fail)
      if (reply.delay !== undefined) yield* Effect.sleep(reply.delay)
      if (reply.broken !== undefined) return yield* fail(reply.broken)
      const hasBody = !bodiless.has(reply.status) && request.method !== "HEAD"
      const runtime = yield* Effect.runtime()
      const web = hasBody
        ? bodyOf(reply.body, runtime, {
            sent: () => {
              asked.sent++
            },
            over: () => {
              over = true
            }
          })
        : null
      if (!hasBody) over = true
      const response = new Response(web, { status: reply.status, headers: reply.headers })
      return handed(request, response, options.transport ?? "web")
    })
  )

  const layer = Layer.succeed(HttpClient.HttpClient, client)
  return {
    client,
    layer,
    seen,
    at: (path) => seen.filter((asked) => asked.path === path),
    connect: (clientOptions) => Effect.provide(OllamaClient.make(clientOptions), layer)
  }
}
