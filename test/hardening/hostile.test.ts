/** What a server does that means harm ends in one of our failures, soon, and takes no more memory than the limits say. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref, Stream } from "effect"
import { OllamaClient, OllamaError } from "effect-ollama"
import { gzipSync } from "node:zlib"
import * as Servers from "../sockets/servers.js"
import * as Transports from "../sockets/transports.js"
import * as Hostile from "./hostile.js"

const { chunked, head, json, lastPiece, ndjson, piece } = Hostile

const KiB = 1024
const MiB = 1024 * KiB
const lineLimit = 32 * KiB

/** One attempt, and where it is a clock that ends it, one that runs out soon. */
const policyOf = ({ tags }: Scene) => {
  const clock = tags.includes("Timeout") ? "300 millis" : "20 seconds"
  return { timeouts: { load: clock, firstToken: clock, gap: clock }, retry: { attempts: 1 } } as const
}

type Tag = OllamaError.OllamaError["_tag"]

interface Scene {
  readonly name: string
  readonly attack: (attack: Hostile.Attack) => void
  /** Any of these: what a transport makes of it is its own. */
  readonly tags: ReadonlyArray<Tag>
  /** The text that had come. */
  readonly partial?: string
  /** The most that the server can have got rid of: the limit, and what sockets and transports hold. */
  readonly mostBytes?: number
}

/** Two sockets' buffers and the transport's, generously. */
const inBuffers = 16 * MiB

const zeros = gzipSync(Buffer.alloc(32 * MiB))
const spaces = gzipSync(Buffer.alloc(96 * MiB, " "))

