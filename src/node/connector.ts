/**
 * How undici gets its sockets: directly or through a tunnel, under one timer over name, connection, proxy and TLS. Its
 * own timer ticks in half seconds (2 s set fire at 2.5 s, 0.3 s at 1 s), it makes a connection to the end though nobody
 * waits for it any more, and makes one anew when a call that had one was left.
 */
import * as Undici from "@effect/platform-node/Undici"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type * as Proxy from "./proxy.js"
import * as Tunnel from "./tunnel.js"

type Connector = Undici.buildConnector.connector
type Options = Undici.buildConnector.Options

export interface Settings {
  /** Milliseconds until a connection has to stand. */
  readonly limit: number | undefined
  readonly tls: Undici.buildConnector.BuildOptions
  readonly routes: Proxy.Routes | undefined
}

export interface Connectors {
  /** To servers, directly or through the tunnel that their route has. */
  readonly toServers: Connector
  /** To proxies that requests are forwarded by. */
  readonly toProxies: Connector
  /** Says that a call waits for a connection to this origin, until the result is called. */
  readonly wait: (origin: string) => () => void
}

/** A connection in the making. */
interface Making {
  readonly sockets: Array<Net.Socket>
  /** What is missing, for the words of a failure: the classification reads them. */
  missing: string
}

const originOf = (options: Options): string => `${options.protocol}//${options.host ?? options.hostname}`

/** Notes what is missing as it comes; nothing of it is kept by a socket that stands. */
const follow = (socket: Net.Socket, making: Making, what: string, where: string, isSecure: boolean): (() => void) => {
  const found = (): void => {
    making.missing = `${what} ${where}`
  }
  const opened = (): void => {
    making.missing = `TLS with ${where}`
  }
  socket.once("lookup", found)
  if (isSecure) socket.once("connect", opened)
  return () => {
    socket.off("lookup", found)
    socket.off("connect", opened)
  }
}

/** One socket by undici's connector, which keeps TLS sessions and tries both address families. */
const open = (
  base: Connector,
  options: Options,
  making: Making,
  what = "connection to"
): Effect.Effect<Net.Socket, Error> =>
  Effect.async((resume) => {
    const where = `${options.hostname}:${portOf(options)}`
    const isNamed = Net.isIP(options.hostname) === 0 && options.httpSocket === undefined
    making.missing = isNamed ? `address of ${options.hostname}` : `${what} ${where}`
    const following = { stop: (): void => undefined }
    // the connector gives the socket at once, which its type does not say
    const socket: unknown = base(options, (...[error, connected]) => {
      following.stop()
      resume(error === null ? Effect.succeed(connected) : Effect.fail(error))
    })
    if (!(socket instanceof Net.Socket)) return
    making.sockets.push(socket)
    following.stop = follow(socket, making, what, where, options.protocol === "https:")
  })

const openProxy = (base: Connector, server: Proxy.Server, making: Making): Effect.Effect<Net.Socket, Error> =>
  open(
    base,
    {
      protocol: server.protocol,
      hostname: server.hostname,
      host: server.hostname,
      port: String(server.port)
    },
    making,
    "proxy at"
  ).pipe(Effect.mapError((error) => Tunnel.unusable(server, "cannot be reached", error)))

const givenUp = (): Error => new Undici.errors.ClientDestroyedError("nobody waits for this connection")

const portOf = (options: Options): number =>
  options.port === "" ? (options.protocol === "https:" ? 443 : 80) : Number(options.port)

/** The way to a server: a socket, or a socket to the proxy, a tunnel in it, and TLS in the tunnel. */
const toServer = (
  base: Connector,
  routes: Proxy.Routes | undefined,
  options: Options,
  making: Making
): Effect.Effect<Net.Socket, Error> => {
  const route = routes?.(new URL(originOf(options)))
  if (route?._tag !== "tunnel") return open(base, options, making)
  const target = { hostname: options.hostname, port: portOf(options) }
  return openProxy(base, route.server, making).pipe(
    Effect.tap((socket) => {
      making.missing = `tunnel through ${route.server.origin} to ${target.hostname}:${target.port}`
      return Tunnel.through(socket, route.server, target)
    }),
    Effect.flatMap((socket) =>
      options.protocol === "https:"
        ? open(base, { ...options, httpSocket: socket }, making, "TLS with")
        : Effect.succeed(socket)
    )
  )
}

const toProxy = (base: Connector, options: Options, making: Making): Effect.Effect<Net.Socket, Error> => {
  const protocol = options.protocol === "https:" ? "https:" : "http:"
  const port = portOf(options)
  const server: Proxy.Server = {
    protocol,
    hostname: options.hostname,
    port,
    origin: originOf(options),
    credentials: undefined
  }
  return openProxy(base, server, making)
}

export const make = (settings: Settings): Effect.Effect<Connectors, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime()
    const base = Undici.buildConnector({ ...settings.tls, timeout: 0 })
    const { limit } = settings
    const waiting = new Map<string, number>()
    const opening = new Map<string, Set<Fiber.RuntimeFiber<void>>>()

    const abandon = (origin: string): void => {
      for (const fiber of opening.get(origin) ?? []) fiber.unsafeInterruptAsFork(FiberId.none)
    }

    const wait = (origin: string): (() => void) => {
      waiting.set(origin, (waiting.get(origin) ?? 0) + 1)
      return () => {
        const others = (waiting.get(origin) ?? 1) - 1
        if (others > 0) return void waiting.set(origin, others)
        waiting.delete(origin)
        abandon(origin)
      }
    }

    const timed = (making: Making, connect: Effect.Effect<Net.Socket, Error>): Effect.Effect<Net.Socket, Error> =>
      limit === undefined
        ? connect
        : Effect.timeoutFail(connect, {
            duration: limit,
            onTimeout: () => new Undici.errors.ConnectTimeoutError(`no ${making.missing} within ${limit} ms`)
          })

    const connector = (way: (options: Options, making: Making) => Effect.Effect<Net.Socket, Error>): Connector => {
      return (options, callback) => {
        const origin = originOf(options)
        if (!waiting.has(origin)) return queueMicrotask(() => callback(givenUp(), null))
        const making: Making = { sockets: [], missing: "connection" }
        const settle = (exit: Exit.Exit<Net.Socket, Error>): void => {
          if (Exit.isSuccess(exit)) return callback(null, exit.value)
          for (const socket of making.sockets) socket.destroy()
          const error = Cause.squash(exit.cause)
          callback(error instanceof Error ? error : givenUp(), null)
        }
        const fiber = Runtime.runFork(runtime)(
          Effect.uninterruptibleMask((restore) =>
            Effect.map(Effect.exit(restore(timed(making, way(options, making)))), settle)
          )
        )
        const fibers = opening.get(origin) ?? new Set()
        opening.set(origin, fibers.add(fiber))
        fiber.addObserver(() => {
          fibers.delete(fiber)
          if (fibers.size === 0) opening.delete(origin)
        })
      }
    }

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const origin of opening.keys()) abandon(origin)
      })
    )

    return {
      toServers: connector((options, making) => toServer(base, settings.routes, options, making)),
      toProxies: connector((options, making) => toProxy(base, options, making)),
      wait
    }
  })
