/** The installed models: list, show, copy, delete, what is running, and the blobs. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Exchange, find, type Route } from "./exchange.js"
import * as json from "./json.js"
import { type Json, type Refusal, refuse } from "./json.js"
import * as models from "./models.js"
import * as runners from "./runner.js"

export const list: Route = ({ server }) =>
  Effect.sync(() => json.answer({ models: [...server.installed.values()].map(models.listEntry) }))

export const running: Route = ({ server }) =>
  Effect.gen(function* () {
    if (server.options.psBlocksDuringLoad === true) yield* server.scheduler.quiet
    const now = yield* Clock.currentTimeMillis
    const loaded = yield* server.scheduler.loaded
    return json.answer({
      models: loaded.map((runner) =>
        models.runningEntry(runner.model, runners.expiry(runner, now), runner.settings.num_ctx, now)
      )
    })
  })

const named = (exchange: Exchange, struct: string): Effect.Effect<{ body: Json; sent: string }, Refusal> =>
  Effect.map(
    json.parse(exchange.request.body, { struct, types: { model: ["string", "string"], name: ["string", "string"] } }),
    (body) => ({ body, sent: json.stringOf(body["model"] ?? body["name"]) })
  )

export const show: Route = (exchange) =>
  Effect.gen(function* () {
    const { body, sent } = yield* named(exchange, "ShowRequest")
    if (sent === "") return yield* refuse(400, "model is required")
    const name = models.parseName(sent)
    if (name === undefined) return yield* refuse(400, "invalid model name")
    const model = find(exchange.server, name.short)
    if (model === undefined) return yield* refuse(404, `model '${name.short}' not found`)
    return json.answer(models.shown(model, body))
  })

export const remove: Route = (exchange) =>
  Effect.gen(function* () {
    const { sent } = yield* named(exchange, "DeleteRequest")
    const name = models.parseName(sent)
    if (name === undefined) return yield* refuse(400, `name ${JSON.stringify(sent)} is invalid`)
    const model = find(exchange.server, name.short)
    if (model === undefined) return yield* refuse(404, `model '${sent}' not found`)
    exchange.server.installed.delete(name.short.toLowerCase())
    yield* exchange.server.scheduler.unload(model.name)
    return json.empty()
  })

export const copy: Route = (exchange) =>
  Effect.gen(function* () {
    const body = yield* json.parse(exchange.request.body, {
      struct: "CopyRequest",
      types: { source: ["string", "string"], destination: ["string", "string"] }
    })
    const source = models.parseName(body["source"])
    const destination = models.parseName(body["destination"])
    const quoted = (key: string) => JSON.stringify(json.stringOf(body[key]))
    if (source === undefined) return yield* refuse(400, `source ${quoted("source")} is invalid`)
    if (destination === undefined) return yield* refuse(400, `destination ${quoted("destination")} is invalid`)
    const model = find(exchange.server, source.short)
    if (model === undefined) return yield* refuse(404, `model ${quoted("source")} not found`)
    exchange.server.installed.set(destination.short.toLowerCase(), {
      ...model,
      name: destination.short,
      modifiedAt: yield* Clock.currentTimeMillis
    })
    return json.empty()
  })

const digestOf = (path: string): string | undefined => {
  const hex = /^\/api\/blobs\/sha256[:-]([0-9a-f]{64})$/.exec(decodeURIComponent(path))?.[1]
  return hex === undefined ? undefined : `sha256:${hex}`
}

export const hasBlob: Route = ({ request, server }) =>
  Effect.suspend(() => {
    const digest = digestOf(request.path)
    if (digest === undefined) return Effect.fail(refuse(400, "invalid digest format"))
    return server.blobs.has(digest)
      ? Effect.succeed(json.empty())
      : Effect.fail(refuse(404, `blob ${JSON.stringify(digest)} not found`))
  })

const sha256 = (content: Uint8Array): Effect.Effect<string, Refusal> =>
  Effect.tryPromise({
    try: () => globalThis.crypto.subtle.digest("SHA-256", Uint8Array.from(content)),
    catch: () => refuse(500, "sha256 is not available here")
  }).pipe(
    Effect.map(
      (hash) => `sha256:${Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("")}`
    )
  )

export const uploadBlob: Route = ({ request, server }) =>
  Effect.gen(function* () {
    const digest = digestOf(request.path)
    if (digest === undefined) return yield* refuse(400, "invalid digest format")
    if (server.blobs.has(digest)) return json.empty()
    const actual = yield* sha256(request.body)
    if (actual !== digest) {
      return yield* refuse(400, `digest mismatch, expected ${JSON.stringify(digest)}, got ${JSON.stringify(actual)}`)
    }
    server.blobs.add(digest)
    return json.empty(201)
  })
