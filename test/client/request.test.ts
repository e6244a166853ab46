/** Requests that cannot work fail before anything is sent, and name the field. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { OllamaClient, type OllamaError } from "effect-ollama"
import { expectTag } from "../support/clock.js"
import { digest, model, request } from "../support/replies.js"
import { make } from "../support/server.js"

type Call = (client: OllamaClient.Service) => Effect.Effect<unknown, OllamaError.OllamaError>

/** What TypeScript would not let pass, as a program without types may send it. */
const untyped = (value: unknown): never => value as never

const chat =
  (change: object): Call =>
  (client) =>
    client.chat(untyped({ ...request, ...change }))
const message = (change: object): Call => chat({ messages: [{ role: "user", content: "Hello", ...change }] })

type Issue = OllamaError.InvalidRequest["issue"]

const itself: { type: string; properties: Record<string, unknown> } = { type: "object", properties: {} }
itself.properties["child"] = itself

const table: ReadonlyArray<readonly [title: string, field: string, issue: Issue, call: Call]> = [
  ["an empty model", "model", "modelName", chat({ model: "" })],
  ["a model of spaces", "model", "modelName", chat({ model: " llama3.2" })],
  ["no model", "model", "modelName", chat({ model: undefined })],
  ["a model that is a number", "model", "modelName", chat({ model: 5 })],
  ["no messages", "messages", "malformed", chat({ messages: undefined })],
  ["messages that are a text", "messages", "malformed", chat({ messages: "Hello" })],
  ["a message that is a text", "messages[0]", "malformed", chat({ messages: ["Hello"] })],
  ["an empty role", "messages[0].role", "malformed", message({ role: "" })],
  ["a content that is null", "messages[0].content", "malformed", message({ content: null })],
  ["stream", "stream", "malformed", chat({ stream: true })],
  ["a field that there is not", "temperature", "malformed", chat({ temperature: 1 })],
  [
    "an image that is a data: URL",
    "messages[0].images[0]",
    "malformed",
    message({ images: ["data:image/png;base64,AAAA"] })
  ],
  [
    "an image that is a path",
    "messages[0].images[1]",
    "malformed",
    message({ images: [new Uint8Array(1), "./cat.png"] })
  ],
  ["base64 without padding", "messages[0].images[0]", "malformed", message({ images: ["AAA"] })],
  ["an option of the wrong type", "options.num_ctx", "option", chat({ options: { num_ctx: "8192" } })],
  ["an option that is NaN", "options.temperature", "option", chat({ options: { temperature: Number.NaN } })],
  [
    "an option of one's own that is NaN",
    "options.mine.top",
    "option",
    chat({ options: { mine: { top: Number.NaN } } })
  ],
  ["an option of one's own that is a bigint", "options.mine", "option", chat({ options: { mine: 1n } })],
  ["an option of one's own that is a function", "options.mine[1]", "option", chat({ options: { mine: [1, () => 2] } })],
  ["a format that contains itself", "format.properties", "format", chat({ format: itself })],
  [
    "an argument that is a bigint",
    "messages[0].tool_calls[0].function.arguments.id",
    "malformed",
    message({ tool_calls: [{ function: { name: "find", arguments: { id: 1n } } }] })
  ],
  ["a fraction where whole numbers are", "options.seed", "option", chat({ options: { seed: 1.5 } })],
  ["options that are a list", "options", "option", chat({ options: [] })],
  ["a format that is no schema", "format", "format", chat({ format: "xml" })],
  ["keep_alive that is no duration", "keep_alive", "malformed", chat({ keep_alive: "5 minutes" })],
  ["keep_alive that is NaN", "keep_alive", "malformed", chat({ keep_alive: Number.NaN })],
  ["a level of thinking that there is not", "think", "malformed", chat({ think: "hard" })],
  ["too many logprobs", "top_logprobs", "malformed", chat({ top_logprobs: 21 })],
  [
    "a tool without a name",
    "tools[0].function.name",
    "malformed",
    chat({ tools: [{ type: "function", function: { name: "", parameters: { type: "object", properties: {} } } }] })
  ],
  [
    "a priority that there is not",
    "priority",
    "malformed",
    (client) => client.chat(request, untyped({ priority: "urgent" }))
  ],
  ["another server, though there is one", "host", "address", (client) => client.list({ host: "gpu-box" })],
  [
    "a server that is none",
    "host",
    "address",
    (client) => Stream.runDrain(client.chatStream(request, { host: "a b" }))
  ],
  ["null, where a field can be left out", "think", "malformed", chat({ think: null })],
  ["a request that is nothing", "request", "malformed", (client) => client.chat(untyped(undefined))],
  ["a request that is a text", "request", "malformed", (client) => client.generate(untyped("Hello"))],
  ["generate: an empty model", "model", "modelName", (client) => client.generate({ model: "", prompt: "a" })],
  [
    "generateStream: stream",
    "stream",
    "malformed",
    (client) => Stream.runDrain(client.generateStream(untyped({ model, prompt: "", stream: false })))
  ],
  [
    "chatStream: an empty model",
    "model",
    "modelName",
    (client) => Stream.runDrain(client.chatStream({ ...request, model: "" }))
  ],
  ["embed: no input", "input", "malformed", (client) => client.embed(untyped({ model }))],
  [
    "embed: dimensions of zero",
    "dimensions",
    "malformed",
    (client) => client.embed({ model, input: "a", dimensions: 0 })
  ],
  ["embeddings: an empty model", "model", "modelName", (client) => client.embeddings({ model: "", prompt: "a" })],
  ["show: an empty model", "model", "modelName", (client) => client.show({ model: "" })],
  ["ensureModel: an empty name", "model", "modelName", (client) => client.ensureModel("")],
  ["load: an empty model", "model", "modelName", (client) => client.load({ model: "" })],
  [
    "unload: keep_alive, which it sets itself",
    "keep_alive",
    "malformed",
    (client) => client.unload(untyped({ model, keep_alive: 5 }))
  ],
  ["copy: an empty source", "source", "modelName", (client) => client.copy({ source: "", destination: "b" })],
  ["copy: an empty destination", "destination", "modelName", (client) => client.copy({ source: "a", destination: "" })],
  ["remove: an empty model", "model", "modelName", (client) => client.remove({ model: "" })],
  ["pull: an empty model", "model", "modelName", (client) => Stream.runDrain(client.pull({ model: "" }))],
  [
    "push: a field that there is not",
    "username",
    "malformed",
    (client) => Stream.runDrain(client.push(untyped({ model, username: "a" })))
  ],
  [
    "create: a digest of a file that is none",
    "files.a.gguf",
    "malformed",
    (client) => Stream.runDrain(client.create({ model, files: { "a.gguf": "sha256:12" } }))
  ],
  ["create: an empty from", "from", "modelName", (client) => Stream.runDrain(client.create({ model, from: "" }))],
  ["hasBlob: a bad digest", "digest", "digest", (client) => client.hasBlob("sha256:xyz")],
  ["hasBlob: a digest of another kind", "digest", "digest", (client) => client.hasBlob(`md5:${"a".repeat(64)}`)],
  ["hasBlob: a digest that would leave its path", "digest", "digest", (client) => client.hasBlob(`../${digest}`)],
  [
    "uploadBlob: a bad digest",
    "digest",
    "digest",
    (client) => client.uploadBlob({ digest: "a", content: new Uint8Array() })
  ],
  ["uploadBlob: no content", "content", "malformed", (client) => client.uploadBlob(untyped({ digest }))],
  [
    "uploadBlob: content that is a text",
    "content",
    "malformed",
    (client) => client.uploadBlob(untyped({ digest, content: "a" }))
  ],
  ["uploadBlob: a request that is nothing", "digest", "digest", (client) => client.uploadBlob(untyped(undefined))],
  ["webSearch: no query", "query", "malformed", (client) => client.webSearch(untyped({}))],
  ["webFetch: no url", "url", "malformed", (client) => client.webFetch(untyped({}))]
]

