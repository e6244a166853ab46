/** A server on a loopback socket: real connections, real resets. */
import * as http from "node:http"
import * as https from "node:https"
import type * as net from "node:net"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as tls from "./certificate.js"
import * as chunks from "./chunks.js"
import type { Broken, Handler, WireAnswer } from "./types.js"

export interface Options {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

export interface Listening {
  readonly port: number
  readonly url: string
  /** Closes the port and resets every connection. */
  readonly down: Effect.Effect<void>
  /** Opens the same port again. */
  readonly up: Effect.Effect<void>
}

/** How often a connection was used before. */
const uses = new WeakMap<net.Socket, number>()

const readBody = (request: http.IncomingMessage): Effect.Effect<Uint8Array, "gone"> =>
  Effect.async((resume) => {
    const parts: Array<Uint8Array> = []
    let size = 0
    request.on("data", (part: Uint8Array) => {
      parts.push(part)
      size += part.length
    })
    request.once("end", () => {
      const whole = new Uint8Array(size)
      let at = 0
      for (const part of parts) {
        whole.set(part, at)
        at += part.length
      }
      resume(Effect.succeed(whole))
    })
    const gone = () => resume(Effect.fail("gone"))
    request.once("error", gone)
    request.once("close", gone)
  })

const headersOf = (request: http.IncomingMessage): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? "")
    ])
  )

/** What was written before is with the operating system. */
const flushed = (socket: net.Socket): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (socket.destroyed || !socket.writable) return resume(Effect.void)
    socket.write("", () => resume(Effect.void))
  })

/** RST. A socket that is being shut down cannot send one: Node would lose its handle, and never exit. */
const reset = (tcp: net.Socket, isShutting: boolean): void => {
  if (isShutting) tcp.destroy()
  else tcp.resetAndDestroy()
}

/** `tcp` is what is below `socket`: only there a reset can be sent. */
const breakOff = (socket: net.Socket, tcp: net.Socket, how: Broken["how"]): Effect.Effect<void> =>
  Effect.zipRight(
    flushed(socket),
    Effect.sync(() => {
      if (how === "reset") reset(tcp, socket.writableEnded)
      else if (how === "close") socket.end()
      else socket.end("220 this is not HTTP\r\n")
    })
  )

const drained = (response: http.ServerResponse): Effect.Effect<void> =>
  Effect.async((resume) => {
    const go = () => resume(Effect.void)
    response.once("drain", go)
    return Effect.sync(() => response.off("drain", go))
  })

const write = (response: http.ServerResponse, chunk: Uint8Array): Effect.Effect<void> =>
  Effect.suspend(() => (chunk.length === 0 || response.write(chunk) ? Effect.void : drained(response)))

const end = (response: http.ServerResponse): Effect.Effect<void> =>
  Effect.async((resume) => {
    response.end(() => resume(Effect.void))
  })

const send = (
  response: http.ServerResponse,
  { body, cut = Effect.never, headers, status }: WireAnswer
): Effect.Effect<void, Broken> =>
  Effect.gen(function* () {
    response.writeHead(status, headers)
    if (body instanceof Uint8Array) {
      yield* write(response, body)
    } else {
      response.flushHeaders()
      yield* Effect.raceFirst(
        chunks.forEach(body, (chunk) => write(response, chunk)),
        cut
      )
    }
    yield* end(response)
  })

/** The client left before everything was sent. */
const left = (response: http.ServerResponse): Effect.Effect<void> =>
  Effect.async((resume) => {
    const check = () => {
      if (!response.writableFinished) resume(Effect.void)
    }
    if (response.destroyed) return check()
    response.once("close", check)
    return Effect.sync(() => response.off("close", check))
  })

/**
 * One exchange: its scope ends with the last byte, with the client's leaving or with the break. What answers no more
 * because the answering itself failed is reset.
 */
const exchange = (
  handler: Handler,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  tcp: net.Socket
): Effect.Effect<void> => {
  const { socket } = request
  const earlier = uses.get(socket) ?? 0
  uses.set(socket, earlier + 1)
  const [path = "/", query] = (request.url ?? "/").split("?", 2)
  return Effect.gen(function* () {
    const body = yield* readBody(request)
    const answered = handler({
      method: request.method ?? "GET",
      path,
      query: query === undefined ? "" : `?${query}`,
      headers: headersOf(request),
      body,
      host: request.headers.host ?? "",
      reused: earlier > 0
    }).pipe(
      Effect.flatMap((answer) => send(response, answer)),
      Effect.scoped
    )
    const exit = yield* Effect.exit(Effect.raceFirst(answered, left(response)))
    if (Exit.isFailure(exit)) {
      const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
      yield* breakOff(socket, tcp, failure?.how ?? "reset")
    }
  }).pipe(
    // the request itself broke off: the client left, and there is nobody to answer
    Effect.catchAll(() => Effect.void)
  )
}

const listening = (server: http.Server | https.Server, options: Options): Effect.Effect<number> =>
  Effect.async((resume) => {
    const fail = (error: Error) => resume(Effect.die(error))
    server.once("error", fail)
    server.listen(options.port, options.host, () => {
      server.off("error", fail)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : options.port))
    })
  })

const closing = (server: http.Server | https.Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
  })

const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host)

/** Listens until the scope closes. A port that is taken is a defect. */
export const serve = (handler: Handler, options: Options): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.gen(function* () {
    const run = yield* FiberSet.makeRuntime<never>()
    const sockets = new Set<net.Socket>()
    const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
      const { socket } = request
      const tcp = [...sockets].find(({ remotePort }) => remotePort === socket.remotePort) ?? socket
      run(exchange(handler, request, response, tcp))
    }
    // Ollama has no limits of its own: a plain Go http.Server
    const limits = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, noDelay: true }
    const server = options.tls
      ? https.createServer({ ...limits, cert: tls.certificate, key: tls.key }, onRequest)
      : http.createServer(limits, onRequest)
    server.on("connection", (socket: net.Socket) => {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
      socket.on("error", () => socket.destroy())
    })
    const down = Effect.suspend(() => {
      const closed = server.listening ? closing(server) : Effect.void
      // what TLS does with the socket below it cannot be seen from here
      for (const socket of sockets) reset(socket, options.tls || socket.writableEnded)
      return closed
    })
    const port = yield* Effect.acquireRelease(listening(server, options), () => down)
    return {
      port,
      url: `${options.tls ? "https" : "http"}://${bracketed(options.host)}:${port}`,
      down,
      up: Effect.suspend(() =>
        server.listening ? Effect.void : Effect.asVoid(listening(server, { ...options, port }))
      )
    }
  })
