/** The connect timer, on TestClock and real sockets: exact, over name, connection, TLS and proxy. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Duration, Effect, Fiber, Layer, Stream, TestClock } from "effect"
import type { Scope } from "effect"
import { spawn } from "node:child_process"
import * as Net from "node:net"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"

const policy = (connect: Policy.Policy["timeouts"]["connect"]): Policy.Policy =>
  Policy.merge(Policy.none, { timeouts: { connect } })

const calls = {
  chat: Effect.asVoid(OllamaClient.chat(Transports.request)),
  chatStream: Effect.flatMap(OllamaClient.OllamaClient, (client) =>
    Stream.runDrain(client.chatStream(Transports.request))
  )
}

const check = (error: OllamaError.OllamaError, limit: Duration.DurationInput, remedy = /^/): void => {
  assert.strictEqual(error._tag, "Timeout", error.message)
  if (error._tag !== "Timeout") return
  assert.strictEqual(error.phase, "connect")
  assert.strictEqual(Duration.toMillis(error.limit), Duration.toMillis(limit))
  assert.strictEqual(Duration.toMillis(error.elapsed), Duration.toMillis(limit))
  assert.isTrue(error.isRetryable)
  assert.strictEqual(error.cause?.code, "UND_ERR_CONNECT_TIMEOUT")
  assert.match(error.remedy, remedy)
}

/** Takes connections, reads, and never says anything: TLS does not come about. */
const silent = Servers.tcp((socket) => socket.resume())

describe("the connect timer", () => {
  for (const [name, call] of Object.entries(calls)) {
    it.scoped(`fires when the limit passes and not before: ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* silent
        const layer = OllamaNode.layer({ host: `https://${server.address}`, policy: policy(Duration.millis(300)) })
        const fiber = yield* Effect.fork(Effect.flip(Effect.provide(call, layer)))
        yield* server.next("connection")
        yield* TestClock.adjust("299 millis")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 millis")
        check(yield* Fiber.join(fiber), "300 millis", /^The port takes connections, but does not answer TLS/)
        yield* server.next("closed")
      })
    )
  }

  it.scoped("is 2 seconds by default", () =>
    Effect.gen(function* () {
      const server = yield* silent
      const layer = OllamaNode.layer({ host: `https://${server.address}`, policy: policy("auto") })
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(calls.chat, layer)))
      yield* server.next("connection")
      yield* TestClock.adjust("2 seconds")
      check(yield* Fiber.join(fiber), "2 seconds")
    })
  )

  it.scoped("of layerHttpClient is known to the client too", () =>
    Effect.gen(function* () {
      const server = yield* silent
      const layer = Layer.provide(
        OllamaClient.layer({ host: `https://${server.address}`, policy: policy("auto") }),
        OllamaNode.layerHttpClient({ connectTimeout: "7 seconds" })
      )
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(calls.chat, layer)))
      yield* server.next("connection")
      yield* TestClock.adjust("7 seconds")
      check(yield* Fiber.join(fiber), "7 seconds")
    })
  )

  it.scoped("is off with none", () =>
    Effect.gen(function* () {
      const server = yield* silent
      const layer = OllamaNode.layer({ host: `https://${server.address}`, policy: policy("none") })
      const fiber = yield* Effect.fork(Effect.provide(calls.chat, layer))
      yield* server.next("connection")
      yield* TestClock.adjust("1 day")
      assert.isNull(fiber.unsafePoll())
      yield* Fiber.interrupt(fiber)
      yield* server.next("closed")
    })
  )

  it.scoped("counts a proxy that does not answer", () =>
    Effect.gen(function* () {
      const proxy = yield* silent
      const layer = OllamaNode.layer({
        host: "https://ollama.test",
        proxy: { https: proxy.address },
        policy: policy("auto")
      })
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(calls.chat, layer)))
      yield* proxy.next("connection")
      yield* TestClock.adjust("2 seconds")
      check(yield* Fiber.join(fiber), "2 seconds", /^The proxy does not get through to this host/)
      yield* proxy.next("closed")
    })
  )
})

describe("a connection in the making", () => {
  it.scoped("goes with the last call that waits for it, though the layer lives on", () =>
    Effect.gen(function* () {
      const server = yield* silent
      const context = yield* Layer.build(
        OllamaNode.layer({ host: `https://${server.address}`, policy: policy("none") })
      )
      const fiber = yield* Effect.fork(Effect.provide(calls.chat, context))
      yield* server.next("connection")
      yield* Fiber.interrupt(fiber)
      yield* server.next("closed")
    })
  )
})

/** A port whose queue of connections is full, because its process sleeps: what is sent there is dropped. */
const blackhole: Effect.Effect<number, never, Scope.Scope> = Effect.gen(function* () {
  const script = `
    const server = require("node:net").createServer()
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      require("node:fs").writeSync(1, server.address().port + "\\n")
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] })),
    (child) =>
      Effect.async<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  const port = yield* Effect.async<number>((resume) => {
    child.stdout.once("data", (bytes: Buffer) => resume(Effect.succeed(Number(bytes.toString()))))
  })
  const fill = Effect.acquireRelease(
    Effect.async<Net.Socket>((resume) => {
      const socket = Net.connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      socket.on("error", () => undefined)
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
  yield* fill
  yield* fill
  return port
})

describe("an address that swallows what is sent to it", () => {
  const skip = process.platform === "linux" ? undefined : "only Linux drops connections over the backlog"
  it.scoped.skipIf(skip)(`is a Timeout of phase connect${skip === undefined ? "" : ` (${skip})`}`, () =>
    Effect.gen(function* () {
      const port = yield* blackhole
      const layer = OllamaNode.layer({ host: `127.0.0.1:${port}`, policy: policy("auto") })
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(calls.chat, layer)))
      yield* TestClock.adjust("1999 millis")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 millis")
      check(yield* Fiber.join(fiber), "2 seconds", /^Nothing answers there/)
    })
  )

  it.scoped.skipIf(skip)(`is said to be the proxy, where it is one${skip === undefined ? "" : ` (${skip})`}`, () =>
    Effect.gen(function* () {
      const port = yield* blackhole
      for (const scheme of ["http", "https"]) {
        const proxy = `127.0.0.1:${port}`
        const layer = OllamaNode.layer({
          host: `${scheme}://ollama.test`,
          proxy: { http: proxy, https: proxy },
          policy: policy("auto")
        })
        const fiber = yield* Effect.fork(Effect.flip(Effect.provide(calls.chat, layer)))
        yield* TestClock.adjust("2 seconds")
        check(yield* Fiber.join(fiber), "2 seconds", /^The proxy does not answer/)
      }
    })
  )
})