const bounds: ReadonlyArray<Scene> = [
  {
    name: "a line that does not end",
    attack: ({ flood, write }) => {
      write(head(ndjson))
      flood("x".repeat(64 * KiB))
    },
    tags: ["ProtocolError"],
    mostBytes: lineLimit + inBuffers
  },
  {
    name: "a line that does not end, each byte alone",
    attack: ({ flood, write }) => {
      write(head(ndjson, chunked) + piece(Servers.chunk("Hel")))
      flood(piece("x").repeat(10_000))
    },
    tags: ["ProtocolError"],
    partial: "Hel",
    mostBytes: 6 * lineLimit + inBuffers
  },
  {
    name: "empty lines without end",
    attack: ({ flood, write }) => {
      write(head(ndjson))
      flood("\n\r\n \n".repeat(KiB))
    },
    tags: ["Timeout"]
  },
  {
    name: "empty lines without end, after a chunk",
    attack: ({ flood, write }) => {
      write(head(ndjson) + Servers.chunk("Hel"))
      flood("\n".repeat(KiB))
    },
    tags: ["Timeout"],
    partial: "Hel"
  },
  {
    name: "headers without end",
    attack: ({ flood, write }) => {
      write("HTTP/1.1 200 OK\r\n")
      flood("x-flood: and more of it\r\n".repeat(100))
    },
    tags: ["Unreachable"],
    mostBytes: inBuffers
  },
  {
    name: "a header that does not end",
    attack: ({ flood, write }) => {
      write("HTTP/1.1 200 OK\r\nx-flood: ")
      flood("y".repeat(4 * KiB))
    },
    tags: ["Unreachable"],
    mostBytes: inBuffers
  },
  {
    name: "early hints without end",
    attack: ({ flood }) => flood("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(10)),
    tags: ["Timeout", "Unreachable"]
  },
  {
    name: "extensions of a chunk without end",
    attack: ({ flood, write }) => {
      write(`${head(ndjson, chunked)}5;`)
      flood("e=1;".repeat(KiB))
    },
    tags: ["Timeout", "Unreachable", "StreamInterrupted"]
  },
  {
    name: "a gzip bomb",
    attack: ({ flood, write }) => {
      write(head(ndjson, "content-encoding: gzip"))
      write(zeros)
      flood(zeros)
    },
    tags: ["ProtocolError", "StreamInterrupted"],
    mostBytes: inBuffers
  },
  {
    name: "a gzip bomb as a failure",
    attack: ({ flood, write }) => {
      write(`HTTP/1.1 500 No\r\n${json}\r\ncontent-encoding: gzip\r\n\r\n`)
      flood(spaces)
    },
    tags: ["ServerError"],
    mostBytes: inBuffers
  },
  {
    name: "a failure whose text does not end",
    attack: ({ flood, write }) => {
      write(`HTTP/1.1 500 No\r\n${json}\r\n\r\n{"error":"`)
      flood("model requires but only ".repeat(KiB))
    },
    tags: ["ServerError"],
    mostBytes: inBuffers
  },
  {
    name: "a byte of a line now and then, so that something always comes",
    attack: ({ socket, write }) => {
      write(head(ndjson) + Servers.chunk("Hel"))
      const timer = setInterval(() => write("x"), 50)
      socket.on("close", () => clearInterval(timer))
    },
    tags: ["Timeout"],
    partial: "Hel"
  }
]

const cut = "Hel"

const framing: ReadonlyArray<Scene> = [
  {
    name: "more announced than sent",
    attack: ({ socket, write }) => {
      write(head(ndjson, "content-length: 5000") + Servers.chunk(cut))
      socket.end()
    },
    tags: ["StreamInterrupted"],
    partial: cut
  },
  {
    name: "more sent than announced: what is beyond is no part of it",
    attack: ({ write }) => {
      const whole = Servers.chunk(cut)
      write(head(ndjson, `content-length: ${whole.length}`) + whole + Servers.chunk("smuggled", true))
    },
    tags: ["StreamInterrupted"],
    partial: cut
  },
  {
    name: "two lengths",
    attack: ({ write }) => write(head(ndjson, "content-length: 10", "content-length: 20") + Servers.chunk(cut)),
    tags: ["Unreachable"]
  },
  {
    name: "a length and chunks",
    attack: ({ write }) => write(head(ndjson, "content-length: 3", chunked) + piece(Servers.chunk(cut)) + lastPiece),
    tags: ["Unreachable"]
  },
  {
    name: "a length below zero",
    attack: ({ write }) => write(head(ndjson, "content-length: -1") + Servers.chunk(cut)),
    tags: ["Unreachable"]
  },
  {
    name: "a length beyond all numbers",
    attack: ({ write }) => write(head(ndjson, `content-length: ${"9".repeat(40)}`) + Servers.chunk(cut)),
    tags: ["Unreachable"]
  },
  {
    name: "a size of a chunk that is no number",
    attack: ({ write }) => write(`${head(ndjson, chunked)}${piece(Servers.chunk(cut))}zz\r\n`),
    tags: ["StreamInterrupted"],
    partial: cut
  },
  {
    name: "a size of a chunk beyond all numbers",
    attack: ({ write }) => write(`${head(ndjson, chunked)}${piece(Servers.chunk(cut))}${"f".repeat(20)}\r\nx`),
    tags: ["StreamInterrupted"],
    partial: cut
  },
  {
    name: "a chunk that is longer than it says",
    attack: ({ write }) => write(`${head(ndjson, chunked)}${piece(Servers.chunk(cut))}2\r\n${Servers.chunk("x")}\r\n`),
    tags: ["StreamInterrupted"],
    partial: cut
  },
  {
    name: "a status of five digits",
    attack: ({ write }) => write(`HTTP/1.1 99999 OK\r\n${ndjson}\r\n\r\n`),
    tags: ["Unreachable"]
  },
  {
    name: "another protocol",
    attack: ({ write }) => write(`HTTP/9.9 200 OK\r\n${ndjson}\r\n\r\n`),
    tags: ["Unreachable"]
  },
  {
    name: "a NUL in a header",
    attack: ({ write }) => write(head("x-a: a\0b", ndjson) + Servers.chunk(cut)),
    tags: ["Unreachable"]
  },
  {
    name: "a change of protocols that nobody asked for",
    attack: ({ write }) => write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
    tags: ["Unreachable", "Timeout"]
  },
  {
    name: "a body where there can be none",
    attack: ({ write }) => write(`HTTP/1.1 204 No Content\r\n${ndjson}\r\n\r\n${Servers.chunk("smuggled", true)}`),
    tags: ["StreamInterrupted", "ProtocolError", "Unreachable"]
  },
  {
    name: "a redirect to itself, for ever",
    attack: ({ write }) => write("HTTP/1.1 307 No\r\nlocation: /api/chat\r\ncontent-length: 0\r\n\r\n"),
    tags: ["Blocked"]
  },
  {
    name: "a redirect with a body that does not end",
    attack: ({ flood, write }) => {
      write("HTTP/1.1 307 No\r\nlocation: /api/chat?again\r\n\r\n")
      flood("x".repeat(64 * KiB))
    },
    tags: ["Blocked"],
    mostBytes: 4 * inBuffers
  }
]

/** Both forms of one chat: the failure, and the text that was delivered before it. */
const outcomes = (host: string, transport: Transports.Transport, policy: ReturnType<typeof policyOf>) =>
  Effect.gen(function* () {
    const client = yield* OllamaClient.OllamaClient
    const text = yield* Ref.make("")
    const [folded, streamed] = yield* Effect.all(
      [
        Effect.flip(client.chat(Transports.request, { policy })),
        Effect.flip(
          Stream.runForEach(client.chatStream(Transports.request, { policy }), (chunk) =>
            Ref.update(text, (before) => before + chunk.message.content)
          )
        )
      ],
      { concurrency: 2 }
    )
    return { folded, streamed, text: yield* Ref.get(text) }
  }).pipe(Effect.provide(Transports.layer(transport, { host, lineLimit })))

const run = (scene: Scene, transport: Transports.Transport) =>
  Effect.gen(function* () {
    const server = yield* Hostile.make(scene.attack)
    const { folded, streamed, text } = yield* outcomes(server.address, transport, policyOf(scene))
    for (const error of [folded, streamed]) {
      const seen = `${String(error)} [${error.cause?.code} ${error.cause?.message}]`
      assert.isTrue(OllamaError.isOllamaError(error), seen)
      assert.include(scene.tags, error._tag, seen)
      assert.strictEqual(error.partial?.text, scene.partial, seen)
      assert.notInclude(seen, "smuggled")
    }
    assert.strictEqual(text, scene.partial ?? "")
    if (scene.mostBytes !== undefined) assert.isAtMost(server.written(), 2 * scene.mostBytes)
  })

const transports = ["fetch", "undici"] as const

describe.each(transports)("over %s, what has no end is given up", (transport) => {
  for (const scene of bounds) it.scopedLive(scene.name, () => run(scene, transport))
})

describe.each(transports)("over %s, what is no HTTP is no answer", (transport) => {
  for (const scene of framing) it.scopedLive(scene.name, () => run(scene, transport))
})

/** What is waited for is answered; no clock of ours is near. */
const patient = {
  timeouts: { load: "20 seconds", firstToken: "20 seconds", gap: "20 seconds" },
  retry: { attempts: 1 }
} as const

describe.each(transports)("over %s, after a whole answer", (transport) => {
  it.scopedLive("a body that goes on for ever is left, and the answer is good", () =>
    Effect.gen(function* () {
      const server = yield* Hostile.make(({ flood, write }) => {
        write(head(ndjson, chunked) + piece(Servers.chunk("Hello")) + piece(Servers.chunk("", true)))
        flood(piece(Servers.chunk("and more")))
      })
      const answer = yield* OllamaClient.chat(Transports.request, { policy: patient }).pipe(
        Effect.provide(Transports.layer(transport, { host: server.address }))
      )
      assert.strictEqual(answer.message.content, "Hello")
      yield* server.next("closed")
    })
  )

  it.scopedLive("a second one that nobody asked for is nobody's answer", () =>
    Effect.gen(function* () {
      const smuggled = Hostile.good("smuggled")
      const server = yield* Hostile.make(({ write }) => write(Hostile.good("Hello") + smuggled))
      const texts = yield* Effect.gen(function* () {
        const client = yield* OllamaClient.OllamaClient
        return yield* Effect.forEach([1, 2, 3, 4], () => client.chat(Transports.request, { policy: patient }))
      }).pipe(Effect.provide(Transports.layer(transport, { host: server.address })))
      for (const { message } of texts) assert.strictEqual(message.content, "Hello")
      // each call was a request of its own
      assert.isAtLeast(server.asked().filter((line) => line.startsWith("POST /api/chat ")).length, 4)
    })
  )

  it.scopedLive("of one value, what is beyond its length is not read as the next one", () =>
    Effect.gen(function* () {
      const body = '{"version":"1.0.0"}'
      const answer = head(json, `content-length: ${body.length}`) + body
      const server = yield* Hostile.make(({ write }) => write(answer + answer.replace("1.0.0", "6.6.6")))
      const versions = yield* Effect.gen(function* () {
        const client = yield* OllamaClient.OllamaClient
        return yield* Effect.forEach([1, 2, 3], () => client.version({ policy: patient }))
      }).pipe(Effect.provide(Transports.layer(transport, { host: server.address })))
      assert.deepStrictEqual(versions, [{ version: "1.0.0" }, { version: "1.0.0" }, { version: "1.0.0" }])
    })
  )
})
