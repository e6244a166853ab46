/** A fleet, made: its client, and what can be done with its hosts. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Core from "../client/core.js"
import * as GivenPolicy from "../client/givenPolicy.js"
import * as Client from "../client/make.js"
import type * as OllamaClient from "../client/service.js"
import * as Servers from "../client/servers.js"
import type * as Endpoint from "../internal/endpoint.js"
import * as OllamaConfig from "../OllamaConfig.js"
import * as OllamaError from "../OllamaError.js"
import * as CircuitBreaker from "../policy/CircuitBreaker.js"
import * as Concurrency from "../policy/Concurrency.js"
import * as Policy from "../policy/Policy.js"
import * as Hosts from "./hosts.js"
import * as Management from "./management.js"
import type { Member } from "./member.js"
import type { Own, Placement } from "./placement/value.js"
import * as Roster from "./roster.js"
import * as Routing from "./routing.js"
import * as Exchange from "./sharing/exchange.js"
import type * as SharedState from "./SharedState.js"
import { Spreading } from "./spreading.js"
import * as State from "./state.js"

/** What a fleet is made of. */
export interface Options extends Omit<OllamaClient.Options, "host" | "apiKey" | "headers"> {
  readonly hosts?: ReadonlyArray<string | Hosts.Host> | undefined
  readonly source?: Stream.Stream<ReadonlyArray<string | Hosts.Host>> | undefined
  readonly placement?: Placement | Own | undefined
  readonly shared?: SharedState.Options | undefined
}

/** What can be done with the hosts. */
export interface Fleet {
  readonly add: (host: string | Hosts.Host) => Effect.Effect<void, OllamaError.InvalidRequest>
  readonly drain: (host: string) => Effect.Effect<void, OllamaError.InvalidRequest>
  readonly remove: (host: string) => Effect.Effect<void, OllamaError.InvalidRequest>
  readonly state: Effect.Effect<State.State>
  readonly changes: Stream.Stream<State.State>
}

export interface Made {
  readonly client: OllamaClient.Service
  readonly fleet: Fleet
}

/** One failure to connect is enough where there are other hosts; what a program has changed stays. */
export const forSeveral = (policy: Policy.Policy): Policy.Policy =>
  policy.breaker === "off" ||
  policy.breaker.host === "off" ||
  !CircuitBreaker.equivalence(policy.breaker.host, CircuitBreaker.hostDefaults)
    ? policy
    : { ...policy, breaker: { ...policy.breaker, host: { ...policy.breaker.host, consecutive: 1 } } }

/** At most 100 calls are held; whether one is refused for its wait is a matter of the placement. */
export const defaults: Policy.Policy = forSeveral({
  ...Policy.defaults,
  concurrency: { ...Concurrency.defaults, queue: 100 }
})

const unknownHost = (host: string): OllamaError.InvalidRequest =>
  new OllamaError.InvalidRequest({
    issue: "address",
    field: "host",
    remedy: `Correct host: ${Either.match(OllamaConfig.address(host), {
      onLeft: () => "it is no address of a server",
      onRight: ({ url }) => `the fleet has no host ${url}`
    })}`
  })

/** The others have an order of their own, which copies that nobody asked for would only disturb. */
const spreads = (placement: Placement | Own): boolean =>
  placement === "expectedCompletion" || (typeof placement === "object" && placement.by === "expectedCompletion")

/** Whether it may be a matter of one connection that breaks. */
const isDoubtful = (error: OllamaError.OllamaError): boolean =>
  error._tag === "Unreachable" && (error.reason === "reset" || error.reason === "gateway")

