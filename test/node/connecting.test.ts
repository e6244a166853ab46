/** How long it took to get a connection is a phase of its own in the records of `OllamaNode`. */
import { assert, describe, it } from "@effect/vitest"
import { type CallRecord, OllamaClient, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Deferred, Duration, Effect, Fiber, Option, TestClock } from "effect"
import * as Net from "node:net"
import * as Certificates from "../sockets/certificates.js"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

/** Passes connections on, but not before it is let. */
const gate = (port: number) =>
  Effect.gen(function* () {
    const held: Array<() => void> = []
    let isOpen = false
    const { address, next } = yield* Servers.tcp((socket) => {
      const pass = (): void => {
        const through = Net.connect(port, "127.0.0.1")
        through.on("error", () => socket.destroy()).on("close", () => socket.destroy())
        socket.on("close", () => through.destroy())
        socket.pipe(through)
        through.pipe(socket)
      }
      if (isOpen) pass()
      else held.push(pass)
    })
    const open = Effect.sync(() => {
      isOpen = true
      held.forEach((pass) => pass())
    })
    return { address, arrived: next("connection"), open }
  })

const version = (exchange: Servers.Exchange) => Servers.json(exchange, 200, { version: "0.33.0" })

/** A server behind such a gate, whose TLS does not stand before it opens. */
const gated = Effect.gen(function* () {
  const { ca, server } = yield* Certificates.make
  const { port } = yield* Servers.https(server, version)
  const { address, arrived, open } = yield* gate(port)
  return { arrived, ca, host: `https://${address}`, open }
})

const slowly = (connect: Duration.DurationInput | "none") =>
  Policy.make({ timeouts: { connect, firstToken: "3 seconds" }, retry: { attempts: 1 } })

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
        const { arrived, ca, host, open } = yield* gated
        const records = yield* Effect.gen(function* () {
          const call = yield* Effect.fork(recorded)
          yield* arrived
          yield* TestClock.adjust("1 second")
          yield* open
          return [yield* Fiber.join(call), yield* recorded]
        }).pipe(Effect.provide(OllamaNode.layer({ host, ca })))
        assert.deepStrictEqual(
          records.map(({ phases }) => phases.connecting?.actual),
          [Duration.seconds(1), Duration.zero]
        )
      })
  )

  it.scoped.skipIf(Certificates.missing !== undefined)(
    "has its own limit: the clock until the first value begins when the connection stands",
    () =>
      Effect.gen(function* () {
        const { arrived, ca, host, open } = yield* gated
        const exit = yield* Effect.gen(function* () {
          const call = yield* Effect.fork(OllamaClient.version())
          yield* arrived
          yield* TestClock.adjust("5 seconds")
          assert.isTrue(Option.isNone(yield* Fiber.poll(call)))
          yield* open
          return yield* Fiber.join(call)
        }).pipe(Effect.provide(OllamaNode.layer({ host, ca, policy: slowly("10 seconds") })))
        assert.strictEqual(exit.version, "0.33.0")
      })
  )

  it.scoped.skipIf(Certificates.missing !== undefined)(
    "without a limit of its own that of the first value stands for it, and the failure says that there was no connection",
    () =>
      Effect.gen(function* () {
        const { arrived, ca, host } = yield* gated
        const error = yield* Effect.gen(function* () {
          const call = yield* Effect.fork(Effect.flip(OllamaClient.version()))
          yield* arrived
          yield* TestClock.adjust("3 seconds")
          return yield* Fiber.join(call)
        }).pipe(Effect.provide(OllamaNode.layer({ host, ca, policy: slowly("none") })))
        assert.deepInclude(error, { _tag: "Timeout", phase: "connect", limit: Duration.seconds(3) })
        assert.match(error.remedy, /No connection came about/)
      })
  )

  it.scoped("a call that waits for the connection of another one does not speak of the way to the host", () =>
    Effect.gen(function* () {
      const { address, next } = yield* Servers.http(() => undefined)
      const error = yield* Effect.gen(function* () {
        yield* Effect.fork(OllamaClient.version({ policy: { timeouts: { firstToken: "1 hour" } } }))
        yield* next("request")
        const second = yield* Effect.fork(Effect.flip(OllamaClient.version()))
        yield* TestClock.adjust("3 seconds")
        return yield* Fiber.join(second)
      }).pipe(Effect.provide(OllamaNode.layer({ host: address, connections: 1, policy: slowly("10 seconds") })))
      assert.deepInclude(error, { _tag: "Timeout", phase: "response", limit: Duration.seconds(3) })
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
