import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Blob from "../../src/api/Blob.js"
import * as Embed from "../../src/api/Embed.js"
import * as Generate from "../../src/api/Generate.js"
import * as Model from "../../src/api/Model.js"
import * as Web from "../../src/api/Web.js"
import { problemsOf } from "./problems.js"

const hex = "ab".repeat(32)

describe("GenerateRequest", () => {
  it("is sent in the names and forms of the wire", () => {
    const request: Generate.GenerateRequest = {
      model: "codellama",
      prompt: "def f(",
      suffix: "return x",
      system: "s",
      template: "t",
      context: [1, 2],
      raw: false,
      images: [new Uint8Array([1])],
      keep_alive: Duration.infinity,
      width: 512,
      height: 4096,
      steps: 4,
      _debug_render_only: true
    }
    assert.deepStrictEqual<unknown>(Schema.encodeSync(Generate.GenerateRequest)(request), {
      ...request,
      images: ["AQ=="],
      keep_alive: -1
    })
  })

  it("names every field that is wrong", () => {
    const paths = problemsOf(Generate.GenerateRequest, {
      model: "m",
      prompt: 5,
      context: [1.5],
      height: 4097,
      raw: "yes"
    })
    assert.deepStrictEqual(paths.map((problem) => problem.split(":")[0]).toSorted(), [
      "context.0",
      "height",
      "prompt",
      "raw"
    ])
  })

  it.effect("collect and text join its chunks", () =>
    Effect.gen(function* () {
      const chunk = (response: string, done: boolean): Generate.GenerateChunk => ({
        model: "m",
        created_at: "",
        response,
        done
      })
      const chunks = Stream.make(chunk("a", false), chunk("", false), chunk("b", true))
      assert.strictEqual((yield* Generate.collect(chunks)).response, "ab")
      assert.deepStrictEqual([...(yield* Stream.runCollect(Generate.text(chunks)))], ["a", "b"])
      const error = yield* Effect.flip(Generate.collect(Stream.take(chunks, 1)))
      assert.deepInclude(error, { _tag: "StreamInterrupted", endpoint: "/api/generate" })
      assert.strictEqual(error.partial?.text, "a")
    })
  )
})

describe("EmbedRequest", () => {
  it("takes a text or several", () => {
    assert.deepStrictEqual(problemsOf(Embed.EmbedRequest, { model: "m", input: "x" }), [])
    assert.deepStrictEqual(problemsOf(Embed.EmbedRequest, { model: "m", input: [] }), [])
    assert.deepStrictEqual(problemsOf(Embed.EmbedRequest, { model: "m", input: 5, dimensions: 0 }), [
      "input: expected a text or an array of texts",
      "dimensions: expected a whole number above 0"
    ])
  })
})

describe("answers that Go may write as null", () => {
  it("are empty arrays, but a missing field is a mistake", () => {
    assert.deepStrictEqual(Schema.decodeUnknownSync(Embed.EmbeddingsResponse)({ embedding: null }), { embedding: [] })
    assert.deepStrictEqual(Schema.decodeUnknownSync(Model.ListResponse)({ models: null }), { models: [] })
    assert.deepStrictEqual(
      Schema.decodeUnknownSync(Embed.EmbedResponse)({ model: "m", embeddings: [[1, -0.5], null] }),
      {
        model: "m",
        embeddings: [[1, -0.5], []]
      }
    )
    assert.throws(() => Schema.decodeUnknownSync(Embed.EmbedResponse)({ model: "m", embeddings: [["1"]] }), /numbers/)
    assert.throws(() => Schema.decodeUnknownSync(Embed.EmbeddingsResponse)({}), /is missing/)
    assert.throws(() => Schema.decodeUnknownSync(Model.ListResponse)({}), /is missing/)
    assert.throws(() => Schema.decodeUnknownSync(Model.VersionResponse)({}), /is missing/)
  })
})

describe("Digest", () => {
  it("is sent in the one form that the server compares with", () => {
    for (const digest of [`sha256:${hex}`, `sha256-${hex}`, `sha256-${hex.toUpperCase()}`]) {
      assert.strictEqual(Schema.encodeSync(Blob.Digest)(digest), `sha256:${hex}`)
    }
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Blob.Digest), (digest) => {
        assert.match(Schema.encodeSync(Blob.Digest)(digest), /^sha256:[0-9a-f]{64}$/)
      })
    )
  })

  it("is refused in any other", () => {
    for (const digest of [
      "",
      hex,
      `sha256:${hex.slice(1)}`,
      `sha256:${hex}0`,
      `md5:${hex}`,
      `sha256:${"g".repeat(64)}`
    ]) {
      assert.match(problemsOf(Blob.Digest, digest).join(), /expected a digest/)
    }
  })
})

describe("CreateRequest", () => {
  it("is sent in the names and forms of the wire", () => {
    assert.deepStrictEqual(
      Schema.encodeSync(Model.CreateRequest)({
        model: "mario",
        from: "llama3.2",
        files: { "a.gguf": `sha256-${hex}` },
        license: ["MIT"],
        parameters: { temperature: 1, custom: true },
        messages: [{ role: "user", content: "hi" }],
        info: { context_length: 8192, capabilities: ["tools"] }
      }),
      {
        model: "mario",
        from: "llama3.2",
        files: { "a.gguf": `sha256:${hex}` },
        license: ["MIT"],
        parameters: { temperature: 1, custom: true },
        messages: [{ role: "user", content: "hi" }],
        info: { context_length: 8192, capabilities: ["tools"] }
      }
    )
  })

  it("names the file whose digest is wrong", () => {
    assert.deepStrictEqual(problemsOf(Model.CreateRequest, { model: "m", files: { "a.gguf": "x" } }), [
      'files.a.gguf: expected a digest: "sha256:" and 64 hexadecimal digits'
    ])
  })
})

describe("the requests with a name only", () => {
  it("want one", () => {
    for (const schema of [
      Model.PullRequest,
      Model.PushRequest,
      Model.ShowRequest,
      Model.RemoveRequest,
      Model.UnloadRequest
    ]) {
      assert.match(problemsOf(schema, { model: "" }).join(), /^model: expected the name/)
    }
    assert.match(
      problemsOf(Model.CopyRequest, { source: "a", destination: " b" }).join(),
      /^destination: expected the name/
    )
    assert.deepStrictEqual(
      Schema.encodeSync(Model.LoadRequest)({ model: "m", keep_alive: Duration.hours(1), options: { num_ctx: 4096 } }),
      { model: "m", keep_alive: 3600, options: { num_ctx: 4096 } }
    )
  })
})

describe("Web", () => {
  it("sends max_results, which the server reads", () => {
    assert.deepStrictEqual(Schema.encodeSync(Web.SearchRequest)({ query: "effect", max_results: 3 }), {
      query: "effect",
      max_results: 3
    })
    assert.lengthOf(problemsOf(Web.SearchRequest, { query: "", max_results: 0 }), 2)
    assert.lengthOf(problemsOf(Web.FetchRequest, { url: "" }), 1)
  })
})
