/** Request values to what is sent, checked before anything is: a bad field is named. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Timeouts from "../policy/Timeouts.js"
import type { Codec } from "../internal/codec.js"
import * as Context from "../internal/context.js"
import { defined } from "../internal/defined.js"
import type { Endpoint } from "../internal/endpoint.js"
import type * as Host from "../internal/host.js"
import * as Unsayable from "../internal/unsayable.js"
import * as Words from "../internal/words.js"
import * as OllamaError from "../OllamaError.js"
import type * as Attempt from "./attempt.js"
import type { Call } from "./running.js"
import * as Residency from "./residency.js"

type Issue = OllamaError.InvalidRequest["issue"]

/** `messages[0].images[1]` */
const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`),
    ""
  )

const issueOf = (field: string): Issue =>
  /^(model|source|destination|from)$/.test(field)
    ? "modelName"
    : field.startsWith("options")
      ? "option"
      : /^format\b/.test(field)
        ? "format"
        : field === "digest"
          ? field
          : "malformed"

/** A failure before anything was sent. */
export const invalid = (
  host: Host.Host,
  endpoint: Endpoint,
  options: {
    readonly issue: Issue
    readonly field: string
    readonly why: string
    readonly model?: string | undefined
    readonly request?: unknown
  }
): Effect.Effect<never, OllamaError.OllamaError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.fail(
      Context.make(
        (common) =>
          new OllamaError.InvalidRequest({
            ...common,
            issue: options.issue,
            field: options.field,
            remedy: `Correct ${options.field}: ${options.why}`.replace(/\s+/g, " ")
          }),
        {
          ...defined({ model: options.model || undefined }),
          host: host.address.url,
          endpoint: endpoint.path,
          secrets: host.secrets,
          request: options.request,
          startedAt: now
        },
        { phase: "prepare", now }
      )
    )
  )

/** A field, and what is wrong with it. */
export interface Problem {
  readonly field: string
  readonly why: string
}

/** The problems of a parse, without the values that are wrong: they may be prompts. The field of the whole is empty. */
export const problems = (error: ParseResult.ParseError): ReadonlyArray<Problem> =>
  ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => ({
    field: pathText(path),
    why: message.replace(/, actual [\s\S]*$/, "")
  }))

/** The first problem of a request. */
const firstProblem = (error: ParseResult.ParseError): Problem => {
  const { field = "", why = "it is not valid" } = problems(error)[0] ?? {}
  return { field: field || "request", why }
}

/** What is open in a request (options, formats, arguments) may hold anything. */
const sayable = <Body>(body: Body): Either.Either<Body, Problem> => {
  const found = Unsayable.find(body)
  return found === undefined ? Either.right(body) : Either.left({ field: pathText(found.path), why: found.why })
}

/**
 * Checks and encodes a request by its schema. Top-level fields that the schema does not have are refused; deeper ones are
 * sent, such as those that a message of an answer had.
 */
export const encoder = <A, I, Fields extends Schema.Struct.Fields>(
  endpoint: Endpoint,
  schema: Schema.Schema<A, I> & { readonly fields: Fields }
): ((host: Host.Host, request: A) => Effect.Effect<I, OllamaError.OllamaError>) => {
  const encode = Schema.encodeUnknownEither(schema, { onExcessProperty: "preserve" })
  const known = new Set(Object.keys(schema.fields))
  return (host, request) => {
    if (!Predicate.isRecord(request)) {
      return invalid(host, endpoint, { issue: "malformed", field: "request", why: "it must be an object" })
    }
    const model = typeof request.model === "string" ? request.model : undefined
    for (const [key, value] of Object.entries(request)) {
      if (value !== undefined && !known.has(key)) {
        return invalid(host, endpoint, {
          issue: "malformed",
          field: key,
          model,
          why: key === "stream" ? "whether an answer is streamed is chosen by the method" : "there is no such field"
        })
      }
    }
    const body = Either.flatMap(Either.mapLeft(encode(defined(request)), firstProblem), sayable)
    return Either.match(body, {
      onLeft: ({ field, why }) => invalid(host, endpoint, { issue: issueOf(field), field, why, model, request }),
      onRight: Effect.succeed
    })
  }
}

export const jsonPayload = (body: unknown): Attempt.Payload => {
  // encoded once, for all attempts
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  return {
    apply: HttpClientRequest.bodyUint8Array(bytes, "application/json"),
    allowance: 0,
    size: bytes.length,
    isOneShot: false
  }
}

const noPayload: Attempt.Payload = { apply: (request) => request, allowance: 0, size: 0, isOneShot: false }

/** What has to be in this server's memory for the call; nothing, when the cloud answers it. */
const need = (
  host: Host.Host,
  endpoint: Endpoint,
  body: Record<string | symbol, unknown>
): Residency.Need | undefined => {
  const model = body.model
  const isForModel = endpoint.kind === "generation" || endpoint.kind === "embedding" || endpoint.kind === "load"
  if (!isForModel || typeof model !== "string" || host.isCloud || Residency.isCloudModel(model)) return undefined
  return Residency.need(model, body)
}

/** The most tokens that an answer may have, where the request says it. */
const answerLimit = (options: unknown): number | undefined =>
  Predicate.isRecord(options) && typeof options.num_predict === "number" && options.num_predict > 0
    ? options.num_predict
    : undefined

/** A call with a JSON body, or none. */
export const call = <A, Response>(
  host: Host.Host,
  endpoint: Endpoint,
  body: object | undefined,
  codec: (status: () => number) => Codec<A, Response>,
  settings: {
    readonly folded: boolean
    /** Asks for lines, also where one answer is wanted: else nothing is sent until the answer is complete. */
    readonly streamed: boolean
    readonly path?: string
    readonly accept?: Attempt.Plan<A, Response>["accept"]
  }
): Call<A, Response> => {
  const sent: Record<string | symbol, unknown> = { ...body }
  const model = typeof sent.model === "string" ? sent.model : typeof sent.source === "string" ? sent.source : undefined
  const facts: Timeouts.Request = {
    characters: Words.count(body),
    hasTools: Array.isArray(sent.tools) && sent.tools.length > 0,
    isTransfer: endpoint.kind === "transfer"
  }
  return {
    facts,
    answerLimit: answerLimit(sent.options),
    plan: {
      endpoint,
      path: settings.path ?? endpoint.path,
      model,
      request: body,
      payload: body === undefined ? noPayload : jsonPayload(settings.streamed ? { ...body, stream: true } : body),
      codec,
      folded: settings.folded,
      need: need(host, endpoint, sent),
      accept: settings.accept
    }
  }
}
