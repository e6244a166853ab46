/**
 * Every answer of a real server that was recorded, decoded: nothing is refused and nothing is lost.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import * as Account from "../../src/api/Account.js"
import * as Chat from "../../src/api/Chat.js"
import * as Embed from "../../src/api/Embed.js"
import * as Fold from "../../src/api/Fold.js"
import * as Generate from "../../src/api/Generate.js"
import * as Model from "../../src/api/Model.js"

const Exchange = Schema.parseJson(
  Schema.Struct({
    name: Schema.String,
    request: Schema.Struct({ method: Schema.String, path: Schema.String, body: Schema.optional(Schema.Unknown) }),
    response: Schema.NullishOr(Schema.Struct({ status: Schema.Number })),
    error: Schema.Unknown,
    chunks: Schema.Array(Schema.Struct({ text: Schema.String }))
  })
)

/** The schemas of an endpoint: of what is sent, where it has a body, and of each line of the answer. */
const endpoint = <A, I, B, J>(answer: Schema.Schema<A, I>, request?: Schema.Schema<B, J>) => ({
  decode: (line: unknown): unknown =>
    Schema.decodeUnknownSync(answer)(line, { onExcessProperty: "preserve", errors: "all" }),
  resend:
    request &&
    ((body: unknown): unknown =>
      Schema.encodeSync(request)(Schema.decodeUnknownSync(request)(body, { onExcessProperty: "error" })))
})

const endpoints: Readonly<Record<string, ReturnType<typeof endpoint>>> = {
  "POST /api/chat": endpoint(Chat.ChatChunk, Chat.ChatRequest),
  "POST /api/generate": endpoint(Generate.GenerateChunk, Generate.GenerateRequest),
  "POST /api/embed": endpoint(Embed.EmbedResponse, Embed.EmbedRequest),
  "POST /api/embeddings": endpoint(Embed.EmbeddingsResponse, Embed.EmbeddingsRequest),
  "GET /api/tags": endpoint(Model.ListResponse),
  "GET /api/ps": endpoint(Model.RunningResponse),
  "POST /api/show": endpoint(Model.ShowResponse, Model.ShowRequest),
  "POST /api/pull": endpoint(Model.ProgressResponse, Model.PullRequest),
  "POST /api/push": endpoint(Model.ProgressResponse, Model.PushRequest),
  "POST /api/create": endpoint(Model.ProgressResponse, Model.CreateRequest),
  "GET /api/version": endpoint(Model.VersionResponse),
  "GET /api/status": endpoint(Account.StatusResponse)
}

/** Answers without a body, and those of other protocols. */
const without =
  /^(DELETE \/api\/delete|POST \/api\/copy|(HEAD|POST) \/api\/blobs\/.*|OPTIONS .*|(GET|HEAD) \/|\S+ \/v1\/.*)$/

const isError = (line: unknown): boolean => typeof line === "object" && line !== null && "error" in line

const isRecord = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null

const exchanges = ["v0.24", "v0.33"].flatMap((version) => {
  const folder = new URL(`../wire/recorded/${version}/`, import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({ ...Schema.decodeSync(Exchange)(readFileSync(new URL(file, folder), "utf8")), version }))
})

const successes = exchanges
  .filter(({ response }) => response != null && response.status < 300)
  .map((exchange) => {
    const { chunks, error, request } = exchange
    // a recording that broke off may end inside a line
    const text = chunks.map((chunk) => chunk.text).join("")
    const lines = (error == null ? text : text.slice(0, text.lastIndexOf("\n") + 1)).split("\n").filter(Boolean)
    return { ...exchange, key: `${request.method} ${request.path}`, lines }
  })

const decodable = successes.filter(({ key }) => !without.test(key))

describe("recorded answers", () => {
  it("are all known endpoints, from both servers", () => {
    const unknown = decodable.filter(({ key }) => endpoints[key] === undefined)
    assert.deepStrictEqual(unknown, [])
    const seen = (version: string) => new Set(decodable.filter((one) => one.version === version).map(({ key }) => key))
    assert.sameMembers([...seen("v0.24")], Object.keys(endpoints))
    assert.sameMembers([...seen("v0.33")], Object.keys(endpoints))
  })

  for (const { key, lines, name, request, version } of decodable) {
    it(`${version} ${name}`, () => {
      const { decode, resend } = endpoints[key]!
      assert.isNotEmpty(lines)
      for (const line of lines) {
        const json: unknown = JSON.parse(line)
        if (isError(json)) assert.throws(() => decode(json))
        else assert.deepStrictEqual(decode(json), json)
      }
      if (resend && isRecord(request.body)) {
        const { stream: _, ...body } = request.body
        assert.deepStrictEqual(resend(body), body)
      }
    })
  }

  it("fold to the texts of their lines", () => {
    const finished = decodable.filter(
      ({ key, lines }) => key === "POST /api/chat" && !isError(JSON.parse(lines.at(-1)!))
    )
    let complete = 0
    for (const { error, lines, name } of finished) {
      const chunks = lines.map((line) => Schema.decodeUnknownSync(Chat.ChatChunk)(JSON.parse(line)))
      const fold = Fold.chat()
      for (const chunk of chunks) fold.add(chunk)
      const result = fold.result()
      assert.strictEqual(result === undefined, error != null, name)
      if (result === undefined) continue
      complete++
      assert.strictEqual(result.message.content, chunks.map((chunk) => chunk.message.content).join(""))
      assert.strictEqual(result.message.thinking ?? "", chunks.map((chunk) => chunk.message.thinking ?? "").join(""))
      assert.deepStrictEqual({ ...result, message: chunks.at(-1)!.message }, { ...chunks.at(-1)!, done: true })
    }
    assert.isAbove(complete, 20)
  })
})