describe("a request that cannot work", () => {
  for (const [title, field, issue, call] of table) {
    it.scoped(`${title}: InvalidRequest in ${field}`, () =>
      Effect.gen(function* () {
        const server = make({})
        const client = yield* server.connect()
        const error = expectTag(yield* Effect.flip(call(client)), "InvalidRequest")
        assert.strictEqual(error.field, field)
        assert.strictEqual(error.issue, issue)
        assert.strictEqual(error.phase, "prepare")
        assert.strictEqual(error.host, "http://127.0.0.1:11434")
        assert.match(error.endpoint, /^\/api\//)
        assert.isFalse(error.isRetryable)
        assert.include(error.message, field)
        assert.lengthOf(server.seen, 0)
      })
    )
  }

  it.scoped("does not repeat the caller's words", () =>
    Effect.gen(function* () {
      const client = yield* make({}).connect()
      const secret = "the words of a prompt that is nobody's business"
      const bad: ReadonlyArray<object> = [
        { messages: secret },
        { messages: [secret] },
        { messages: [{ role: "user", content: [secret] }] },
        { messages: [{ role: "user", content: "", images: [secret] }] },
        { think: secret },
        { format: secret },
        { keep_alive: secret },
        { options: secret },
        { options: { num_ctx: secret } },
        { tools: [secret] }
      ]
      for (const change of bad) {
        const error = yield* Effect.flip(chat(change)(client))
        assert.notInclude(error.message + JSON.stringify(error), "business", JSON.stringify(change))
      }
    })
  )

  it.scoped("fails when it is run, not when it is made", () =>
    Effect.gen(function* () {
      const client = yield* make({}).connect()
      const made = [
        client.chat(untyped(undefined)),
        client.chatStream(untyped(undefined)),
        client.uploadBlob(untyped(undefined))
      ]
      assert.lengthOf(made, 3)
    })
  )
})

describe("an address that no server can have", () => {
  const bad = [
    "ftp://example.com",
    "http://exa mple",
    "http://[::1",
    "http://a?b",
    "http://a#b",
    "a\\b",
    "http://a:b:c:d/]",
    "http://\u0000"
  ]
  for (const host of bad) {
    it.effect(JSON.stringify(host), () =>
      Effect.gen(function* () {
        const server = make({})
        const error = expectTag(yield* Effect.flip(Effect.scoped(server.connect({ host }))), "InvalidRequest")
        assert.strictEqual(error.field, "host")
        assert.strictEqual(error.issue, "address")
        const layer = Effect.scoped(Effect.void).pipe(
          Effect.provide(OllamaClient.layer({ host })),
          Effect.provide(server.layer)
        )
        assert.isTrue(Exit.isFailure(yield* Effect.exit(layer)))
      })
    )
  }

  it.effect("does not repeat the credentials inside", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(make({}).connect({ host: "http://user:hunter22@exa mple" })))
      assert.notInclude(error.message + JSON.stringify(error), "hunter22")
    })
  )

  it.effect("something that is no text", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(make({}).connect({ host: untyped(5) })))
      assert.strictEqual(expectTag(error, "InvalidRequest").field, "host")
    })
  )
})

