/** From bytes to values: however a body is cut into reads, and whatever is wrong with it. Through the public calls. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type OllamaError, Policy } from "effect-ollama"
import { expectTag } from "../support/clock.js"
import { end, errorLine, json, problem, progress, request, type Step, stream, token } from "../support/replies.js"
import { make, type Transport } from "../support/server.js"
import { gzipSync } from "node:zlib"

const utf8 = new TextEncoder()

const runs = (numRuns: number) => ({ fastCheck: { numRuns } })

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** A body in pieces: the lengths of the reads, again and again until the end. */
const cut = (body: Uint8Array, lengths: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  for (let at = 0, i = 0; at < body.length; i++) {
    const length = lengths[i % lengths.length] ?? body.length
    pieces.push(body.slice(at, at + length))
    at += length
  }
  return pieces
}

const anyTransport = FastCheck.constantFrom<Transport>("web", "node", "stream")

/** Reads of all sizes, most often a few bytes. */
const anyLengths = FastCheck.array(
  FastCheck.oneof(FastCheck.integer({ min: 1, max: 7 }), FastCheck.integer({ min: 1, max: 400 })),
  { minLength: 1, maxLength: 8 }
)

/** Texts with characters of one to four bytes, and those that mean something to a reader of lines. */
const anyText = FastCheck.oneof(
  FastCheck.string({ unit: "binary", maxLength: 12 }),
  FastCheck.constantFrom(
    "\n",
    "\r\n",
    "\u2028\u0085",
    "\uFFFD",
    "\uFEFF",
    "🦙",
    "é",
    '"}\n{"',
    "{",
    "}",
    "\\",
    "\u0000"
  )
)

const anyTexts = FastCheck.array(anyText, { minLength: 1, maxLength: 8 })

/** What ends a line, and blank lines. */
const anyBreak = FastCheck.constantFrom("\n", "\r\n", "\n\n", "\r\n \t\r\n", "\n\r\n\n")

const withBreak = (line: string, lineBreak: string): Uint8Array => utf8.encode(line.slice(0, -1) + lineBreak)

interface Read {
  readonly texts: ReadonlyArray<string>
  readonly error: OllamaError.OllamaError | undefined
}

/** Reads a body as a stream, and gives what was delivered before it ended or failed. */
const readStream = (
  steps: ReadonlyArray<Step>,
  options: { readonly transport?: Transport; readonly lineLimit?: number } = {}
): Effect.Effect<Read, OllamaError.InvalidRequest, Scope.Scope> =>
  Effect.gen(function* () {
    const server = make({ "/api/chat": stream(...steps) }, { transport: options.transport ?? "web" })
    const client = yield* server.connect({ policy: Policy.none, lineLimit: options.lineLimit })
    const texts = yield* Ref.make(Chunk.empty<string>())
    const result = yield* Effect.either(
      Stream.runForEach(client.chatStream(request), (chunk) => Ref.update(texts, Chunk.append(chunk.message.content)))
    )
    return {
      texts: Chunk.toReadonlyArray(yield* Ref.get(texts)),
      error: result._tag === "Left" ? result.left : undefined
    }
  })

/** Reads a body as one answer. */
const readWhole = (steps: ReadonlyArray<Step>, transport: Transport = "web", lineLimit?: number) =>
  Effect.gen(function* () {
    const server = make({ "/api/chat": stream(...steps) }, { transport })
    const client = yield* server.connect({ policy: Policy.none, lineLimit })
    return yield* client.chat(request)
  })

describe("a good body", () => {
  it.scoped.prop(
    "gives the same chunks however it is cut",
    [anyTexts, anyBreak, anyLengths, anyTransport, FastCheck.boolean()],
    ([texts, lineBreak, lengths, transport, isOpen]) =>
      Effect.gen(function* () {
        const lines = [...texts.map((text) => token(text)), end()].map((line) => withBreak(line, lineBreak))
        const whole = join(lines)
        // the last line needs no end
        const body = isOpen ? whole.slice(0, whole.length - lineBreak.length) : whole
        const { error, texts: read } = yield* readStream(cut(body, lengths), { transport })
        assert.isUndefined(error)
        assert.deepStrictEqual(read, [...texts, ""])
        const response = yield* readWhole(cut(body, lengths), transport)
        assert.strictEqual(response.message.content, texts.join(""))
      })
  )

  it.scoped.prop(
    "is over with its last chunk, whatever follows",
    [
      anyTexts,
      anyLengths,
      FastCheck.oneof(
        FastCheck.uint8Array({ maxLength: 40 }),
        FastCheck.constantFrom(token("more"), "no JSON\n", errorLine("late"), "x".repeat(500), "\n").map((text) =>
          utf8.encode(text)
        )
      ),
      FastCheck.boolean()
    ],
    ([texts, lengths, trailing, isDone]) =>
      Effect.gen(function* () {
        // a chunk with done_reason, and without done, is the last one, too
        const last = isDone ? end() : end({ done: undefined, done_reason: "stop" })
        const good = utf8.encode([...texts.map((text) => token(text)), last].join(""))
        const body = cut(join([good, trailing]), lengths)
        const { error, texts: read } = yield* readStream(body, { lineLimit: 400 })
        assert.isUndefined(error)
        assert.deepStrictEqual(read, [...texts, ""])
        const response = yield* readWhole(body, "web", 400)
        assert.strictEqual(response.message.content, texts.join(""))
        assert.isTrue(response.done)
      })
  )
})

