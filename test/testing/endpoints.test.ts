import { HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { Chunk, Effect, Stream } from "effect"
import { chat, get, has, json, lines, post, read, same, type Wire } from "./calls.js"

const collect = (body: object, path = "/api/chat") =>
  Effect.map(Stream.runCollect(lines(path, body)), (all) => [...all])

const statusOf = (path: string, request: unknown) => Effect.map(post(path, request), ({ status }) => status)

const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      required: ["city"],
      properties: { city: { type: "string" }, unit: { type: "string", enum: ["celsius", "fahrenheit"] } }
    }
  }
}

describe("answers of the simulated model", () => {
  it.effect("calls a tool, whole and in one chunk, then answers its result", () =>
    Effect.gen(function* () {
      const all = yield* collect(chat({ tools: [weather] }))
      assert.strictEqual(all.length, 2)
      const call = all[0]?.message.tool_calls?.[0]
      assert.deepStrictEqual(call?.function, {
        index: 0,
        name: "get_weather",
        arguments: { city: "simulated", unit: "celsius" }
      })
      assert.match(call?.id ?? "", /^call_[0-9a-z]{8}$/)
      assert.strictEqual(all[0]?.done, false)
      has(all[1], { done: true, done_reason: "stop" })
      const answered = yield* collect(
        chat({
          tools: [weather],
          messages: [
            { role: "user", content: "?" },
            { role: "tool", content: "sunny" }
          ]
        })
      )
      assert.isUndefined(answered.find((line) => line.message.tool_calls !== undefined))
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("thinks where the model can and the request does not forbid it", () =>
    Effect.gen(function* () {
      const parts = (all: ReadonlyArray<Wire>) => ({
        thinking: all.map((line) => line.message.thinking ?? "").join(""),
        content: all.map((line) => line.message.content).join("")
      })
      const both = parts(yield* collect(chat({ model: "qwen3" })))
      assert.isAbove(both.thinking.length, 0)
      const without = parts(yield* collect(chat({ model: "qwen3", think: false })))
      assert.deepStrictEqual(without, { thinking: "", content: both.content })
      assert.strictEqual(yield* statusOf("/api/chat", chat({ think: "low" })), 400)
      assert.strictEqual(yield* statusOf("/api/chat", chat({ think: false, stream: false })), 200)
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("answers valid JSON, and an instance of a JSON Schema", () =>
    Effect.gen(function* () {
      const free = yield* json("/api/chat", chat({ format: "json", stream: false }))
      assert.isTrue(JSON.parse(free.body.message.content).simulated)
      const schema = {
        type: "object",
        properties: {
          name: { type: "string", minLength: 12 },
          age: { type: "integer", minimum: 18 },
          ratio: { type: "number", exclusiveMinimum: 0, maximum: 1 },
          tags: { type: "array", minItems: 2, items: { $ref: "#/$defs/tag" } },
          kind: { anyOf: [{ const: "person" }, { type: "null" }] }
        },
        required: ["name"],
        $defs: { tag: { enum: ["a", "b"] } }
      }
      const all = yield* collect(chat({ format: schema }))
      assert.deepStrictEqual(JSON.parse(all.map((line) => line.message.content).join("")), {
        name: "simulated...",
        age: 18,
        ratio: 1,
        tags: ["a", "a"],
        kind: "person"
      })
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("says what it is told to, by text, tokens, parts or a function of the prompt", () =>
    Effect.gen(function* () {
      const said = (model: string, extra: object = {}) =>
        Effect.map(collect(chat({ model, ...extra })), (all) =>
          all.slice(0, -1).map((line) => line.message.thinking ?? line.message.content)
        )
      assert.deepStrictEqual(yield* said("text"), ["a", " b", "\n"])
      assert.deepStrictEqual(yield* said("tokens"), ["to", "ken"])
      assert.deepStrictEqual(yield* said("echo"), ["chat:", " Hello"])
      assert.deepStrictEqual(yield* said("parts"), ["hm", "so"])
      assert.deepStrictEqual(yield* said("parts", { think: false }), ["so"])
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          models: [
            { name: "text", reply: "a b\n" },
            { name: "tokens", reply: ["to", "ken"] },
            { name: "echo", reply: ({ endpoint, text }) => `${endpoint}: ${text}` },
            {
              name: "parts",
              capabilities: ["completion", "thinking"],
              reply: { thinking: ["hm"], content: ["so"], doneReason: "load" }
            }
          ]
        })
      )
    )
  )

  it.effect("ends at num_predict and at a stop text", () =>
    Effect.gen(function* () {
      const short = yield* json("/api/chat", chat({ stream: false, options: { num_predict: 2 } }))
      has(short.body, { done_reason: "length", eval_count: 2 })
      assert.strictEqual(short.body.message.content, "one two")
      const stopped = yield* json("/api/chat", chat({ stream: false, options: { stop: ["hr"] } }))
      has(stopped.body, { done_reason: "stop" })
      assert.strictEqual(stopped.body.message.content, "one two t")
    }).pipe(Effect.provide(OllamaSimulator.layer({ reply: "one two three four" })))
  )

  it.effect("gives log probabilities when asked", () =>
    Effect.gen(function* () {
      const all = yield* collect(chat({ logprobs: true, top_logprobs: 1 }))
      assert.deepStrictEqual(all[0]?.logprobs[0]?.top_logprobs[0]?.bytes, [195, 169])
      assert.strictEqual(yield* statusOf("/api/chat", chat({ top_logprobs: 21 })), 400)
    }).pipe(Effect.provide(OllamaSimulator.layer({ reply: "é" })))
  )

  it.effect("takes images only where the model has vision", () =>
    Effect.gen(function* () {
      const picture = (image: string, model: string) =>
        json("/api/chat", chat({ model, stream: false, messages: [{ role: "user", content: "?", images: [image] }] }))
      assert.strictEqual((yield* picture("aGk=", "gemma3")).status, 200)
      const refused = yield* picture("aGk=", "llama3.2")
      assert.strictEqual(refused.status, 400)
      assert.include(JSON.parse(refused.body.error).error.message, "image input is not supported")
      const url = yield* picture("data:image/png;base64,aGk=", "gemma3")
      assert.deepStrictEqual([url.status, url.body], [400, { error: "illegal base64 data at input byte 4" }])
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )
})

describe("what the model would have read", () => {
  const request = { model: "gemma3", _debug_render_only: true } as const
  const messages = [{ role: "user", content: "Hello", images: ["aGk="] }]

  it.effect("is one answer, which is never done, and which the client takes for whole", () =>
    Effect.gen(function* () {
      const { body } = yield* json("/api/chat", { ...request, messages })
      const debug = { rendered_template: "user: Hello\n", image_count: 1 }
      has(body, { message: { role: "", content: "" }, done: false, _debug_info: debug })
      const client = yield* OllamaClient.make()
      const answer = yield* client.chat({ ...request, messages })
      assert.deepStrictEqual(answer._debug_info, debug)
      const chunks = yield* Stream.runCollect(client.chatStream({ ...request, messages }))
      assert.strictEqual(Chunk.unsafeGet(chunks, 0)._debug_info?.rendered_template, "user: Hello\n")
      const completion = yield* client.generate({ ...request, prompt: "Once" })
      assert.deepStrictEqual(completion._debug_info, { rendered_template: "Once" })
    }).pipe(Effect.scoped, Effect.provide(OllamaSimulator.layer({ models: [{ name: "gemma3", loaded: true }] })))
  )
})

describe("what no server takes", () => {
  const field = (name: string, kind: string, type: string) =>
    `json: cannot unmarshal ${kind} into Go struct field ChatRequest.messages.${name} of type ${type}`
  const refused: ReadonlyArray<readonly [what: string, change: object, error: string]> = [
    ["a content in parts", { messages: [{ role: "user", content: [] }] }, field("content", "array", "string")],
    [
      "arguments that are a text",
      { messages: [{ role: "assistant", content: "", tool_calls: [{ function: { name: "f", arguments: "{}" } }] }] },
      field("tool_calls.function.arguments", "string", "api.ToolCallFunctionArguments")
    ],
    [
      "a model that is local and in the cloud",
      { model: "llama3.2:local:cloud" },
      'use either :local or :cloud, not both: "llama3.2:local:cloud"'
    ]
  ]
  for (const [what, change, error] of refused) {
    it.effect(`${what} is refused`, () =>
      Effect.gen(function* () {
        const { body, status } = yield* json("/api/chat", chat(change))
        assert.deepStrictEqual([status, body], [400, { error }])
      }).pipe(Effect.provide(OllamaSimulator.layer()))
    )
  }
})

describe("the other endpoints of the simulator", () => {
  it.effect("embeds texts as unit vectors, near each other when they share words", () =>
    Effect.gen(function* () {
      const { body: all } = yield* json("/api/embed", {
        model: "all-minilm",
        input: ["the sky is blue", "the sky is grey", "quarterly report"]
      })
      const [a, b, c] = all.embeddings
      const dot = (x: ReadonlyArray<number> = [], y: ReadonlyArray<number> = []) =>
        x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
      assert.strictEqual(a?.length, 384)
      assert.closeTo(dot(a, a), 1, 1e-6)
      assert.isAbove(dot(a, b), dot(a, c) + 0.3)
      const again = yield* json("/api/embed", { model: "all-minilm", input: "the sky is blue", dimensions: 8 })
      assert.strictEqual(again.body.embeddings[0]?.length, 8)
      assert.closeTo(dot(again.body.embeddings[0], again.body.embeddings[0]), 1, 1e-6)
      const long = { model: "all-minilm", input: "word ".repeat(600), truncate: false }
      same((yield* json("/api/embed", long)).body, {
        error: "the input length exceeds the context length"
      })
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("pulls with progress, and has the model afterwards", () =>
    Effect.gen(function* () {
      const all = yield* collect({ model: "tinyllama" }, "/api/pull")
      same(all[0], { status: "pulling manifest" })
      const layer = all.filter((line) => line.digest !== undefined)
      assert.isUndefined(layer[0]?.completed)
      assert.strictEqual(layer.at(-1)?.completed, layer.at(-1)?.total)
      same(all.at(-1), { status: "success" })
      assert.strictEqual(yield* statusOf("/api/show", { model: "tinyllama" }), 200)
      const missing = yield* collect({ model: "nobody/nothing" }, "/api/pull")
      same(missing, [{ status: "pulling manifest" }, { error: "pull model manifest: file does not exist" }])
      const folded = yield* json("/api/pull", { model: "nobody/nothing", stream: false })
      assert.deepStrictEqual([folded.status, folded.body], [500, missing[1]])
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("creates, copies, pushes and deletes", () =>
    Effect.gen(function* () {
      const created = yield* collect({ model: "poet", from: "llama3.2", system: "You rhyme." }, "/api/create")
      same(created.at(-1), { status: "success" })
      const shown = yield* json("/api/show", { model: "poet" })
      has(shown.body, { system: "You rhyme." })
      assert.strictEqual(yield* statusOf("/api/copy", { source: "poet", destination: "me/bard:v1" }), 200)
      const names = Effect.map(read("/api/tags"), ({ models }) => models.map((model) => model.name))
      assert.includeMembers(yield* names, ["poet:latest", "me/bard:v1"])
      same((yield* collect({ model: "me/bard:v1" }, "/api/push")).at(-1), { status: "success" })
      const gone = yield* HttpClient.execute(
        HttpClientRequest.del("http://localhost:11434/api/delete", { body: HttpBody.unsafeJson({ model: "POET" }) })
      )
      assert.deepStrictEqual([gone.status, yield* gone.text], [200, ""])
      assert.notInclude(yield* names, "poet:latest")
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("stores blobs under the digest they really have", () =>
    Effect.gen(function* () {
      const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
      const url = `http://localhost:11434/api/blobs/${digest}`
      const head = Effect.map(HttpClient.head(url), ({ status }) => status)
      const upload = Effect.map(HttpClient.post(url, { body: HttpBody.text("hello") }), ({ status }) => status)
      assert.strictEqual(yield* head, 404)
      assert.strictEqual(yield* upload, 201)
      assert.strictEqual(yield* upload, 200)
      assert.strictEqual(yield* head, 200)
      const made = yield* collect({ model: "mine", files: { "m.gguf": digest } }, "/api/create")
      has(made, { status: `using existing layer ${digest}` })
      const absent = digest.replace("2c", "00")
      const failed = yield* collect({ model: "mine", files: { "m.gguf": absent } }, "/api/create")
      assert.property(failed.at(-1), "error")
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("knows an account, until it signs out", () =>
    Effect.gen(function* () {
      has((yield* json("/api/me", {})).body, { name: "ada", plan: "free" })
      same(yield* json("/api/signout", {}), { status: 200, body: null })
      const me = yield* json("/api/me", {})
      assert.strictEqual(me.status, 401)
      assert.match(me.body.signin_url, /^https:\/\/ollama\.com\/connect\?/)
      same(yield* json("/api/signout", {}), {
        status: 401,
        body: { error: "you are not currently signed in" }
      })
    }).pipe(Effect.provide(OllamaSimulator.layer({ account: { name: "ada" } })))
  )

  it.effect("searches and fetches, locally and as ollama.com", () =>
    Effect.gen(function* () {
      const found = yield* json("/api/experimental/web_search", { query: "x", max_results: 2 })
      assert.strictEqual(found.body.results.length, 2)
      assert.property((yield* json("/api/experimental/web_fetch", { url: "https://a.example" })).body, "content")
      assert.strictEqual(yield* statusOf("/api/web_search", { query: "x" }), 404)
      const cloud = (headers: Record<string, string>) =>
        HttpClient.post("https://ollama.com/api/web_search", { headers, body: HttpBody.unsafeJson({ query: "x" }) })
      assert.strictEqual((yield* cloud({})).status, 401)
      assert.strictEqual((yield* cloud({ authorization: "Bearer key" })).status, 200)
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("corrects paths by redirects, and answers browsers it allows", () =>
    Effect.gen(function* () {
      const moved = yield* get("//api/tags")
      assert.deepStrictEqual([moved.status, moved.headers["location"]], [307, "/api/tags"])
      const slash = yield* get("/api/tags/")
      assert.deepStrictEqual([slash.status, slash.headers["location"]], [301, "/api/tags"])
      const from = (origin: string) =>
        Effect.map(
          HttpClient.get("http://localhost:11434/api/version", { headers: { origin } }),
          ({ status }) => status
        )
      assert.strictEqual(yield* from("http://localhost:3000"), 200)
      assert.strictEqual(yield* from("https://app.example"), 200)
      assert.strictEqual(yield* from("https://evil.example"), 403)
      const preflight = yield* HttpClient.options("http://localhost:11434/api/chat", {
        headers: { origin: "http://localhost:3000" }
      })
      assert.strictEqual(preflight.status, 204)
    }).pipe(Effect.provide(OllamaSimulator.layer({ origins: ["https://app.example"] })))
  )

  it.effect("refuses malformed values with the words of the server", () =>
    Effect.gen(function* () {
      const refused = (extra: object) =>
        Effect.map(json("/api/chat", chat({ stream: false, ...extra })), ({ body, status }) => [status, body.error])
      assert.deepStrictEqual(yield* refused({ keep_alive: "300" }), [400, 'time: missing unit in duration "300"'])
      assert.deepStrictEqual(yield* refused({ keep_alive: "1d" }), [400, 'time: unknown unit "d" in duration "1d"'])
      assert.deepStrictEqual(yield* refused({ keep_alive: true }), [400, "Unsupported type: 'bool'"])
      assert.deepStrictEqual(yield* refused({ options: { num_ctx: "x" } }), [
        500,
        'option "num_ctx" must be of type integer'
      ])
      assert.deepStrictEqual(yield* refused({ options: { stop: "x" } }), [500, 'option "stop" must be of type array'])
      assert.deepStrictEqual(yield* refused({ think: 3 }), [
        400,
        'think must be a boolean or string ("high", "medium", "low", "max", true, or false)'
      ])
      assert.deepStrictEqual(yield* refused({ stream: "no" }), [
        400,
        "json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool"
      ])
      assert.deepStrictEqual(yield* refused({ model: "!!" }), [400, "invalid model name"])
      const generated = yield* json("/api/generate", { model: "", prompt: "x" })
      assert.deepStrictEqual([generated.status, generated.body.error], [404, "model '' not found"])
      const raw = yield* json("/api/generate", { model: "llama3.2", prompt: "x", raw: true, system: "y" })
      assert.strictEqual(raw.body.error, "raw mode does not support template, system, or context")
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("keeps a model for as long as Go's durations say", () =>
    Effect.gen(function* () {
      const expiry = (keep_alive: unknown) =>
        Effect.gen(function* () {
          yield* json("/api/generate", { model: "llama3.2", keep_alive })
          const { models } = yield* read("/api/ps")
          return models[0] === undefined ? undefined : Date.parse(models[0].expires_at)
        })
      assert.strictEqual(yield* expiry("1h30m"), 5_400_000)
      assert.strictEqual(yield* expiry("1.5s"), 1500)
      assert.strictEqual(yield* expiry(0.25), 250)
      assert.isAbove((yield* expiry(-1)) ?? 0, 200 * 365 * 86_400_000)
      assert.isAbove((yield* expiry("-1m")) ?? 0, 200 * 365 * 86_400_000)
      assert.isUndefined(yield* expiry("0s"))
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )
})
