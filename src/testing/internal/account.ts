/** Version, status, the account, and what the server asks its cloud for. */
import * as Effect from "effect/Effect"
import type { Exchange, Route } from "./exchange.js"
import * as json from "./json.js"
import { type Refusal, refuse } from "./json.js"
import { pseudoDigest } from "./models.js"
import { texts, type TextName } from "./texts.js"

const refusal = (name: TextName): Refusal => refuse(texts[name].status, JSON.parse(texts[name].body))

export const root: Route = () =>
  Effect.succeed(json.whole(200, "text/plain; charset=utf-8", json.bytes("Ollama is running")))

export const version: Route = ({ server }) => Effect.succeed(json.answer({ version: `${server.version}-simulator` }))

export const status: Route = ({ server }) => {
  const disabled = server.options.cloudDisabled === true
  return Effect.succeed(json.answer({ cloud: { disabled, source: disabled ? "env" : "none" } }))
}

export const me: Route = ({ server }) =>
  Effect.suspend(() => {
    const { account } = server
    if (account === undefined) return Effect.fail(refusal("cloud.unauthorized"))
    const { email = `${account.name}@example.com`, name, plan = "free" } = account
    return Effect.succeed(json.answer({ id: pseudoDigest(name).slice(0, 32), email, name, plan }))
  })

export const signOut: Route = ({ server }) =>
  Effect.suspend(() => {
    if (server.account === undefined) return Effect.fail(refusal("cloud.notSignedIn"))
    server.account = undefined
    return Effect.succeed(json.answer(null))
  })

/** Through the local server: forbidden when its cloud is off, otherwise answered for whoever asks. */
const local = (exchange: Exchange, off: TextName): Effect.Effect<void, Refusal> =>
  exchange.server.options.cloudDisabled === true ? Effect.fail(refusal(off)) : Effect.void

/** On ollama.com itself an API key is needed; it is not looked at. */
const direct = (exchange: Exchange): Effect.Effect<void, Refusal> =>
  /^bearer \S/i.test(exchange.request.headers["authorization"] ?? "")
    ? Effect.void
    : Effect.fail(refusal("cloud.unauthorizedBare"))

const search = (exchange: Exchange) =>
  Effect.map(
    json.parse(exchange.request.body, {
      struct: "WebSearchRequest",
      types: { query: ["string", "string"], max_results: ["int", "int"] }
    }),
    (body) => {
      const wanted = typeof body["max_results"] === "number" ? body["max_results"] : 5
      return json.answer({
        results: Array.from({ length: Math.min(10, Math.max(1, wanted)) }, (_, index) => ({
          title: `Simulated result ${index + 1}`,
          url: `https://example.com/${index + 1}`,
          content: "The effect-ollama simulator searches nothing."
        }))
      })
    }
  )

const fetched = (exchange: Exchange) =>
  Effect.map(
    json.parse(exchange.request.body, { struct: "WebFetchRequest", types: { url: ["string", "string"] } }),
    () =>
      json.answer({
        title: "Simulated page",
        content: "The effect-ollama simulator fetches nothing.",
        links: ["https://example.com/"]
      })
  )

export const webSearch: Route = (exchange) => Effect.zipRight(local(exchange, "cloud.disabledSearch"), search(exchange))

export const webFetch: Route = (exchange) => Effect.zipRight(local(exchange, "cloud.disabledFetch"), fetched(exchange))

export const cloudSearch: Route = (exchange) => Effect.zipRight(direct(exchange), search(exchange))

export const cloudFetch: Route = (exchange) => Effect.zipRight(direct(exchange), fetched(exchange))

export const recommendations: Route = ({ server }) =>
  Effect.sync(() =>
    json.answer({
      recommendations: [...server.registry.values()].map((model) => ({
        model: model.name,
        description: "Simulated",
        context_length: model.contextLength,
        vram_bytes: model.size
      }))
    })
  )