const kinds = {
  "not JSON": { line: utf8.encode('{"model": oops}\n'), tag: "ProtocolError" },
  "not even a brace": { line: utf8.encode("Internal Server Error\n"), tag: "ProtocolError" },
  "another shape": { line: utf8.encode('{"hello":"world"}\n'), tag: "ProtocolError" },
  "a JSON value that is no object": { line: utf8.encode("[1]\n"), tag: "ProtocolError" },
  "a field of the wrong type": {
    line: utf8.encode(token("a").replace('"content":"a"', '"content":1')),
    tag: "ProtocolError"
  },
  "not UTF-8": {
    line: join([utf8.encode('{"model":"'), new Uint8Array([0xff, 0xfe]), utf8.encode('"}\n')]),
    tag: "ProtocolError"
  },
  "a broken character": {
    line: join([utf8.encode('{"a":"'), new Uint8Array([0xf0, 0x9f]), utf8.encode('"}\n')]),
    tag: "ProtocolError"
  },
  "too long": { line: utf8.encode(`{"model":"${"x".repeat(400)}"}\n`), tag: "ProtocolError" },
  "a byte order mark": { line: utf8.encode(`\uFEFF${token("a")}`), tag: "ProtocolError" },
  "closed too often": { line: utf8.encode('{"a":1}}\n'), tag: "ProtocolError" },
  "an error": { line: utf8.encode(errorLine("boom")), tag: "ServerError" }
} as const

const anyKind = FastCheck.constantFrom(...(Object.keys(kinds) as Array<keyof typeof kinds>))

describe("a bad line", () => {
  it.scoped("that is compressed, by a proxy that nobody asked, says so", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(gzipSync(`${token("a")}${end()}`)) }, { transport: "node" })
      const client = yield* server.connect()
      const failed = expectTag(yield* Effect.flip(client.chat(request)), "ProtocolError")
      assert.match(failed.remedy, /compressed/)
    })
  )

  it.scoped.prop(
    "comes after the good ones before it, however the body is cut, and says where it is",
    [FastCheck.array(anyText, { maxLength: 6 }), anyKind, anyTexts, anyLengths, anyTransport],
    ([before, kind, after, lengths, transport]) =>
      Effect.gen(function* () {
        const { line, tag } = kinds[kind]
        const good = utf8.encode(before.map((text) => token(text)).join(""))
        const rest = utf8.encode([...after.map((text) => token(text)), end()].join(""))
        const body = cut(join([good, line, rest]), lengths)
        const { error, texts } = yield* readStream(body, { transport, lineLimit: 400 })
        assert.deepStrictEqual(texts, before)
        const failed = expectTag(error, tag)
        assert.strictEqual(failed.partial?.chunks, before.length === 0 ? undefined : before.length)
        assert.strictEqual(failed.partial?.text, before.length === 0 ? undefined : before.join(""))
        if (failed._tag === "ProtocolError") {
          assert.strictEqual(failed.line, before.length + 1)
          assert.isAtMost(failed.excerpt.length, 200)
        }
        const folded = expectTag(yield* Effect.flip(readWhole(body, transport, 400)), tag)
        assert.strictEqual(folded.partial?.chunks, failed.partial?.chunks)
      }),
    runs(60)
  )

  it.scoped("after the last chunk is no part of the answer, in the same read neither", () =>
    Effect.gen(function* () {
      for (const { line } of Object.values(kinds)) {
        const body = join([utf8.encode(token("a") + end()), line, line])
        const { error, texts } = yield* readStream([body], { lineLimit: 400 })
        assert.isUndefined(error)
        assert.deepStrictEqual(texts, ["a", ""])
        assert.strictEqual((yield* readWhole([body], "web", 400)).message.content, "a")
      }
    })
  )

  it.scoped("that never ends is given up at the limit: no more is read, nor kept", () =>
    Effect.gen(function* () {
      const piece = utf8.encode("x".repeat(64 * 1024))
      const pieces = Array.from({ length: 1000 }, () => piece)
      const server = make({ "/api/chat": stream(token("a"), ...pieces) })
      const client = yield* server.connect({ policy: Policy.none })
      const error = expectTag(yield* Effect.flip(Stream.runDrain(client.chatStream(request))), "ProtocolError")
      assert.strictEqual(error.line, 2)
      assert.strictEqual(error.partial?.chunks, 1)
      assert.include(error.message, String(8 * 1024 * 1024))
      const sent = server.at("/api/chat")[0]?.sent ?? 0
      // 128 pieces are 8 MiB
      assert.isAtLeast(sent, 128)
      assert.isAtMost(sent, 135)
    })
  )

  it.scoped("of exactly the limit is none", () =>
    Effect.gen(function* () {
      const line = token("a")
      const fits = yield* readStream([line, line, end()], { lineLimit: end().length - 1 })
      assert.isUndefined(fits.error)
      for (const steps of [[line + line, end()], [line, line, end()], cut(utf8.encode(line + line + end()), [3])]) {
        const { error, texts } = yield* readStream(steps, { lineLimit: end().length - 2 })
        assert.deepStrictEqual(texts, ["a", "a"])
        assert.strictEqual(expectTag(error, "ProtocolError").line, 3)
      }
    })
  )
})