describe("headers that cannot be sent", () => {
  it.effect("fail before anything is sent, without their value", () =>
    Effect.gen(function* () {
      for (const options of [
        { apiKey: Redacted.make("key\nwith a line") },
        { headers: { "x-a": "b\r\nc: d" } },
        { headers: { "bad name": "secret-value" } },
        { headers: { "x-a": Redacted.make("käse🧀") } }
      ]) {
        const server = make({})
        const error = expectTag(yield* Effect.flip(Effect.scoped(server.connect(options))), "InvalidRequest")
        assert.match(error.field ?? "", /^(apiKey|headers\.)/)
        assert.notMatch(error.message + JSON.stringify(error), /with a line|c: d|secret-value|käse/)
        assert.lengthOf(server.seen, 0)
      }
    })
  )
})

describe("values at the edge that are right", () => {
  it.scoped("are sent", () =>
    Effect.gen(function* () {
      const server = make({})
      const client = yield* server.connect()
      const good = [
        chat({ messages: [] }),
        (client: OllamaClient.Service) =>
          client.chat(request, { host: "127.0.0.1:11434", priority: "batch", session: "a" }),
        message({ content: "" }),
        message({ role: "narrator" }),
        message({ images: ["AAAA", new Uint8Array()] }),
        chat({ keep_alive: 0 }),
        chat({ keep_alive: Duration.infinity }),
        chat({ options: {} }),
        chat({ think: undefined }),
        chat({ top_logprobs: 0 })
      ]
      for (const call of good) expectTag(yield* Effect.flip(call(client)), "InvalidRequest")
      // the server of the test has no such path, and says so
      assert.lengthOf(server.at("/api/chat"), good.length)
    })
  )
})
