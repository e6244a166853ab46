/** Servers on loopback that tests break in every way; what they see is told as events. */
import { Effect, Queue } from "effect"
import type { Scope } from "effect"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import type * as Tls from "node:tls"

export type Event = "connection" | "request" | "closed"

export interface Listening {
  readonly port: number
  /** As OLLAMA_HOST has it. */
  readonly address: string
  readonly connections: () => number
  /** Waits until this happened, and drops what happened before. */
  readonly next: (event: Event) => Effect.Effect<void>
}

export interface Exchange {
  readonly request: Http.IncomingMessage
  readonly response: Http.ServerResponse
  readonly socket: Net.Socket
  readonly bytes: Uint8Array
  readonly body: string
  /** Of this connection, from 0. */
  readonly connection: number
}

/** Listens on loopback until the Scope closes, and destroys what is still connected then. */
const listen = (
  server: Net.Server,
  events: Queue.Queue<Event>,
  host = "127.0.0.1"
): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ listening: Listening; sockets: Set<Net.Socket> }>((resume) => {
      const sockets = new Set<Net.Socket>()
      let connections = 0
      server.on("connection", (socket: Net.Socket) => {
        connections++
        sockets.add(socket)
        events.unsafeOffer("connection")
        socket.on("error", () => undefined)
        socket.on("close", () => {
          sockets.delete(socket)
          events.unsafeOffer("closed")
        })
      })
      server.listen(0, host, () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const next = (event: Event): Effect.Effect<void> =>
          Effect.asVoid(Effect.repeat(Queue.take(events), { until: (seen) => seen === event }))
        resume(
          Effect.succeed({
            listening: {
              port,
              address: `${Net.isIPv6(host) ? `[${host}]` : host}:${port}`,
              connections: () => connections,
              next
            },
            sockets
          })
        )
      })
    }),
    ({ sockets }) =>
      Effect.async<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  ).pipe(Effect.map(({ listening }) => listening))

/** Any server, for the events of its connections. */
export const server = (made: Net.Server): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.flatMap(Queue.unbounded<Event>(), (events) => listen(made, events))

/** Bare TCP. */
export const tcp = (serve: (socket: Net.Socket) => void): Effect.Effect<Listening, never, Scope.Scope> =>
  server(Net.createServer(serve))

const exchanges =
  (events: Queue.Queue<Event>, serve: (exchange: Exchange) => void) =>
  (server: Net.Server): Net.Server => {
    const numbers = new Map<Net.Socket, number>()
    server.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      const { socket } = request
      const connection = numbers.get(socket) ?? numbers.size
      numbers.set(socket, connection)
      const parts: Array<Buffer> = []
      request.on("data", (bytes: Buffer) => parts.push(bytes))
      request.on("end", () => {
        const bytes = Buffer.concat(parts)
        events.unsafeOffer("request")
        serve({ request, response, socket, bytes, body: bytes.toString("utf8"), connection })
      })
    })
    return server
  }

/** HTTP; `serve` is called when a request has arrived as a whole. */
export const http = (
  serve: (exchange: Exchange) => void,
  host?: string
): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.flatMap(Queue.unbounded<Event>(), (events) =>
    listen(exchanges(events, serve)(Http.createServer({ keepAliveTimeout: 60_000 })), events, host)
  )

/** HTTP over TLS. */
export const https = (
  options: Tls.SecureContextOptions,
  serve: (exchange: Exchange) => void
): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.flatMap(Queue.unbounded<Event>(), (events) =>
    listen(exchanges(events, serve)(Https.createServer(options)), events)
  )

export { closedPort } from "../../src/testing/internal/silent.js"

// ---- answers ------------------------------------------------------------------------------------------------------

export const chunk = (content: string, done = false): string =>
  `${JSON.stringify({
    model: "m",
    created_at: "2026-11-22T22:17:25.123456789Z",
    message: { role: "assistant", content },
    done,
    ...(done ? { done_reason: "stop", total_duration: 1, eval_count: 3 } : {})
  })}\n`

export const startStream = ({ response }: Exchange): void => {
  response.writeHead(200, { "content-type": "application/x-ndjson" })
  response.flushHeaders()
}

/** A whole streamed answer: "Hello". */
export const answer = (exchange: Exchange): void => {
  startStream(exchange)
  exchange.response.write(chunk("Hel"))
  exchange.response.write(chunk("lo"))
  exchange.response.end(chunk("", true))
}

export const json = ({ response }: Exchange, status: number, value: unknown): void => {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" })
  response.end(JSON.stringify(value))
}
