/** What a server writes takes no more memory, time or stack than the limits say: each of these once took all of it. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Exit, Schema, Stream } from "effect"
import { OllamaError, Policy } from "effect-ollama"
import { getHeapStatistics } from "node:v8"
import * as Lines from "../../src/internal/lines.js"
import * as Reader from "../../src/internal/reader.js"
import { expectTag, within } from "../support/clock.js"
import { end, failure, json, loaded, model, ps, request, stream, token } from "../support/replies.js"
import { make } from "../support/server.js"

const once = { policy: Policy.make({ retry: { attempts: 1 } }) }
const MiB = 1024 * 1024

const nested = (open: string, close: string, depth: number, inner = ""): string =>
  open.repeat(depth) + inner + close.repeat(depth)

const never = (): OllamaError.OllamaError => new OllamaError.StreamInterrupted({})

/** A wire of texts, with limits of a test's own. */
const wire = (change: Partial<Reader.Wire<string>>): Reader.Wire<string> => ({
  line: (text) => text,
  isLast: () => false,
  onLast: () => undefined,
  folded: true,
  whole: false,
  answerLimit: Number.POSITIVE_INFINITY,
  unfinished: never,
  unreadable: (problem) =>
    new OllamaError.ProtocolError({ excerpt: problem instanceof Lines.TooLong ? problem.what : "" }),
  broken: never,
  ...change
})

describe("memory", () => {
  for (const whole of [false, true]) {
    it.effect(`a ${whole ? "value" : "line"} that comes byte by byte takes what it is long`, () =>
      Effect.gen(function* () {
        const clock = yield* Effect.clock
        const length = MiB
        const reader = new Reader.Reader(clock, wire({ whole }), 4 * length)
        const byte = Uint8Array.of(0x78)
        const before = getHeapStatistics().used_heap_size
        // each with a view of its own, as transports have it
        for (let i = 0; i < length; i++) reader.data(byte.subarray(0, 1))
        assert.isBelow(getHeapStatistics().used_heap_size - before, 32 * MiB)
        assert.strictEqual(reader.came().bytes, length)
        // in the end it is what was sent
        reader.end()
        assert.strictEqual(reader.came().values, 1)
      })
    )
  }

  it.effect("an answer of good lines that does not end is given up where what is kept of it has a limit", () =>
    Effect.gen(function* () {
      const reader = new Reader.Reader(yield* Effect.clock, wire({ answerLimit: 10_000 }), 1000)
      for (let i = 0; i < 99; i++) reader.data(new TextEncoder().encode(`${"x".repeat(100)}\n`))
      assert.strictEqual(reader.came().values, 99)
      reader.data(new TextEncoder().encode(`${"x".repeat(100)}\n`))
      const failed = expectTag(yield* Effect.flip(reader.read), "ProtocolError")
      assert.strictEqual(failed.excerpt, "answer")
    })
  )

  it.scoped("of progress, of which nothing is kept, there is no end", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 1000 }, () => `{"status":"pulling","completed":1,"total":2}\n`)
      const server = make({ "/api/pull": stream(...lines, '{"status":"success"}\n') })
      const client = yield* server.connect()
      assert.strictEqual(yield* Stream.runCount(client.pull({ model })), 1001)
    })
  )

  it.scoped("one value has a limit of its own", () =>
    Effect.gen(function* () {
      const piece = new Uint8Array(8 * MiB).fill(0x20)
      const server = make({ "/api/version": { ...json({}), body: Array.from({ length: 40 }, () => piece) } })
      const client = yield* server.connect(once)
      const failed = expectTag(yield* Effect.flip(client.version()), "ProtocolError")
      assert.include(failed.message, "longer than")
      // 64 MiB are eight of them
      assert.isAtMost(server.at("/api/version")[0]?.sent ?? 0, 12)
    })
  )
})

/** Texts in which a pattern of the classification could look for what is not there, over and over. */
const mazes: ReadonlyArray<string> = [
  "model requires but only ",
  "model requires ",
  "pull /manifests/ ",
  "realm host does ",
  "404 model ",
  "unsupported reasoning ",
  "unable to allocate aaaaaaaaaaaaaaaa",
  "cannot unmarshal x into Go struct field a.",
  'option "',
  "lookup dial tcp 127.x ",
  "a-://",
  "token=",
  "<",
  "<title",
  '<body id="',
  "Bearer ",
  '{"error":'
]

describe("time", () => {
  for (const maze of mazes) {
    it.scoped(`a failure of a megabyte of ${JSON.stringify(maze)} is classified`, () =>
      Effect.gen(function* () {
        const text = maze.repeat(MiB / maze.length)
        const errorLine = `${JSON.stringify({ error: text })}\n`
        const replies = [
          stream(errorLine),
          failure(500, text),
          failure(400, text),
          { ...failure(502, ""), headers: { "content-type": "text/html" }, body: [text] }
        ]
        for (const reply of replies) {
          const server = make({ "/api/chat": reply, "/api/pull": reply })
          const client = yield* server.connect(once)
          for (const call of [client.chat(request), Stream.runDrain(client.pull({ model }))]) {
            const error = yield* Effect.flip(call)
            assert.isTrue(OllamaError.isOllamaError(error))
            assert.isAtMost(error.message.length, 1500)
          }
        }
      })
    )
  }

  it.scoped("a server that asks for a wait of a thousand years is not waited for", () =>
    Effect.gen(function* () {
      for (const wish of ["31536000000", "1e300", "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT", "-1", "NaN"]) {
        const server = make({ "/api/chat": failure(503, "server busy", { "retry-after": wish }) })
        const client = yield* server.connect()
        const error = yield* within(Effect.flip(client.chat(request)), "10 minutes")
        expectTag(error, "Overloaded")
        assert.isAtMost(Duration.toMillis(error.elapsed), 10 * 60_000)
      }
    })
  )
})

