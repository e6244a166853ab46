/**
 * Asks a proxy, over a socket that stands, for a connection to somewhere else: CONNECT (RFC 9110) or SOCKS 5 (RFC 1928,
 * 1929).
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Net from "node:net"
import type * as Proxy from "./proxy.js"
import { userAgent } from "./userAgent.js"

/** Where the tunnel is to end. */
export interface Target {
  readonly hostname: string
  readonly port: number
}

/**
 * The proxy cannot be reached or used, or answers and makes no connection: two codes, named as browsers name them, for
 * what is classified by its code.
 */
export class ProxyFailed extends Data.TaggedError("ProxyFailed")<{
  readonly code: "ERR_PROXY_CONNECTION_FAILED" | "ERR_TUNNEL_CONNECTION_FAILED"
  readonly message: string
  readonly cause?: unknown
}> {}

const refused = (message: string): ProxyFailed => new ProxyFailed({ code: "ERR_TUNNEL_CONNECTION_FAILED", message })

/** Credentials as proxies take them. */
export const authorization = (server: Proxy.Server): string | undefined =>
  server.credentials === undefined
    ? undefined
    : `Basic ${Buffer.from(`${server.credentials.user}:${server.credentials.password}`).toString("base64")}`

/** What went wrong on the way to the proxy, with the code of the system if there is one. */
export const unusable = (server: Proxy.Server, why: string, cause?: Error): ProxyFailed => {
  const code = cause !== undefined && "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : ""
  return new ProxyFailed({
    code: "ERR_PROXY_CONNECTION_FAILED",
    message: `the proxy ${server.origin} ${why}${code}`,
    ...(cause === undefined ? {} : { cause })
  })
}

const connect = (socket: Net.Socket, server: Proxy.Server, target: Target): Effect.Effect<void, ProxyFailed> =>
  Effect.async((resume) => {
    const host = `${Net.isIPv6(target.hostname) ? `[${target.hostname}]` : target.hostname}:${target.port}`
    const credentials = authorization(server)
    const request = Http.request({
      createConnection: () => socket,
      method: "CONNECT",
      path: host,
      headers: {
        host,
        "user-agent": userAgent,
        ...(credentials === undefined ? {} : { "proxy-authorization": credentials })
      }
    })
    request.on("error", (error) => resume(Effect.fail(unusable(server, "broke off", error))))
    request.once("connect", (response, _, head) => {
      if (response.statusCode !== 200) {
        return resume(Effect.fail(refused(`Proxy response (${response.statusCode}) to CONNECT ${host}`)))
      }
      if (head.length > 0) socket.unshift(head)
      resume(Effect.void)
    })
    request.end()
    return Effect.sync(() => request.destroy())
  })

/** Exactly this many bytes from the socket. */
const take = (socket: Net.Socket, server: Proxy.Server, size: number): Effect.Effect<Buffer, ProxyFailed> =>
  Effect.async((resume) => {
    const over = (error?: Error): void => {
      stop()
      resume(Effect.fail(unusable(server, "broke off", error)))
    }
    const end = (): void => over()
    const read = (): void => {
      const bytes: Buffer | null = socket.read(size)
      if (bytes === null) return
      if (bytes.length < size) return over()
      stop()
      resume(Effect.succeed(bytes))
    }
    const stop = (): void => {
      socket.off("readable", read).off("error", over).off("end", end).off("close", end)
    }
    socket.on("readable", read).on("error", over).on("end", end).on("close", end)
    read()
    return Effect.sync(stop)
  })

const socksReplies: Readonly<Record<number, string>> = {
  1: "general failure",
  2: "not allowed by its rules",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "time to live expired",
  7: "command not supported",
  8: "address type not supported"
}

/** A text behind a byte with its length. */
const prefixed = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

/** The 16 bytes of an IPv6 address. */
const ipv6 = (address: string): Buffer => {
  const [head = "", tail] = address.replace(/%.*$/, "").split("::")
  const words = (part: string): ReadonlyArray<string> => (part === "" ? [] : part.split(":"))
  const [left, right] = [words(head), words(tail ?? "")]
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0")
  const bytes = Buffer.alloc(16)
  ;[...left, ...zeros, ...right].forEach((word, i) => bytes.writeUInt16BE(Number.parseInt(word, 16), 2 * i))
  return bytes
}

/** An address in front of a port; names are resolved by the proxy, as with Go's client. */
const destination = (hostname: string): Buffer => {
  if (Net.isIPv4(hostname)) return Buffer.of(1, ...hostname.split(".").map(Number))
  if (Net.isIPv6(hostname)) return Buffer.concat([Buffer.of(4), ipv6(hostname)])
  return Buffer.concat([Buffer.of(3), prefixed(hostname)])
}

const socks = (socket: Net.Socket, server: Proxy.Server, target: Target): Effect.Effect<void, ProxyFailed> =>
  Effect.gen(function* () {
    const { credentials } = server
    const port = Buffer.of(target.port >> 8, target.port & 0xff)
    const names = [target.hostname, credentials?.user ?? "", credentials?.password ?? ""]
    if (names.some((name) => Buffer.byteLength(name) > 255)) {
      return yield* refused("SOCKS 5 has no room for names over 255 bytes")
    }
    socket.write(credentials === undefined ? Buffer.of(5, 1, 0) : Buffer.of(5, 2, 0, 2))
    const [version, method] = yield* take(socket, server, 2)
    if (version !== 5) return yield* unusable(server, "does not speak SOCKS 5")
    if (method === 2 && credentials !== undefined) {
      socket.write(Buffer.concat([Buffer.of(1), prefixed(credentials.user), prefixed(credentials.password)]))
      const [, status] = yield* take(socket, server, 2)
      if (status !== 0) return yield* refused("Proxy response (407) to SOCKS 5 credentials")
    } else if (method !== 0) {
      return yield* refused("Proxy response (407): SOCKS 5 wants credentials")
    }
    socket.write(Buffer.concat([Buffer.of(5, 1, 0), destination(target.hostname), port]))
    const [, reply, , type] = yield* take(socket, server, 4)
    if (reply !== 0) {
      const status = reply === 2 ? 403 : 502
      const why = socksReplies[reply ?? 0] ?? `code ${reply}`
      return yield* refused(`Proxy response (${status}) of SOCKS 5: ${why}`)
    }
    // the address the proxy connects from: 4 or 16 bytes, or a name
    const rest = type === 3 ? ((yield* take(socket, server, 1))[0] ?? 0) : type === 4 ? 16 : 4
    yield* take(socket, server, rest + 2)
  })

/** Makes the socket, which leads to the proxy, lead to the target. */
export const through = (socket: Net.Socket, server: Proxy.Server, target: Target): Effect.Effect<void, ProxyFailed> =>
  server.protocol === "socks5:" ? socks(socket, server, target) : connect(socket, server, target)
