import { assert, describe, it } from "@effect/vitest"
import { OllamaClient, type OllamaError } from "effect-ollama"
import { Duration, Effect, Stream } from "effect"
import type { Scope } from "effect"
import * as Certificates from "./certificates.js"
import * as Servers from "./servers.js"
import * as Transports from "./transports.js"

const once = { policy: { retry: { attempts: 1 } } } as const

const calls = {
  chat: Effect.asVoid(OllamaClient.chat(Transports.request, once)),
  chatStream: Effect.flatMap(OllamaClient.OllamaClient, (client) =>
    Stream.runDrain(client.chatStream(Transports.request, once))
  )
}

interface Fault {
  readonly name: string
  /** Makes the fault; gives the address that has it. */
  readonly address: Effect.Effect<string, never, Scope.Scope>
  readonly expected: (transport: Transports.Transport) => {
    readonly tag: OllamaError.OllamaError["_tag"]
    readonly fields?: Readonly<Record<string, unknown>>
    readonly partial?: string
    readonly codes: ReadonlyArray<string | undefined>
  }
  readonly skip?: string | undefined
}

const addressOf = (listening: Servers.Listening): string => listening.address

const withCertificates = (make: (certificates: Certificates.Certificates) => Fault["address"]): Fault["address"] =>
  Effect.flatMap(Certificates.make, make)

const unreachable = (reason: OllamaError.Unreachable["reason"], phase: OllamaError.Phase, ...codes: Array<string>) => {
  return () => ({ tag: "Unreachable", fields: { reason, phase }, codes }) as const
}

/** The stage before anything has arrived, of a model that nothing is known of. */
const waiting = "load"

