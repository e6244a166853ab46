/** What is on the wire: method, address, headers, and the body to the letter. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { type Chat, JsonSchema, type OllamaClient, type OllamaError } from "effect-ollama"
import { digest, model, request } from "../support/replies.js"
import { make } from "../support/server.js"

type Call = (client: OllamaClient.Service) => Effect.Effect<unknown, OllamaError.OllamaError>

/** The last request that a call made; how it ends does not matter here. */
const sent = (call: Call, options: OllamaClient.Options = {}, prefix = "") =>
  Effect.gen(function* () {
    const server = make({}, { prefix })
    const client = yield* server.connect(options)
    yield* Effect.either(call(client))
    return server.seen.findLast((seen) => !seen.path.endsWith("/api/ps")) ?? assert.fail("nothing was sent")
  })

const drain = <A>(stream: Stream.Stream<A, OllamaError.OllamaError>) => Stream.runDrain(stream)

const methods: ReadonlyArray<readonly [name: string, method: string, path: string, body: unknown, call: Call]> = [
  ["chat", "POST", "/api/chat", { ...request, stream: true }, (client) => client.chat(request)],
  ["chatStream", "POST", "/api/chat", { ...request, stream: true }, (client) => drain(client.chatStream(request))],
  [
    "generate",
    "POST",
    "/api/generate",
    { model, prompt: "a", stream: true },
    (client) => client.generate({ model, prompt: "a" })
  ],
  [
    "generateStream",
    "POST",
    "/api/generate",
    { model, stream: true },
    (client) => drain(client.generateStream({ model }))
  ],
  ["embed", "POST", "/api/embed", { model, input: ["a"] }, (client) => client.embed({ model, input: ["a"] })],
  [
    "embeddings",
    "POST",
    "/api/embeddings",
    { model, prompt: "a" },
    (client) => client.embeddings({ model, prompt: "a" })
  ],
  ["list", "GET", "/api/tags", undefined, (client) => client.list()],
  ["show", "POST", "/api/show", { model, verbose: true }, (client) => client.show({ model, verbose: true })],
  [
    "pull",
    "POST",
    "/api/pull",
    { model, insecure: true, stream: true },
    (client) => drain(client.pull({ model, insecure: true }))
  ],
  ["push", "POST", "/api/push", { model, stream: true }, (client) => drain(client.push({ model }))],
  [
    "create",
    "POST",
    "/api/create",
    { model, from: "a", files: { "a.gguf": digest }, stream: true },
    (client) =>
      drain(
        client.create({ model, from: "a", files: { "a.gguf": digest.toUpperCase().replace("SHA256:", "sha256-") } })
      )
  ],
  [
    "copy",
    "POST",
    "/api/copy",
    { source: "a", destination: "b" },
    (client) => client.copy({ source: "a", destination: "b" })
  ],
  ["remove", "DELETE", "/api/delete", { model }, (client) => client.remove({ model })],
  ["hasBlob", "HEAD", `/api/blobs/${digest}`, undefined, (client) => client.hasBlob(digest)],
  [
    "load",
    "POST",
    "/api/generate",
    { model, keep_alive: -1, options: { num_ctx: 1 } },
    (client) => client.load({ model, keep_alive: -1, options: { num_ctx: 1 } })
  ],
  ["unload", "POST", "/api/generate", { model, keep_alive: 0 }, (client) => client.unload({ model })],
  ["version", "GET", "/api/version", undefined, (client) => client.version()],
  ["status", "GET", "/api/status", undefined, (client) => client.status()],
  ["account", "POST", "/api/me", undefined, (client) => client.account()],
  ["signOut", "POST", "/api/signout", undefined, (client) => client.signOut()],
  [
    "webSearch",
    "POST",
    "/api/experimental/web_search",
    { query: "a", max_results: 3 },
    (client) => client.webSearch({ query: "a", max_results: 3 })
  ],
  [
    "webFetch",
    "POST",
    "/api/experimental/web_fetch",
    { url: "https://a" },
    (client) => client.webFetch({ url: "https://a" })
  ]
]