describe("stack", () => {
  const depth = 100_000
  const deep: Readonly<Record<string, string>> = {
    "an error in an error": nested('{"error":', "}", depth, '"x"'),
    "an array": nested("[", "]", depth),
    "an object": nested('{"a":', "}", depth, "1"),
    "a field that nobody knows": token("a").replace("{", `{"x":${nested("[", "]", depth)},`),
    "arguments of a tool": token("", {
      tool_calls: [{ function: { name: "f", arguments: { a: "@" } } }]
    }).replace('"@"', nested('{"a":', "}", depth, "1")),
    "what is not closed": "[".repeat(depth)
  }
  for (const [name, line] of Object.entries(deep)) {
    it.scoped(`${name}, nested ${depth} times, is a failure of ours`, () =>
      Effect.gen(function* () {
        const replies = [
          stream(`${line}\n`, end()),
          stream(token("a"), `${line}\n`),
          { ...failure(500, ""), body: [line] }
        ]
        for (const reply of replies) {
          const server = make({ "/api/chat": reply, "/api/show": { ...reply, headers: json({}).headers } })
          const client = yield* server.connect({ ...once, recordContent: true })
          for (const call of [
            client.chat(request),
            Stream.runDrain(client.chatStream(request)),
            client.show({ model })
          ]) {
            const error = yield* Effect.flip(call)
            assert.isTrue(OllamaError.isOllamaError(error))
            assert.isAtMost(JSON.stringify(error).length, 5000)
          }
        }
      })
    )
  }

  it.scoped("what is nested as deeply as it may be is taken", () =>
    Effect.gen(function* () {
      const call = token("", { tool_calls: [{ function: { name: "f", arguments: { a: "@" } } }] })
      const server = make({ "/api/chat": stream(call.replace('"@"', nested("[", "]", 400)), end()) })
      const client = yield* server.connect({ recordContent: true })
      const { message } = yield* client.chat(request)
      assert.strictEqual(message.tool_calls?.length, 1)
      // and brackets in a text are no nesting
      const text = '[{"'.repeat(5000)
      const other = yield* make({ "/api/chat": stream(token(text), end()) }).connect()
      assert.strictEqual((yield* other.chat(request)).message.content, text)
    })
  )

  interface Category {
    readonly children: ReadonlyArray<Category>
  }
  const Category: Schema.Schema<Category> = Schema.Struct({
    children: Schema.Array(Schema.suspend((): Schema.Schema<Category> => Category))
  }).annotations({ identifier: "Category" })

  it.scoped("an answer for a schema that holds itself is malformed, however deep it is", () =>
    Effect.gen(function* () {
      const text = nested('{"children":[', "]}", 100_000)
      const server = make({ "/api/chat": stream(token(text), end()) })
      const client = yield* server.connect()
      const exit = yield* Effect.exit(client.chatObject({ ...request, schema: Category }))
      expectTag(Exit.isFailure(exit) ? yield* Effect.flip(exit) : undefined, "MalformedOutput")
    })
  )
})

describe("prototypes", () => {
  const poison = '"__proto__":{"polluted":true,"done":true,"tool_calls":5,"logprobs":5,"digest":"x","size":1}'
  const escaped = '"\\u005f\\u005fpr\\u006Fto__":{"polluted":true}'

  /** What a value shows that nobody has put there. */
  const shows = (u: object): boolean => "polluted" in u

  it.scoped("a key of a server's is not one, at whatever depth", () =>
    Effect.gen(function* () {
      for (const key of [poison, escaped]) {
        const server = make({
          "/api/version": { ...json({}), body: [`{${key},"version":"1"}`] },
          "/api/tags": { ...json({}), body: [`{"models":[{${key},"name":"m","model":"m","details":{${key}}}]}`] },
          "/api/ps": ps(loaded()),
          "/api/show": { ...json({}), body: [`{"details":{},"model_info":{"a":{${key}},${key}}}`] },
          "/api/chat": stream(
            token("a").replace("{", `{${key},`),
            token("", { tool_calls: [{ function: { name: "f", arguments: { a: {} } } }] }).replace(
              '"a":{}',
              `"a":{${key}},${key}`
            ),
            end()
          )
        })
        const client = yield* server.connect()
        const version = yield* client.version()
        const shown = yield* client.show({ model })
        const { message } = yield* client.chat(request)
        const tools = message.tool_calls?.[0]?.function.arguments ?? {}
        const listed = yield* Effect.either(client.list())
        const values: ReadonlyArray<object> = [
          version,
          shown,
          shown.model_info ?? {},
          message,
          tools,
          ...(Either.isRight(listed) ? listed.right.models : [])
        ]
        for (const value of values) {
          assert.isFalse(shows(value), JSON.stringify(value))
          assert.strictEqual(Object.getPrototypeOf(value), Object.prototype)
          assert.isFalse(shows(Object.assign({}, value)))
        }
        assert.strictEqual(message.content, "a")
        assert.isFalse(shows({}))
      }
    })
  )

  it.effect("a policy with such a key is refused, and changes nothing", () =>
    Effect.gen(function* () {
      for (const text of [
        `{${escaped}}`,
        '{"retry":{"__proto__":{"attempts":99}}}',
        '{"constructor":{"prototype":{"polluted":true}}}'
      ]) {
        const policy = yield* Effect.either(Policy.fromJson(JSON.parse(text)))
        if (Either.isRight(policy)) assert.deepStrictEqual(policy.right, Policy.defaults)
        assert.isFalse(shows({}))
      }
    })
  )
})
