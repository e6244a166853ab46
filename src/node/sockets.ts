/** Sockets that end with their Scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type * as Proxy from "./proxy.js"

/** Waits until a socket is ready, and destroys it with the Scope. Whoever leaves earlier leaves no socket behind. */
const ready = <S extends Net.Socket>(
  make: () => S,
  event: "connect" | "secureConnect"
): Effect.Effect<S, Error, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.sync(() => {
        const socket = make()
        // a late failure of a socket that nobody waits for must not end the process
        socket.on("error", () => undefined)
        return socket
      }),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    (socket) =>
      Effect.async<S, Error>((resume) => {
        const done = () => resume(Effect.succeed(socket))
        const fail = (error: Error) => resume(Effect.fail(error))
        socket.once(event, done).once("error", fail)
        return Effect.sync(() => socket.off(event, done).off("error", fail))
      })
  )

export const open = (options: Net.TcpNetConnectOpts): Effect.Effect<Net.Socket, Error, Scope.Scope> =>
  ready(() => Net.connect(options), "connect")

export const secure = (options: Tls.ConnectionOptions): Effect.Effect<Tls.TLSSocket, Error, Scope.Scope> =>
  ready(() => Tls.connect(options), "secureConnect")

/** A connection to a proxy, with TLS where its address says so. */
export const toProxy = ({ hostname, port, protocol }: Proxy.Server): Effect.Effect<Net.Socket, Error, Scope.Scope> =>
  protocol === "https:"
    ? secure({ host: hostname, port, ...(Net.isIP(hostname) === 0 ? { servername: hostname } : {}) })
    : open({ host: hostname, port })