/** @param store that it shares through, where it does */
export const make = (
  options: Options,
  store?: SharedState.Service
): Effect.Effect<Made, OllamaError.InvalidRequest, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { hosts, placement = "expectedCompletion", policy, policyChanges, shared = {}, source, ...others } = options
    const first = hosts === undefined && source !== undefined ? [] : yield* Hosts.checkAll(hosts ?? [])
    yield* GivenPolicy.check(policy)
    const clock = yield* Effect.clock
    const seed = yield* Random.nextIntBetween(0, 2 ** 31)
    const listeners = new Set<() => void>()
    const signal = (): void => {
      for (const listener of listeners) listener()
    }

    const core: Core.Core = yield* Core.make(
      { address: Servers.nowhere },
      {
        ...others,
        policy: policy == null ? defaults : forSeveral(policy),
        policyChanges: policyChanges === undefined ? undefined : Stream.map(GivenPolicy.good(policyChanges), forSeveral)
      },
      () => steering
    )

    /** What a model takes, wherever that was seen. */
    const gigabytes = (model: string): number | undefined => {
      const now = clock.unsafeCurrentTimeMillis()
      for (const member of roster.members()) {
        const size = member.memory.sizes.get(model) ?? member.figuresOf(model, now).gigabytes
        if (size !== undefined) return size
      }
      return undefined
    }

    let exchange: Exchange.Exchange | undefined
    const roster: Roster.Roster = yield* Roster.make({
      core,
      clock,
      isWaiting: () => routing.waiting() > 0,
      onChange: () => {
        spread()
        routing.changed()
        exchange?.changed()
        signal()
      },
      onWork: signal
    })
    const routing: Routing.Routing = Routing.make({
      clock,
      seed,
      placement,
      members: roster.members,
      policy: core.servers.policy,
      gigabytes,
      anew: roster.anew,
      onTrouble: (member, error) => roster.failed(member, isDoubtful(error)),
      onWork: roster.worked,
      onAnswered: roster.answered,
      onDemand: (need, change, loader) => {
        if (need === undefined) return
        spreading.count(need, change, clock.unsafeCurrentTimeMillis(), loader)
        if (change > 0) spread()
      }
    })
    const spreading = new Spreading({ members: roster.members, gigabytes })
    const runtime = yield* Effect.runtime()
    const scope = yield* Effect.scope
    /** Second copies, where there is room for them. */
    const spread = (): void => {
      if (!spreads(placement)) return
      for (const { begin, member } of spreading.due(clock.unsafeCurrentTimeMillis())) {
        Runtime.runFork(runtime)(begin(member.server), { scope })
      }
    }

    const memberAt = (host: string): Member | undefined =>
      Either.match(OllamaConfig.address(host), { onLeft: () => undefined, onRight: ({ url }) => roster.find(url) })

    const steering: Core.Steering = {
      steer: (endpoint: Endpoint.Endpoint, host) => {
        if (host === undefined) {
          return Management.needsHost(endpoint)
            ? Either.left(Management.noHost)
            : Either.right({ server: core.servers.own, routes: routing })
        }
        const problem = (why: string) => Either.left({ issue: "address", field: "host", why } as const)
        const address = OllamaConfig.address(host)
        if (Either.isLeft(address)) return problem("it is no address of a server")
        const member = roster.find(address.right.url)
        if (member === undefined) return problem(`the fleet has no host ${address.right.url}`)
        return member.isDraining
          ? problem(`${member.url} is being drained`)
          : Either.right({ server: member.server, routes: routing.pinned(member) })
      }
    }

    yield* Effect.forEach(first, roster.add, { discard: true })
    if (store !== undefined) {
      exchange = yield* Exchange.make({
        store,
        how: shared,
        knowledge: core.knowledge,
        members: roster.members,
        onSuspect: roster.suspected,
        onHint: roster.hinted,
        onHeard: signal
      })
    }
    if (source !== undefined) yield* follow(source, roster, first.length === 0)

    const state: Effect.Effect<State.State> = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.map(
        Effect.forEach(roster.members(), (member) => State.of(member, now)),
        (all) => ({ hosts: all, held: routing.waiting() })
      )
    )

    const at = (host: string, use: (member: Member) => Effect.Effect<void>) =>
      Effect.suspend((): Effect.Effect<void, OllamaError.InvalidRequest> => {
        const member = memberAt(host)
        return member === undefined ? Effect.fail(unknownHost(host)) : use(member)
      })

    return {
      client: Management.over(Client.over(core), core, roster.members),
      fleet: {
        add: (host) => Effect.flatMap(Hosts.check(host, "host"), roster.add),
        drain: (host) => at(host, roster.drain),
        remove: (host) => at(host, roster.remove),
        state,
        changes: yield* changesOf(state, listeners)
      }
    }
  })

/**
 * The state whenever something of it has changed, beginning with what it is; a reader that lags behind misses what was in
 * between. Ends with the Scope.
 */
const changesOf = (
  state: Effect.Effect<State.State>,
  listeners: Set<() => void>
): Effect.Effect<Stream.Stream<State.State>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const readers = new Set<Queue.Queue<void>>()
    let hasEnded = false
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        hasEnded = true
        return Effect.forEach(readers, Queue.shutdown, { discard: true })
      })
    )
    return Stream.unwrapScoped(
      Effect.suspend(() => {
        if (hasEnded) return Effect.succeed(Stream.empty)
        return Effect.map(
          Effect.acquireRelease(
            Effect.map(Queue.dropping<void>(1), (queue) => {
              const listener = (): void => void queue.unsafeOffer(undefined)
              listener()
              readers.add(queue)
              listeners.add(listener)
              return { queue, listener }
            }),
            ({ listener, queue }) =>
              Effect.sync(() => {
                readers.delete(queue)
                listeners.delete(listener)
              })
          ),
          ({ queue }) => Stream.mapEffect(Stream.fromQueue(queue, { maxChunkSize: 1 }), () => state)
        )
      })
    )
  })

/** Keeps to the lists that a source gives; one that cannot be is left out, and said so. */
const follow = (
  source: Stream.Stream<ReadonlyArray<string | Hosts.Host>>,
  roster: Roster.Roster,
  waitsForFirst: boolean
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const first = yield* Deferred.make<void>()
    const apply = (hosts: ReadonlyArray<Hosts.Checked>): Effect.Effect<void, never, Scope.Scope> =>
      Effect.gen(function* () {
        yield* Effect.forEach(hosts, roster.add, { discard: true })
        const wanted = new Set(hosts.map(({ address }) => address.url))
        for (const member of roster.members()) {
          if (wanted.has(member.url) || member.isDraining) continue
          member.isDraining = true
          yield* Effect.forkScoped(roster.remove(member))
        }
        yield* Deferred.succeed(first, undefined)
      })
    const followed = Stream.runForEach(source, (hosts) =>
      Either.match(Hosts.checkAll(hosts), {
        onLeft: (error) => Effect.logWarning(`A list of hosts is not followed: ${error.message}`),
        onRight: apply
      })
    )
    yield* Effect.forkScoped(Effect.ensuring(followed, Deferred.succeed(first, undefined)))
    if (waitsForFirst) yield* Deferred.await(first)
  })