describe("each method", () => {
  for (const [name, method, path, body, call] of methods) {
    it.scoped(`${name}: ${method} ${path}`, () =>
      Effect.gen(function* () {
        const seen = yield* sent(call)
        assert.strictEqual(seen.method, method)
        assert.strictEqual(seen.url, `http://127.0.0.1:11434${path}`)
        assert.deepStrictEqual(seen.json, body)
        const isStreamed = typeof body === "object" && body !== null && "stream" in body
        assert.strictEqual(seen.headers.accept, isStreamed ? "application/x-ndjson" : "application/json")
        assert.strictEqual(seen.headers["content-type"], body === undefined ? undefined : "application/json")
        for (const header of ["authorization", "traceparent", "b3", "origin"]) assert.isUndefined(seen.headers[header])
      })
    )
  }

  it.scoped("running: GET /api/ps", () =>
    Effect.gen(function* () {
      const server = make({})
      const client = yield* server.connect()
      yield* client.running()
      assert.deepStrictEqual(
        server.seen.map(({ method, path }) => [method, path]),
        [["GET", "/api/ps"]]
      )
    })
  )

  it.scoped("uploadBlob: POST of the bytes as they are, at once and in pieces", () =>
    Effect.gen(function* () {
      const bytes = new TextEncoder().encode("GGUF")
      const upper = digest.toUpperCase().replace("SHA256:", "sha256:")
      const whole = yield* sent((client) => client.uploadBlob({ digest: upper, content: bytes }))
      assert.deepStrictEqual(
        [whole.method, whole.path, whole.body, whole.headers["content-type"]],
        ["POST", `/api/blobs/${digest}`, "GGUF", "application/octet-stream"]
      )
    })
  )
})

describe("the fields of a request", () => {
  const body = (change: object) =>
    Effect.map(
      sent((client) => client.chat({ ...request, ...change })),
      (seen) => seen.json
    )
  const only = (change: object) => ({ ...request, ...change, stream: true })

  it.scoped("keep_alive: a Duration is seconds, an infinite one -1; numbers and texts go as they are", () =>
    Effect.gen(function* () {
      const keepAlive = (keep_alive: Chat.ChatRequest["keep_alive"]) =>
        Effect.map(
          sent((client) => client.chat({ ...request, keep_alive })),
          (seen) => (seen.json as { keep_alive: unknown }).keep_alive
        )
      assert.strictEqual(yield* keepAlive(Duration.minutes(5)), 300)
      assert.strictEqual(yield* keepAlive(Duration.millis(1500)), 1.5)
      assert.strictEqual(yield* keepAlive(Duration.zero), 0)
      assert.strictEqual(yield* keepAlive(Duration.infinity), -1)
      assert.strictEqual(yield* keepAlive(-1), -1)
      assert.strictEqual(yield* keepAlive(90), 90)
      assert.strictEqual(yield* keepAlive("1h30m"), "1h30m")
    })
  )

  it.scoped("images: bytes become base64, texts stay as they are", () =>
    Effect.gen(function* () {
      const images = [new Uint8Array([0, 255, 128, 7]), "AP+ABw=="]
      const seen = yield* sent((client) => client.chat({ model, messages: [{ role: "user", content: "", images }] }))
      assert.deepStrictEqual(seen.json, {
        model,
        messages: [{ role: "user", content: "", images: ["AP+ABw==", "AP+ABw=="] }],
        stream: true
      })
    })
  )

  it.scoped("undefined is dropped, everywhere; false, zero and empty texts are not", () =>
    Effect.gen(function* () {
      const seen = yield* sent((client) =>
        client.chat({
          model,
          messages: [{ role: "user", content: "", thinking: undefined, images: undefined }],
          think: false,
          tools: undefined,
          format: undefined,
          keep_alive: 0,
          options: { seed: 0, stop: undefined }
        })
      )
      const messages = [{ role: "user", content: "" }]
      assert.deepStrictEqual(seen.json, {
        model,
        messages,
        think: false,
        keep_alive: 0,
        options: { seed: 0 },
        stream: true
      })
    })
  )

  it.scoped("options that are not known are kept", () =>
    Effect.gen(function* () {
      const options = { num_ctx: 8192, brand_new: { nested: [1, null] }, mirostat: 2 }
      assert.deepStrictEqual(yield* body({ options }), only({ options }))
    })
  )

  it.scoped("tools, tool messages and their calls are kept whole", () =>
    Effect.gen(function* () {
      const tools = [
        JsonSchema.tool({ name: "now" }),
        {
          type: "function",
          function: {
            name: "f",
            description: "d",
            parameters: {
              type: "object",
              required: ["a"],
              properties: { a: { type: "string", enum: ["x"] } },
              $defs: { q: {} }
            }
          }
        }
      ]
      const messages = [
        {
          role: "assistant",
          content: "",
          thinking: "t",
          tool_calls: [{ id: "1", function: { index: 0, name: "f", arguments: { a: [1] } } }]
        },
        { role: "tool", content: "5", tool_name: "f", tool_call_id: "1" }
      ]
      assert.deepStrictEqual(yield* body({ messages, tools }), only({ messages, tools }))
    })
  )

  it.scoped("format and think go as they are", () =>
    Effect.gen(function* () {
      for (const change of [{ format: "json" }, { format: { type: "object" } }, { think: "high" }, { think: true }]) {
        assert.deepStrictEqual(yield* body(change), only(change))
      }
    })
  )

  it.scoped("an answer can be sent again as a part of the conversation, with what is new in it", () =>
    Effect.gen(function* () {
      const answer = {
        role: "assistant",
        content: "a",
        thinking: "t",
        tool_calls: [{ function: { name: "f", arguments: {}, signature: "s" } }],
        new_field: 1
      }
      const server = make({
        "/api/chat": {
          status: 200,
          headers: { "content-type": "application/x-ndjson" },
          body: [JSON.stringify({ model, created_at: "", message: answer, done: true })]
        }
      })
      const client = yield* server.connect()
      const { message } = yield* client.chat(request)
      yield* client.chat({ model, messages: [message, { role: "user", content: "b" }] })
      assert.deepStrictEqual(server.at("/api/chat")[1]?.json, {
        model,
        messages: [answer, { role: "user", content: "b" }],
        stream: true
      })
    })
  )
})

