/** Which models a host has installed, asked when it joins and when it comes back: what it lacks, and how large the others are. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Residency from "../client/residency.js"
import * as Endpoint from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import * as Send from "../internal/send.js"

/** The most bytes of the list that are read: some thousand models. */
const limit = 4 * 1024 * 1024
/** How long it is waited for; it tells nothing that a call would not find out. */
const patience = "5 seconds"

const read = (text: string): ReadonlyMap<string, number> | undefined => {
  try {
    const json: unknown = JSON.parse(text)
    if (!Predicate.isRecord(json) || !Array.isArray(json.models)) return undefined
    return new Map(
      json.models
        .filter(Predicate.isRecord)
        .flatMap(({ model, name = model, size }) =>
          typeof name === "string" ? [[Residency.normalName(name), typeof size === "number" ? size / 1e9 : 0]] : []
        )
    )
  } catch {
    // not Ollama's: nothing is known
    return undefined
  }
}

/** By name, in 10^9 bytes; undefined where it does not say. */
export const of = (host: Host.Host): Effect.Effect<ReadonlyMap<string, number> | undefined> =>
  Effect.scoped(
    Effect.flatMap(
      host.client.execute(Host.request(host, Endpoint.list.method, Endpoint.list.path, "application/json")),
      (response) => Effect.map(Send.text(response, limit), (text) => (response.status === 200 ? read(text) : undefined))
    )
  ).pipe(
    // whatever is wrong, the first call will find out and say so
    Effect.catchAllCause(() => Effect.succeed(undefined)),
    Effect.timeoutTo({ duration: patience, onSuccess: (models) => models, onTimeout: () => undefined })
  )
