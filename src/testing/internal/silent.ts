/** Addresses without a server behind them, for faults that are met before one is reached. */
import * as net from "node:net"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const loopback = "127.0.0.1"

/** A port that nobody listens on, and that nobody else is given: it is this end of a connection. */
export const closedPort: Effect.Effect<number, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.async<{ readonly server: net.Server; readonly socket: net.Socket }>((resume) => {
      const server = net.createServer((accepted) => accepted.on("error", () => accepted.destroy()).resume())
      server.listen(0, loopback, () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const socket = net.connect(port, loopback, () => resume(Effect.succeed({ server, socket })))
      })
    }),
    ({ server, socket }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        socket.destroy()
      })
  ),
  ({ socket }) => socket.localPort ?? 0
)

/** Listens with room for one waiting connection, and then never looks at its socket again. */
const listener = `
  const { parentPort, workerData } = require("node:worker_threads")
  const server = require("node:net").createServer()
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setImmediate(() => Atomics.wait(new Int32Array(workerData), 0, 0))
  })
`

const occupied = (port: number): Effect.Effect<ReadonlyArray<net.Socket>> =>
  Effect.async((resume) => {
    let connected = 0
    const sockets = Array.from({ length: 8 }, () => net.connect(port, "127.0.0.1"))
    for (const socket of sockets) {
      socket.on("error", () => socket.destroy())
      socket.once("connect", () => {
        connected++
        if (connected === 2) resume(Effect.succeed(sockets))
      })
    }
  })

/**
 * A port whose queue of connections is full and never emptied: the kernel drops what else wants to connect, as a
 * firewall would, and the client waits.
 */
export const silentPort: Effect.Effect<number, never, Scope.Scope> = Effect.gen(function* () {
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(listener, { eval: true, workerData: new SharedArrayBuffer(4) })),
    (started) => Effect.promise(() => started.terminate())
  )
  const port = yield* Effect.async<number>((resume) => {
    worker.once("message", (listening: number) => resume(Effect.succeed(listening)))
  })
  yield* Effect.acquireRelease(occupied(port), (sockets) =>
    Effect.sync(() => {
      for (const socket of sockets) socket.destroy()
    })
  )
  return port
})