describe("where it goes", () => {
  const hosts: ReadonlyArray<readonly [string, string]> = [
    ["gpu-box", "http://gpu-box:11434"],
    ["gpu-box:80/", "http://gpu-box:80"],
    ["https://example.com/ollama", "https://example.com:443/ollama"],
    ["https://example.com/ollama/", "https://example.com:443/ollama"],
    ["https://example.com//ollama//x/", "https://example.com:443/ollama/x"],
    ["http://1.2.3.4", "http://1.2.3.4:80"],
    ["0.0.0.0", "http://127.0.0.1:11434"],
    [":1234", "http://127.0.0.1:1234"],
    ["[::]:1", "http://[::1]:1"],
    ["::1", "http://[::1]:11434"],
    ["ollama.com", "https://ollama.com:443"],
    ["'\" gpu-box \"'", "http://gpu-box:11434"]
  ]
  for (const [host, url] of hosts) {
    it.scoped(`${host}: ${url}, the path kept, no slash twice`, () =>
      Effect.gen(function* () {
        const prefix = new URL(url).pathname.replace(/\/$/, "")
        const seen = yield* sent((client) => client.show({ model }), { host }, prefix)
        // a URL does not show the port that its scheme has anyway
        assert.strictEqual(seen.url, new URL(`${url}/api/show`).href)
        assert.notMatch(seen.url.replace("://", ""), /\/\//)
      })
    )
  }

  it.scoped("ollama.com has the web calls at other paths", () =>
    Effect.gen(function* () {
      const host = "ollama.com"
      assert.strictEqual((yield* sent((client) => client.webSearch({ query: "a" }), { host })).path, "/api/web_search")
      assert.strictEqual((yield* sent((client) => client.webFetch({ url: "a" }), { host })).path, "/api/web_fetch")
    })
  )
})

describe("headers", () => {
  it.scoped("a key is sent as a Bearer, with every request and the look at ps", () =>
    Effect.gen(function* () {
      const server = make({})
      const client = yield* server.connect({
        apiKey: Redacted.make("k-1"),
        headers: { "X-Team": "a", "x-token": Redacted.make("t") }
      })
      yield* Effect.either(client.chat(request))
      yield* Effect.either(client.version())
      assert.strictEqual(server.seen.length, 3)
      for (const { headers } of server.seen) {
        assert.strictEqual(headers.authorization, "Bearer k-1")
        assert.strictEqual(headers["x-team"], "a")
        assert.strictEqual(headers["x-token"], "t")
      }
    })
  )

  it.scoped("credentials in the address are sent as Basic, and are not in the URL", () =>
    Effect.gen(function* () {
      const seen = yield* sent((client) => client.version(), { host: "https://user:p%40ss%C3%A9@example.com" })
      const basic = Buffer.from("user:p@ssé", "utf8").toString("base64")
      assert.strictEqual(seen.headers.authorization, `Basic ${basic}`)
      assert.strictEqual(seen.url, "https://example.com/api/version")
    })
  )

  it.scoped("a key wins over credentials in the address, and a header over both", () =>
    Effect.gen(function* () {
      const apiKey = Redacted.make("k-1")
      const host = "user:pass@example.com"
      const byKey = yield* sent((client) => client.version(), { host, apiKey })
      assert.strictEqual(byKey.headers.authorization, "Bearer k-1")
      const byHeader = yield* sent((client) => client.version(), {
        host,
        apiKey,
        headers: { Authorization: "Custom x" }
      })
      assert.strictEqual(byHeader.headers.authorization, "Custom x")
    })
  )

  it.scoped("traces are carried only where that was asked for", () =>
    Effect.gen(function* () {
      const traced: Call = (client) => Effect.withSpan(client.version(), "outer")
      assert.isUndefined((yield* sent(traced)).headers.traceparent)
      assert.match((yield* sent(traced, { propagateTrace: true })).headers.traceparent ?? "", /^00-/)
      const stream: Call = (client) => Effect.withSpan(drain(client.chatStream(request)), "outer")
      assert.isUndefined((yield* sent(stream)).headers.traceparent)
      assert.match((yield* sent(stream, { propagateTrace: true })).headers.traceparent ?? "", /^00-/)
    })
  )
})
