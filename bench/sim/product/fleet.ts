/** This library's Fleet, as it is and in variants. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { Fleet, Placement, Policy, SharedState } from "effect-ollama"
import type { Player, Site } from "../contestant.js"
import * as Calls from "./calls.js"

interface Variant {
  readonly name: string
  readonly says: string
  readonly placement?: Fleet.Options["placement"]
  readonly policy?: Policy.Patch
  /** Whether the clients of a run tell each other what they know. */
  readonly shares?: boolean
}

/** One for each run, whose clients have the same way to the hosts. */
const stores = new WeakMap<HttpClient.HttpClient, SharedState.Service>()

const storeOf = (http: HttpClient.HttpClient): Effect.Effect<SharedState.Service> =>
  Effect.suspend(() => {
    const known = stores.get(http)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(Effect.provide(SharedState.SharedState, SharedState.layerMemory), (made) => {
      stores.set(http, made)
      return made
    })
  })

const policyOf = (patch: Policy.Patch = {}): Policy.Policy =>
  Policy.merge(Policy.merge(Fleet.policy, Calls.basic), patch)

/** Tells which hosts are not used any more, and which are used again: looks every second. */
const watch = (fleet: Fleet.Service, { ejected }: Site) => {
  const out = new Set<number>()
  const look = Effect.map(fleet.state, ({ hosts }) => {
    for (const [index, { breaker, status }] of hosts.entries()) {
      const isOut = status === "down" || breaker === "open"
      if (isOut === out.has(index)) continue
      if (isOut) out.add(index)
      else out.delete(index)
      ejected(index, isOut)
    }
  })
  return Effect.forever(Effect.zipRight(Effect.sleep(1000), look))
}

/** The policy of the fleet and another one in turn: what has not changed keeps what it has learned. */
const changing = (policy: Policy.Policy, every: number) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Policy.Policy>()
    const other = Policy.merge(policy, { retry: { attempts: 4 }, breaker: { model: { openFor: "6 seconds" } } })
    const change = (next: Policy.Policy) => Effect.zipRight(Effect.sleep(every * 1000), Queue.offer(queue, next))
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(change(other), change(policy))))
    return Stream.fromQueue(queue)
  })

/** By expected completion, without what is known of hosts in this. */
const blindTo =
  (what: Partial<Pick<Placement.HostView, "parallelism" | "capacity">>): Placement.Own =>
  (candidates, question, view) => {
    const hosts = view.hosts.map((host) => ({ ...host, ...what }))
    const seen = { ...view, hosts }
    const costs = candidates.map(({ host: address }) => {
      const host = hosts.find(({ host }) => host === address)
      return host === undefined ? Infinity : Placement.cost(seen, question, host).total
    })
    return candidates[costs.indexOf(Math.min(...costs))]
  }

const player = ({ name, placement, policy: patch, says, shares = false }: Variant): Player => ({
  _tag: "Player",
  name,
  says,
  connectLimit: 2000,
  make: (site) =>
    Effect.gen(function* () {
      const policy = policyOf(patch)
      const { reload } = site.scenario
      const options: Fleet.Options = {
        hosts: site.hosts,
        policy,
        ...(placement === undefined ? {} : { placement }),
        ...(reload === undefined ? {} : { policyChanges: yield* changing(policy, reload) })
      }
      const { client, fleet } = yield* Effect.orDie(
        shares
          ? Effect.provideServiceEffect(
              Fleet.make({ ...options, shared: {} }),
              SharedState.SharedState,
              storeOf(site.http)
            )
          : Fleet.make(options)
      )
      yield* Effect.forkScoped(watch(fleet, site))
      return Calls.clientOf(client, site.scenario)
    }).pipe(Effect.provideService(HttpClient.HttpClient, site.http))
})

export const fleet = player({ name: "Fleet", says: "this library's Fleet with its defaults, and the caller's time" })

const others: ReadonlyArray<Variant> = [
  { name: "Fleet, sharing", says: "its clients tell each other what they know", shares: true },
  {
    name: "Fleet, no admission",
    says: "no call is refused for the wait that is predicted for it",
    placement: { by: "expectedCompletion", admission: "off" }
  },
  {
    name: "Fleet, no late binding",
    says: "all calls go to a host at once",
    placement: { by: "expectedCompletion", headroom: "unbounded" }
  },
  { name: "Fleet, least in flight", says: "neither locality nor prediction", placement: "leastInFlight" },
  { name: "Fleet, random", says: "a host by lot, with the Fleet's failover", placement: "random" },
  { name: "Fleet, no budget", says: "without the budget of retries", policy: { budget: "off" } },
  {
    name: "Fleet, 30 s for the first token",
    says: "a fixed limit for the first token",
    policy: { timeouts: { load: "30 seconds", firstToken: "30 seconds" } }
  },
  {
    name: "Fleet, parallelism unknown",
    says: "every host is taken to work on one call at a time",
    placement: blindTo({ parallelism: 1 })
  },
  {
    name: "Fleet, memory unknown",
    says: "no load is taken to put anything out of memory",
    placement: blindTo({ capacity: undefined })
  }
]

export const variants: ReadonlyArray<Player> = others.map(player)
