/** How long it took to get a connection is a phase of its own in the records of `OllamaNode`. */
import { assert, describe, it } from "@effect/vitest"
import { type CallRecord, OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Deferred, Duration, Effect, Fiber, TestClock } from "effect"
import * as Net from "node:net"
import * as Certificates from "../sockets/certificates.js"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

/** Passes connections on, but not before it is let. */
const gate = (port: number) =>
  Effect.gen(function* () {
    const opened = Effect.unsafeMakeLatch()
    const { address, next } = yield* Servers.tcp((socket) => {
      const pass = Effect.sync(() => {
        const through = Net.connect(port, "127.0.0.1")
        through.on("error", () => socket.destroy()).on("close", () => socket.destroy())
        socket.on("close", () => through.destroy())
        socket.pipe(through).pipe(socket)
      })
      Effect.runFork(Effect.zipRight(opened.await, pass))
    })
    return { address, arrived: next("connection"), open: opened.open }
  })

const version = (exchange: Servers.Exchange) => Servers.json(exchange, 200, { version: "0.33.0" })

/** A call, and its record. It waits less than the limit of the policy on a connection. */
const recorded = Effect.flatMap(Deferred.make<CallRecord.CallRecord>(), (record) =>
  OllamaClient.version({ onRecord: (made) => Deferred.succeed(record, made) }).pipe(
    Effect.zipRight(Deferred.await(record))
  )
)

describe("the phase `connecting`", () => {
  it.scoped.skipIf(Certificates.missing !== undefined)(
    "is until TCP and TLS stand, and nothing on a connection that was kept",
    () =>
      Effect.gen(function* () {
        const { ca, server } = yield* Certificates.make
        const { port } = yield* Servers.https(server, version)
        const { address, arrived, open } = yield* gate(port)
        const records = yield* Effect.gen(function* () {
          const call = yield* Effect.fork(recorded)
          yield* arrived
          yield* TestClock.adjust("1 second")
          yield* open
          return [yield* Fiber.join(call), yield* recorded]
        }).pipe(Effect.provide(OllamaNode.layer({ host: `https://${address}`, ca })))
        assert.deepStrictEqual(
          records.map(({ phases }) => phases.connecting?.actual),
          [Duration.seconds(1), Duration.zero]
        )
      })
  )

  it.scoped("is unknown where the transport does not tell it", () =>
    Effect.gen(function* () {
      const { address } = yield* Servers.http(version)
      const { phases } = yield* Effect.provide(recorded, Transports.layer("fetch", { host: address }))
      assert.isUndefined(phases.connecting)
    })
  )
})
