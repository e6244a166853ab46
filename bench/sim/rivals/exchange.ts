/** One chat with one host, as a proxy or a plain client has it. */
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Scenario } from "../scenario.js"
import { promptOf } from "../servers.js"
import type { Request } from "../traffic.js"

/** What a client without a table of failures can tell apart. */
export class Lost extends Data.TaggedError("Lost")<{
  readonly how: "refused" | "connect timeout" | "broken" | "first byte" | "status" | "error line" | "truncated"
}> {}

const connectionCodes = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"])

const codeOf = (error: unknown): unknown => {
  const cause = Predicate.hasProperty(error, "cause") ? error.cause : undefined
  const inner = Predicate.hasProperty(cause, "cause") ? cause.cause : undefined
  return [error, cause, inner]
    .map((e) => (Predicate.hasProperty(e, "code") ? e.code : undefined))
    .find(Predicate.isString)
}

const ofTransport = (error: unknown): Lost => {
  const code = codeOf(error)
  return new Lost({
    how:
      code === "UND_ERR_CONNECT_TIMEOUT"
        ? "connect timeout"
        : Predicate.isString(code) && connectionCodes.has(code)
          ? "refused"
          : "broken"
  })
}

export const chat = (
  http: HttpClient.HttpClient,
  scenario: Scenario,
  host: string,
  request: Request,
  onFirst: () => void
): Effect.Effect<void, Lost> =>
  Effect.gen(function* () {
    const body = HttpBody.unsafeJson({
      model: scenario.models[request.model]!.name,
      messages: [{ role: "user", content: promptOf(request) }]
    })
    const response = yield* http.post(`${host}/api/chat`, { body })
    if (response.status !== 200) return yield* new Lost({ how: "status" })
    // Ollama sends its headers with the first token
    onFirst()
    const text = yield* response.text
    if (/"error":/.test(text)) return yield* new Lost({ how: "error line" })
    if (!/"done":true/.test(text)) return yield* new Lost({ how: "truncated" })
  }).pipe(Effect.catchAll((error) => (error instanceof Lost ? error : ofTransport(error))))

/** The models that `/api/ps` lists. */
export const running = (http: HttpClient.HttpClient, host: string): Effect.Effect<ReadonlySet<string>, Lost> =>
  http.get(`${host}/api/ps`).pipe(
    Effect.flatMap((response) => response.text),
    Effect.mapBoth({
      onFailure: ofTransport,
      onSuccess: (text) => new Set([...text.matchAll(/"name":"([^"]+?)(?::latest)?"/g)].map(([, name]) => name!))
    })
  )

export const isUp = (http: HttpClient.HttpClient, host: string): Effect.Effect<boolean> =>
  http.get(`${host}/api/version`).pipe(
    Effect.flatMap((response) => response.text),
    Effect.isSuccess
  )
