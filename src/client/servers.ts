/**
 * The servers of a client: its own, or those of a fleet, and those that its policy falls back to, with one policy and one
 * budget for all.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
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
import * as Policy from "../policy/Policy.js"
import * as RetryBudget from "../policy/RetryBudget.js"
import * as Guards from "./guards.js"
import type { Hub } from "./hub.js"
import * as Offline from "./offline.js"
import type * as Preload from "./preload.js"
import * as Probe from "./probe.js"
import * as Request from "./request.js"
import * as Residency from "./residency.js"
import type { Server } from "./server.js"

/** Where a server is, what is sent along, and what is different there. */
export interface Sent {
  readonly address: Address.Address
  readonly apiKey?: Redacted.Redacted | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly patch?: Policy.Changes | undefined
}

export interface Servers {
  /** The client's own; in a fleet one that is nowhere, in whose name calls are refused before they have a server. */
  readonly own: Server
  /** The server at another address; credentials and headers of the client's own do not go there. */
  readonly at: (
    address: string | undefined,
    endpoint: Endpoint.Endpoint
  ) => Effect.Effect<Server, OllamaError.OllamaError>
  readonly policy: () => Policy.Policy
  /** All that have been asked so far. */
  readonly all: () => ReadonlyArray<Server>
  /** For retries and hedges on all of them. */
  readonly budget: () => RetryBudget.Budget | undefined
  /** Another policy from now on; what did not change in it keeps its memory. */
  readonly retune: (policy: Policy.Policy) => Effect.Effect<void>
  /** One more server of a fleet; what is sent to one that is there already, and what is different there, from now on. */
  readonly add: (sent: Sent) => Effect.Effect<Server>
  /** Without the server at this address, and all that is held of it. */
  readonly remove: (url: string) => Effect.Effect<void>
}

/** The server of a fleet that is none. */
export const nowhere: Address.Address = { url: "fleet", scheme: "http", hostname: "fleet", port: 0, path: "" }

interface Known {
  readonly server: Server
  readonly scope: Scope.CloseableScope
  readonly policy: () => Policy.Policy
  /** What is different there. */
  patch: Policy.Changes | undefined
}

export const make = (options: {
  readonly own: Sent
  readonly client: HttpClient.HttpClient.With<HttpClientError, Scope.Scope>
  readonly policy: Policy.Policy
  readonly hub: Hub
  /** Learns of the end of each load that the client owns. */
  readonly onLoad: (host: string, ended: Preload.Ended) => void
}): Effect.Effect<Servers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const connectLimit = yield* ConnectLimit
    const soon = yield* Soon
    const telling = yield* TellsConnections
    const transportSecrets = yield* TransportSecrets
    const others = new Map<string, Known>()
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

    /** With what is different there, as far as the two can be meant together. */
    const policyWith = (patch: Policy.Changes | undefined): Policy.Policy =>
      patch === undefined ? policy : Either.getOrElse(Policy.applyEither(policy, patch), () => policy)

    const known = ({ patch, ...sent }: Sent): Effect.Effect<Known> =>
      Effect.gen(function* () {
        const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
        const { address } = sent
        const host = Host.make({
          ...sent,
          client: options.client,
          isCloud: Address.isCloud(address),
          connectLimit,
          soon,
          telling,
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
        const guards = yield* Guards.make(policyWith(patch), address.url, own, hub, () => void host.changes++)
        let merged:
          | { readonly base: Policy.Policy; readonly patch: Policy.Changes | undefined; readonly policy: Policy.Policy }
          | undefined
        const policyHere = (): Policy.Policy => {
          if (merged?.base === policy && merged.patch === one.patch) return merged.policy
          merged = { base: policy, patch: one.patch, policy: policyWith(one.patch) }
          return merged.policy
        }
        const server: Server = {
          host,
          residency: Residency.make(host, own, onLoad),
          guards,
          gate: Offline.make(host, own, guards.answered),
          probe: Probe.make(host),
          policy: () => (one.patch === undefined ? undefined : policyHere())
        }
        const one: Known = { server, scope: own, policy: policyHere, patch }
        return one
      })

    yield* tuneBudget
    const own = yield* known(options.own)
    const isFleet = options.own.address === nowhere

    const all = (): ReadonlyArray<Known> => (isFleet ? [...others.values()] : [own, ...others.values()])

    const find = (url: string): Known | undefined => (url === own.server.host.address.url ? own : others.get(url))

    const join = (sent: Sent): Effect.Effect<Server> =>
      Effect.uninterruptible(
        Effect.suspend(() => {
          const { url } = sent.address
          const there = find(url)
          if (there !== undefined) return Effect.succeed(there.server)
          return Effect.flatMap(known(sent), (made) => {
            const meanwhile = others.get(url)
            if (meanwhile !== undefined) return Effect.as(Scope.close(made.scope, Exit.void), meanwhile.server)
            others.set(url, made)
            return Effect.succeed(made.server)
          })
        })
      )

    const add = (sent: Sent): Effect.Effect<Server> =>
      Effect.suspend(() => {
        const there = find(sent.address.url)
        if (there === undefined) return join(sent)
        Host.renew(there.server.host, sent)
        there.patch = sent.patch
        return Effect.as(there.server.guards.retune(there.policy()), there.server)
      })

    return {
      own: own.server,
      at: (address, endpoint) =>
        address === undefined
          ? Effect.succeed(own.server)
          : Effect.matchEffect(OllamaConfig.address(address), {
              onSuccess: (address) => join({ address }),
              onFailure: () =>
                Request.invalid(own.server.host, endpoint, {
                  issue: "address",
                  field: "policy.fallback.host",
                  why: "it is no address of a server"
                })
            }),
      policy: () => policy,
      all: () => all().map(({ server }) => server),
      budget: () => budget,
      add,
      remove: (url) =>
        Effect.uninterruptible(
          Effect.suspend(() => {
            const there = others.get(url)
            if (there === undefined) return Effect.void
            others.delete(url)
            return Scope.close(there.scope, Exit.void)
          })
        ),
      retune: (next) =>
        Effect.uninterruptible(
          Effect.suspend(() => {
            policy = next
            return Effect.zipRight(
              tuneBudget,
              Effect.forEach([own, ...others.values()], (one) => one.server.guards.retune(one.policy()), {
                discard: true
              })
            )
          })
        )
    }
  })