const faults: ReadonlyArray<Fault> = [
  {
    name: "nothing listens",
    address: Effect.map(Servers.closedPort, (port) => `127.0.0.1:${port}`),
    expected: unreachable("refused", "connect", "ECONNREFUSED")
  },
  {
    name: "nothing listens on either address of localhost",
    address: Effect.map(Servers.closedPort, (port) => `localhost:${port}`),
    expected: unreachable("refused", "connect", "ECONNREFUSED")
  },
  {
    name: "a name that does not exist",
    address: Effect.succeed("nonexistent.invalid"),
    expected: unreachable("dns", "connect", "ENOTFOUND", "EAI_AGAIN")
  },
  {
    name: "an address that no way leads to",
    address: Effect.succeed("255.255.255.255"),
    expected: unreachable("unroutable", "connect", "ENETUNREACH"),
    skip: process.platform === "linux" ? undefined : "Linux has no route to the broadcast address, others forbid it"
  },
  {
    name: "reset before headers",
    address: Effect.map(
      Servers.http(({ socket }) => socket.resetAndDestroy()),
      addressOf
    ),
    expected: unreachable("reset", waiting, "ECONNRESET", "UND_ERR_SOCKET")
  },
  {
    name: "closed before headers",
    address: Effect.map(
      Servers.http(({ socket }) => socket.destroy()),
      addressOf
    ),
    expected: unreachable("reset", waiting, "ECONNRESET", "UND_ERR_SOCKET")
  },
  {
    name: "reset in the middle of the body",
    address: Effect.map(
      Servers.http((exchange) => {
        Servers.startStream(exchange)
        exchange.response.write(Servers.chunk("Hel"), () => setImmediate(() => exchange.socket.resetAndDestroy()))
      }),
      addressOf
    ),
    expected: () => ({
      tag: "StreamInterrupted",
      fields: { phase: "gap" },
      partial: "Hel",
      codes: ["ECONNRESET", "UND_ERR_SOCKET"]
    })
  },
  {
    name: "closed in the middle of the body",
    address: Effect.map(
      Servers.http((exchange) => {
        Servers.startStream(exchange)
        exchange.response.write(Servers.chunk("Hel"), () => exchange.socket.destroy())
      }),
      addressOf
    ),
    expected: () => ({
      tag: "StreamInterrupted",
      fields: { phase: "gap" },
      partial: "Hel",
      codes: ["ECONNRESET", "UND_ERR_SOCKET"]
    })
  },
  {
    name: "ended without the terminal chunk",
    address: Effect.map(
      Servers.http((exchange) => {
        Servers.startStream(exchange)
        exchange.response.end(Servers.chunk("Hel"))
      }),
      addressOf
    ),
    expected: () => ({ tag: "StreamInterrupted", fields: { phase: "gap" }, partial: "Hel", codes: [undefined] })
  },
  {
    name: "a certificate signed by itself",
    address: withCertificates(({ selfSigned }) =>
      Effect.map(Servers.https(selfSigned, Servers.answer), ({ address }) => `https://${address}`)
    ),
    expected: unreachable("tls", "connect", "DEPTH_ZERO_SELF_SIGNED_CERT"),
    skip: Certificates.missing
  },
  {
    name: "a certificate of an authority that is not known",
    address: withCertificates(({ server }) =>
      Effect.map(Servers.https(server, Servers.answer), ({ address }) => `https://${address}`)
    ),
    expected: unreachable("tls", "connect", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    skip: Certificates.missing
  },
  {
    name: "HTTP to a port that speaks TLS",
    address: withCertificates(({ server }) => Effect.map(Servers.https(server, Servers.answer), addressOf)),
    expected: unreachable("protocol", waiting, "ECONNRESET", "UND_ERR_SOCKET"),
    skip: Certificates.missing
  },
  {
    name: "TLS to a port that speaks HTTP",
    address: Effect.map(Servers.http(Servers.answer), ({ address }) => `https://${address}`),
    expected: unreachable("tls", "connect", "ERR_SSL_WRONG_VERSION_NUMBER", "EPROTO")
  },
  {
    name: "something that does not speak HTTP",
    address: Effect.map(
      Servers.tcp((socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n")),
      addressOf
    ),
    expected: (transport) => ({
      tag: "Unreachable",
      fields: { reason: "protocol", phase: waiting },
      codes: transport === "node:http" ? ["HPE_INVALID_CONSTANT"] : [undefined, "HPE_INVALID_CONSTANT"]
    })
  },
  {
    name: "407",
    address: Effect.map(
      Servers.http(({ response }) => {
        response.writeHead(407, { "proxy-authenticate": 'Basic realm="proxy"', "content-type": "text/html" })
        response.end("<html>Proxy Authentication Required</html>")
      }),
      addressOf
    ),
    expected: (transport) => ({
      tag: "Blocked",
      // fetch does not show the answer
      fields: { by: "proxy", ...(transport === "fetch" ? {} : { status: 407 }) },
      codes: [undefined]
    })
  }
]

const check = (error: OllamaError.OllamaError, expected: ReturnType<Fault["expected"]>): void => {
  const { codes, fields = {}, partial, tag } = expected
  const shown = `${error.message} [${error.cause?.name} ${error.cause?.code} ${error.cause?.message}]`
  assert.strictEqual(error._tag, tag, shown)
  const actual: Record<string, unknown> = { ...error }
  assert.deepStrictEqual(Object.fromEntries(Object.keys(fields).map((key) => [key, actual[key]])), fields, shown)
  assert.strictEqual(error.partial?.text, partial, shown)
  assert.include(codes, error.cause?.code, shown)
  assert.strictEqual(error.endpoint, "/api/chat")
  assert.strictEqual(error.model, "m")
  assert.isTrue(Duration.isDuration(error.elapsed))
  assert.notInclude(error.message, "Hello")
}

describe.each(Transports.names)("what goes wrong below, over %s", (transport) => {
  for (const fault of faults) {
    for (const [name, call] of Object.entries(calls)) {
      const title = `${fault.name}: ${name}${fault.skip === undefined ? "" : ` (${fault.skip})`}`
      it.scopedLive.skipIf(fault.skip)(title, () =>
        Effect.gen(function* () {
          const host = yield* fault.address
          const error = yield* Effect.flip(Effect.provide(call, Transports.layer(transport, { host })))
          check(error, fault.expected(transport))
        })
      )
    }
  }
})

/** No clock that asks what is in memory: the only requests are those of the calls. */
const quiet = { policy: { timeouts: { load: "none", firstToken: "none" } } } as const

/** Answers once on each connection, and resets it when it is used again. */
const staleServer = Effect.gen(function* () {
  const answered = new Set<number>()
  const seen = { requests: 0, resets: 0 }
  const server = yield* Servers.http((exchange) => {
    seen.requests++
    if (answered.has(exchange.connection)) {
      seen.resets++
      return void exchange.socket.resetAndDestroy()
    }
    answered.add(exchange.connection)
    Servers.answer(exchange)
  })
  return { server, seen }
})

describe.each(["fetch", "undici"] as const)("a kept connection that is stale, over %s", (transport) => {
  it.scopedLive("a fresh one is used at once, without a backoff", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* staleServer
      let chats = 0
      // undici needs a turn of the event loop before it uses a connection again, so that it takes two calls or three
      const last = yield* OllamaClient.chat(Transports.request, {
        policy: { ...quiet.policy, retry: { baseDelay: "1 hour", maxDelay: "1 hour", jitter: "none" } }
      }).pipe(
        Effect.tap(() => Effect.sync(() => chats++)),
        Effect.repeat({ until: () => seen.resets > 0 }),
        Effect.provide(Transports.layer(transport, { host: server.address }))
      )
      assert.strictEqual(last.message.content, "Hello")
      assert.strictEqual(seen.resets, 1)
      assert.strictEqual(seen.requests, chats + 1)
    })
  )

  it.scopedLive("with one attempt it is a reset", () =>
    Effect.gen(function* () {
      const { seen, server } = yield* staleServer
      const error = yield* OllamaClient.chat(Transports.request, {
        policy: { ...quiet.policy, retry: { attempts: 1 } }
      }).pipe(Effect.forever, Effect.flip, Effect.provide(Transports.layer(transport, { host: server.address })))
      assert.strictEqual(error._tag, "Unreachable")
      assert.strictEqual(error._tag === "Unreachable" ? error.reason : undefined, "reset")
      assert.strictEqual(seen.resets, 1)
    })
  )
})
