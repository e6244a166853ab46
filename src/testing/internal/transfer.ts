/** `POST /api/pull`, `/api/push` and `/api/create`: lines of progress, the last one `success`. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Exchange, find, type Route, type Server } from "./exchange.js"
import * as json from "./json.js"
import { type Json, omitEmpty, type Refusal, refuse } from "./json.js"
import * as models from "./models.js"
import type { Installed, Name } from "./models.js"
import { texts } from "./texts.js"
import type { WireAnswer } from "./types.js"

/** One line: what it says, and the time before it. */
interface Step {
  readonly line: Json
  readonly delay: number
}

const say = (status: string): Step => ({ line: { status }, delay: 0 })

const failed = (error: string): Step => ({ line: { error }, delay: 0 })

const parts = 5

const download = (verb: string, model: Installed, delay: number): ReadonlyArray<Step> =>
  Array.from({ length: parts + 1 }, (_, index) => ({
    line: {
      status: `${verb} ${model.digest.slice(0, 12)}`,
      digest: `sha256:${model.digest}`,
      ...omitEmpty({ total: model.size, completed: Math.round((model.size * index) / parts) })
    },
    delay: index === 0 ? 0 : delay / parts
  }))

/**
 * The lines one by one, with what is to happen before the last one. As one answer (`stream: false`): the last line,
 * with status 500 when it is an error.
 */
const send = (
  exchange: Exchange,
  steps: ReadonlyArray<Step>,
  commit: Effect.Effect<void>,
  streams: boolean
): Effect.Effect<WireAnswer, Refusal> => {
  const at = (index: number): Effect.Effect<Json | undefined> => {
    const step = steps[index]
    if (step === undefined) return Effect.succeed(undefined)
    const last = index === steps.length - 1
    return Effect.sleep(Duration.millis(step.delay)).pipe(
      Effect.zipRight(last ? commit : Effect.void),
      Effect.map(() => step.line)
    )
  }
  if (!streams) {
    return Effect.gen(function* () {
      let line: Json = {}
      for (let index = 0; index < steps.length; index++) line = (yield* at(index)) ?? line
      if (typeof line["error"] === "string") return yield* refuse(500, line["error"])
      return json.whole(200, "application/json", json.bytes(json.encode(line)))
    })
  }
  const body = Stream.unfoldEffect(0, (index) =>
    Effect.map(at(index), (line) => {
      if (line === undefined) return Option.none()
      if (index === steps.length - 1) exchange.complete()
      return Option.some([json.line(line), index + 1] as const)
    })
  )
  return Effect.succeed({ status: 200, headers: { "content-type": "application/x-ndjson" }, body })
}

interface Request {
  readonly body: Json
  readonly sent: string
  readonly name: Name
  readonly streams: boolean
}

const understand = (exchange: Exchange, struct: string): Effect.Effect<Request, Refusal> =>
  Effect.gen(function* () {
    const body = yield* json.parse(exchange.request.body, {
      struct,
      types: {
        model: ["string", "string"],
        name: ["string", "string"],
        stream: ["bool", "bool"],
        from: ["string", "string"],
        files: ["object", "map[string]string"]
      }
    })
    const sent = json.stringOf(body["model"] ?? body["name"])
    const name = models.parseName(sent)
    if (name === undefined) {
      return yield* refuse(400, sent === "" && struct === "PushRequest" ? "model is required" : "invalid model name")
    }
    return { body, sent, name, streams: body["stream"] !== false }
  })

const install = (server: Server, model: Installed) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    server.installed.set(model.name.toLowerCase(), { ...model, modifiedAt: now })
  })

const notFound: string = JSON.parse(texts["registry.notFound"].body).error

const pullTime = (server: Server): number => Duration.toMillis(server.options.pullTime ?? 0)

/** Finishing lines of a pull whose layers are all there. */
const written = ["verifying sha256 digest", "writing manifest"].map(say)

const pulling = (server: Server, model: Installed): ReadonlyArray<Step> => [
  say("pulling manifest"),
  ...download("pulling", model, find(server, model.name) === undefined ? pullTime(server) : 0),
  ...written
]

export const pull: Route = (exchange) =>
  Effect.gen(function* () {
    const { server } = exchange
    const { name, streams } = yield* understand(exchange, "PullRequest")
    const model = find(server, name.short) ?? server.registry.get(name.short.toLowerCase())
    if (model === undefined) {
      return yield* send(exchange, [say("pulling manifest"), failed(notFound)], Effect.void, streams)
    }
    return yield* send(exchange, [...pulling(server, model), say("success")], install(server, model), streams)
  })

export const push: Route = (exchange) =>
  Effect.gen(function* () {
    const { server } = exchange
    const { name, streams } = yield* understand(exchange, "PushRequest")
    const model = find(server, name.short)
    const path = name.full.replace(/:([^:]+)$/, "/$1")
    const steps =
      model === undefined
        ? [
            say("retrieving manifest"),
            say("couldn't retrieve manifest"),
            failed(`open /root/.ollama/models/manifests/${path}: no such file or directory`)
          ]
        : [
            say("retrieving manifest"),
            ...download("pushing", model, pullTime(server)),
            say("pushing manifest"),
            say("success")
          ]
    return yield* send(exchange, steps, Effect.void, streams)
  })

const layer = (content: string) => say(`creating new layer sha256:${models.pseudoDigest(content)}`)

/** The model a create starts from, and the lines up to it. */
const source = (
  server: Server,
  request: Request
): { readonly steps: ReadonlyArray<Step>; readonly base?: Installed } => {
  const { body } = request
  if (typeof body["from"] !== "string" || body["from"] === "") {
    const files = json.isObject(body["files"]) ? Object.values(body["files"]).map(String) : []
    const missing = files.find((digest) => !server.blobs.has(digest))
    return missing === undefined
      ? {
          steps: [
            say("parsing GGUF"),
            say("verifying conversion"),
            ...files.map((d) => say(`using existing layer ${d}`))
          ],
          base: models.install(request.name.short, server.options, 0)
        }
      : { steps: [failed(`open /root/.ollama/models/blobs/${missing.replace(":", "-")}: no such file or directory`)] }
  }
  const short = models.parseName(body["from"])?.short
  const installed = find(server, short)
  if (installed !== undefined) {
    return { steps: [say(`using existing layer sha256:${installed.digest}`)], base: installed }
  }
  const model = short === undefined ? undefined : server.registry.get(short.toLowerCase())
  return model === undefined
    ? { steps: [say("pulling manifest"), failed(notFound)] }
    : { steps: pulling(server, model), base: model }
}

export const create: Route = (exchange) =>
  Effect.gen(function* () {
    const { server } = exchange
    const request = yield* understand(exchange, "CreateRequest")
    const { body, name, streams } = request
    if (body["from"] === undefined && body["files"] === undefined) {
      return yield* refuse(400, "neither 'from' or 'files' was specified")
    }
    const { base, steps } = source(server, request)
    if (base === undefined) return yield* send(exchange, steps, Effect.void, streams)
    const model: Installed = {
      ...base,
      name: name.short,
      digest: models.pseudoDigest(`${name.short}${base.digest}`),
      details: { ...base.details, parent_model: typeof body["from"] === "string" ? body["from"] : "" },
      ...(typeof body["system"] === "string" ? { system: body["system"] } : {})
    }
    const lines = [
      ...steps,
      ...["template", "system", "parameters"].filter((key) => body[key] !== undefined).map(layer),
      say("writing manifest"),
      say("success")
    ]
    return yield* send(exchange, lines, install(server, model), streams)
  })
