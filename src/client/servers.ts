/** The servers of a client: its own, and those that its policy falls back to, with one policy and one budget for all. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Address from "../internal/address.js"
import { TellsConnections } from "../internal/connected.js"
import { ConnectLimit } from "../internal/connectLimit.js"
import type * as Endpoint from "../internal/endpoint.js"
import * as Host from "../internal/host.js"
import { Soon } from "../internal/soon.js"
import { TransportSecrets } from "../internal/transportSecrets.js"
import * as OllamaConfig from "../OllamaConfig.js"
import type * as OllamaError from "../OllamaError.js"
import type { Policy } from "../policy/Policy.js"
import * as RetryBudget from "../policy/RetryBudget.js"
import * as Guards from "./guards.js"
import type { Hub } from "./hub.js"
import * as Offline from "./offline.js"
import type * as Preload from "./preload.js"
import * as Probe from "./probe.js"
import * as Request from "./request.js"
import * as Residency from "./residency.js"
import type { Server } from "./server.js"

export interface Servers {
  readonly own: Server
  /** The server at another address; credentials and headers of the client's own do not go there. */
  readonly at: (
    address: string | undefined,
    endpoint: Endpoint.Endpoint
  ) => Effect.Effect<Server, OllamaError.OllamaError>
  readonly policy: () => Policy
  /** All that have been asked so far. */
  readonly all: () => ReadonlyArray<Server>
  /** For retries and hedges on all of them. */
  readonly budget: () => RetryBudget.Budget | undefined
  /** Another policy from now on; what did not change in it keeps its memory. */
  readonly retune: (policy: Policy) => Effect.Effect<void>
}

export const make = (options: {
  readonly address: Address.Address
  readonly client: HttpClient.HttpClient.With<HttpClientError, Scope.Scope>
  readonly apiKey?: Redacted.Redacted | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly policy: Policy
  readonly hub: Hub
  /** Learns of the end of each load that the client owns. */
  readonly onLoad: (host: string, ended: Preload.Ended) => void
}): Effect.Effect<Servers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const connectLimit = yield* ConnectLimit
    const soon = yield* Soon
    const tellsConnections = yield* TellsConnections
    const transportSecrets = yield* TransportSecrets
    const others = new Map<string, Server>()
    let policy = options.policy
    let budget: RetryBudget.Budget | undefined

    const tuneBudget = Effect.suspend(() =>
      Effect.map(
        Guards.tuned(budget, policy.budget, RetryBudget.make, (part, value) => part.unsafeRetune(value)),
        (part) => {
          budget = part
        }
      )
    ).pipe(Scope.extend(scope))

    const server = (
      address: Address.Address,
      sent: Pick<Parameters<typeof Host.make>[0], "apiKey" | "headers">
    ): Effect.Effect<Server> => {
      const host = Host.make({
        ...sent,
        address,
        client: options.client,
        isCloud: Address.isCloud(address),
        connectLimit,
        soon,
        tellsConnections,
        transportSecrets
      })
      const { hub } = options
      const onLoad = (ended: Preload.Ended): void => {
        options.onLoad(address.url, ended)
        if (!hub.isHeard()) return
        const { model, outcome, took } = ended
        hub.tell({
          _tag: "Load",
          host: address.url,
          model,
          outcome: typeof outcome === "string" ? outcome : outcome._tag,
          took: Duration.millis(took)
        })
      }
      return Effect.map(Guards.make(policy, address.url, scope, hub), (guards) => ({
        host,
        residency: Residency.make(host, scope, onLoad),
        guards,
        gate: Offline.make(host, scope, guards.answered),
        probe: Probe.make(host)
      }))
    }

    yield* tuneBudget
    const own = yield* server(options.address, options)

    const other = (address: Address.Address): Effect.Effect<Server> =>
      Effect.uninterruptible(
        Effect.suspend(() => {
          const known = address.url === own.host.address.url ? own : others.get(address.url)
          if (known !== undefined) return Effect.succeed(known)
          return Effect.map(server(address, {}), (made) => {
            const meanwhile = others.get(address.url)
            if (meanwhile !== undefined) return meanwhile
            others.set(address.url, made)
            return made
          })
        })
      )

    return {
      own,
      at: (address, endpoint) =>
        address === undefined
          ? Effect.succeed(own)
          : Effect.matchEffect(OllamaConfig.address(address), {
              onSuccess: other,
              onFailure: () =>
                Request.invalid(own.host, endpoint, {
                  issue: "address",
                  field: "policy.fallback.host",
                  why: "it is no address of a server"
                })
            }),
      policy: () => policy,
      all: () => [own, ...others.values()],
      budget: () => budget,
      retune: (next) =>
        Effect.uninterruptible(
          Effect.suspend(() => {
            policy = next
            return Effect.zipRight(
              tuneBudget,
              Effect.forEach([own, ...others.values()], ({ guards }) => guards.retune(next), { discard: true })
            )
          })
        )
    }
  })