describe("a body that ends too early", () => {
  it.scoped.prop(
    "is interrupted at whatever byte it ends, with the chunks that were complete",
    [anyTexts, FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), anyLengths, anyTransport],
    ([texts, part, lengths, transport]) =>
      Effect.gen(function* () {
        const lines = [...texts.map((text) => token(text)), end()].map((line) => utf8.encode(line))
        const whole = join(lines)
        // the end of the last line is not needed
        const at = Math.floor(part * (whole.length - 1))
        const { error, texts: read } = yield* readStream(cut(whole.slice(0, at), lengths), { transport })
        let complete = 0
        for (let size = 0; complete < texts.length; complete++) {
          size += lines[complete]?.length ?? 0
          if (size - 1 > at) break
        }
        assert.deepStrictEqual(read, texts.slice(0, complete))
        const failed = expectTag(error, "StreamInterrupted")
        assert.strictEqual(failed.partial?.chunks, complete === 0 ? undefined : complete)
        const folded = yield* Effect.flip(readWhole(cut(whole.slice(0, at), lengths), transport))
        assert.strictEqual(expectTag(folded, "StreamInterrupted").partial?.text, failed.partial?.text)
      }),
    runs(60)
  )

  for (const transport of ["web", "node", "stream"] as const) {
    it.scoped(`at each byte of one, through ${transport}`, () =>
      Effect.gen(function* () {
        const tool_calls = [{ function: { name: "f", arguments: { a: [{}] } } }]
        const whole = utf8.encode([token("é🦙"), token('"}]\\', { tool_calls }), end()].join(""))
        for (let at = 0; at < whole.length - 1; at++) {
          const { error } = yield* readStream([whole.slice(0, at)], { transport })
          expectTag(error, "StreamInterrupted")
        }
      })
    )
  }

  it.scoped("at each byte of one JSON value, too", () =>
    Effect.gen(function* () {
      const whole = utf8.encode(JSON.stringify({ version: "1é", more: [{ a: "}" }] }))
      for (let at = 1; at < whole.length; at++) {
        const server = make({ "/api/version": { ...json({}), body: [whole.slice(0, at)] } })
        const client = yield* server.connect({ policy: Policy.none })
        expectTag(yield* Effect.flip(client.version()), "StreamInterrupted")
      }
    })
  )

  it.scoped.prop(
    "by a broken connection is interrupted, too",
    [anyTexts, anyLengths, anyTransport],
    ([texts, lengths, transport]) =>
      Effect.gen(function* () {
        const good = utf8.encode(texts.map((text) => token(text)).join(""))
        const steps = [...cut(good, lengths), { broken: problem("UND_ERR_SOCKET", "other side closed") }]
        const { error, texts: read } = yield* readStream(steps, { transport })
        assert.deepStrictEqual(read, texts)
        const failed = expectTag(error, "StreamInterrupted")
        assert.strictEqual(failed.partial?.text, texts.join(""))
        assert.strictEqual(failed.cause?.code, "UND_ERR_SOCKET")
      })
  )

  it.scoped("a transfer without success is interrupted", () =>
    Effect.gen(function* () {
      const server = make({ "/api/pull": stream(progress("pulling manifest"), progress("verifying sha256 digest")) })
      const client = yield* server.connect()
      const error = expectTag(yield* Effect.flip(Stream.runDrain(client.pull({ model: "a" }))), "StreamInterrupted")
      assert.strictEqual(error.partial?.chunks, 2)
    })
  )
})

describe("the partial answer", () => {
  it.scoped("has text, thinking, tool calls and the number of chunks, for streams and single answers alike", () =>
    Effect.gen(function* () {
      const tool_calls = [{ function: { name: "f", arguments: { a: 1 } } }]
      const steps = [token("", { thinking: "h" }), token("", { thinking: "m" }), token("a"), token("b", { tool_calls })]
      const { error } = yield* readStream(steps)
      const wanted = { text: "ab", thinking: "hm", tool_calls, chunks: 4 }
      assert.deepStrictEqual(error?.partial, wanted)
      assert.deepStrictEqual((yield* Effect.flip(readWhole(steps))).partial, wanted)
    })
  )
})
