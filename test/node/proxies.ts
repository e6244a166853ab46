/** Proxies on loopback, which resolve every name to one server of the test. */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Servers from "../sockets/servers.js"

export interface Proxy extends Servers.Listening {
  /** What it was asked for, in order. */
  readonly asked: ReadonlyArray<string>
}

export interface Options {
  /** The port on loopback that every name leads to. */
  readonly target: number
  /** `user:password` that it wants. */
  readonly credentials?: string
  /** What it answers in the place of a connection. */
  readonly refuse?: number
}

const isLetIn = (options: Options, header: string | undefined): boolean =>
  options.credentials === undefined || header === `Basic ${Buffer.from(options.credentials).toString("base64")}`

/** One that forwards requests with a whole address, and makes tunnels for CONNECT. */
export const http = (options: Options): Effect.Effect<Proxy, never, Scope.Scope> => {
  const asked: Array<string> = []
  const server = Http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const refused = isLetIn(options, request.headers["proxy-authorization"]) ? options.refuse : 407
    if (refused !== undefined) return void response.writeHead(refused, { "content-type": "text/html" }).end("<html>")
    const { "proxy-authorization": _, ...headers } = request.headers
    const url = new URL(request.url ?? "")
    const onward = Http.request(
      { host: "127.0.0.1", port: options.target, method: request.method, path: url.pathname + url.search, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(response)
      }
    )
    request.pipe(onward)
  })
  server.on("connect", (request: Http.IncomingMessage, socket: Net.Socket) => {
    asked.push(`CONNECT ${request.url}`)
    const refused = isLetIn(options, request.headers["proxy-authorization"]) ? options.refuse : 407
    if (refused !== undefined) return void socket.end(`HTTP/1.1 ${refused} no\r\ncontent-length: 0\r\n\r\n`)
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
    join(socket, options.target)
  })
  return Effect.map(Servers.server(server), (listening) => ({ ...listening, asked }))
}

const join = (socket: Net.Socket, target: number): void => {
  const onward = Net.connect(target, "127.0.0.1")
  onward.on("error", () => socket.destroy())
  socket.on("close", () => onward.destroy())
  socket.pipe(onward)
  onward.pipe(socket)
}

/** One that speaks SOCKS 5. */
export const socks = (options: Options): Effect.Effect<Proxy, never, Scope.Scope> => {
  const asked: Array<string> = []
  return Effect.map(
    Servers.tcp((socket) => {
      const rest = steps(socket, options, asked)
      rest.next()
      socket.on("data", (bytes) => rest.next(bytes))
    }),
    (listening) => ({ ...listening, asked })
  )
}

/** Takes bytes one message at a time: the client waits for an answer to each. */
function* steps(socket: Net.Socket, options: Options, asked: Array<string>): Generator<undefined, void, Buffer> {
  const methods = yield
  const wanted = options.credentials === undefined ? 0 : 2
  if (!methods.subarray(2).includes(wanted)) return void socket.end(Buffer.of(5, 0xff))
  socket.write(Buffer.of(5, wanted))
  if (options.credentials !== undefined) {
    const given = yield
    const user = given.subarray(2, 2 + (given[1] ?? 0)).toString()
    const password = given.subarray(3 + (given[1] ?? 0)).toString()
    const isRight = `${user}:${password}` === options.credentials
    socket.write(Buffer.of(1, isRight ? 0 : 1))
    if (!isRight) return
  }
  const request = yield
  const port = request.readUInt16BE(request.length - 2)
  const to = request.subarray(4, request.length - 2)
  const names: Readonly<Record<number, () => string>> = {
    1: () => to.join("."),
    3: () => to.subarray(1).toString(),
    4: () => `[${to.toString("hex")}]`
  }
  asked.push(`${names[request[3] ?? 0]?.()}:${port}`)
  socket.write(Buffer.of(5, options.refuse ?? 0, 0, 1, 127, 0, 0, 1, 0, 0))
  if (options.refuse !== undefined) return
  socket.removeAllListeners("data")
  join(socket, options.target)
}
