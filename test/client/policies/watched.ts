/**
 * A client whose shared parts are watched: permits, breakers and budget of the one loop that all methods of the client
 * go through, seen from the outside as each of them is taken and given back.
 */
import { assert } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import {
  type CircuitBreaker,
  Chat,
  type Concurrency,
  type OllamaClient,
  type OllamaError,
  Policy,
  type RetryBudget
} from "effect-ollama"
import * as Call from "../../../src/client/call.js"
import type { Shared } from "../../../src/client/guards.js"
import * as Hub from "../../../src/client/hub.js"
import * as Knowledge from "../../../src/client/knowledge.js"
import * as Request from "../../../src/client/request.js"
import type * as Running from "../../../src/client/running.js"
import type { Server } from "../../../src/client/server.js"
import * as Servers from "../../../src/client/servers.js"
import * as Codec from "../../../src/internal/codec.js"
import * as Endpoint from "../../../src/internal/endpoint.js"
import * as Watchdog from "../../../src/internal/watchdog.js"
import * as OllamaConfig from "../../../src/OllamaConfig.js"

/** A failure of a method. */
export type Failure = OllamaError.OllamaError

export interface Watched {
  readonly chat: (
    request: Chat.ChatRequest,
    options?: OllamaClient.CallOptions
  ) => Effect.Effect<Chat.ChatResponse, Failure>
  readonly chatStream: (
    request: Chat.ChatRequest,
    options?: OllamaClient.CallOptions
  ) => Stream.Stream<Chat.ChatChunk, Failure>
  /** Rights to one more attempt that the budget has given. */
  readonly granted: () => number
  /** Trials that breakers have let through. */
  readonly trials: () => number
  /** Tokens of the budget. */
  readonly tokens: Effect.Effect<number | undefined>
  /** Nothing is held by anybody. */
  readonly isAtRest: Effect.Effect<void>
}

/** Trials of one breaker that were let through and not settled. */
const watchedBreaker = (
  breaker: CircuitBreaker.Breaker,
  value: CircuitBreaker.CircuitBreaker,
  clock: Clock.Clock,
  onTrial: () => void
): CircuitBreaker.Breaker => {
  const running = new Set<{ readonly at: number; readonly since: number }>()
  const limit = Duration.toMillis(value.trialLimit)
  return {
    ...breaker,
    unsafeAcquire: (now, options) => {
      const permit = breaker.unsafeAcquire(now, options)
      if (permit._tag === "Refusal" || !permit.isTrial) return permit
      onTrial()
      const { since } = Effect.runSync(Effect.withClock(breaker.state, clock))
      const others = [...running].filter((trial) => trial.since === since && now - trial.at < limit)
      assert.isBelow(others.length, value.trials, "one more trial than may run at once")
      const trial = { at: now, since }
      running.add(trial)
      return {
        ...permit,
        settle: (...outcome) => {
          running.delete(trial)
          permit.settle(...outcome)
        }
      }
    }
  }
}

/** Permits of one model that are held. */
const watchedPermits = (permits: Concurrency.Permits, { limit }: Concurrency.Concurrency): Concurrency.Permits => {
  let held = 0
  const watched = (permit: Concurrency.Permit): Concurrency.Permit => {
    held++
    if (limit !== "learned") assert.isAtMost(held, limit, "one more permit than there are")
    let isHeld = true
    return {
      ...permit,
      release: (...sample) => {
        if (isHeld) held--
        isHeld = false
        permit.release(...sample)
      }
    }
  }
  return {
    ...permits,
    unsafeTryAcquire: (now, ask) => {
      const permit = permits.unsafeTryAcquire(now, ask)
      return permit?._tag === "Permit" ? watched(permit) : permit
    },
    acquire: (options) =>
      Effect.suspend(() => {
        let given: Concurrency.Permit | undefined
        const hold = (permit: Concurrency.Permit): void => {
          given = watched(permit)
          options?.hold?.(given)
        }
        return Effect.map(permits.acquire({ ...options, hold }), (permit) => given ?? permit)
      })
  }
}

const watchedBudget = (budget: RetryBudget.Budget, clock: Clock.Clock, onGrant: () => void): RetryBudget.Budget => ({
  ...budget,
  unsafeAcquire: (now, kind) => {
    const grant = budget.unsafeAcquire(now, kind)
    if (grant === undefined) return grant
    onGrant()
    const { granted, limit, tokens = 0 } = Effect.runSync(Effect.withClock(budget.state, clock))
    assert.isAtMost(granted, limit, "more grants than may run at once")
    assert.isAtLeast(tokens, 0)
    return grant
  }
})

const isOn = <Part>(part: Part | undefined): part is Part => part !== undefined

/** Gives the same watch for the same part. */
const memoized = <Part extends object>(watch: (part: Part) => Part) => {
  const known = new Map<Part, Part>()
  return (part: Part | undefined): Part | undefined => {
    if (part === undefined) return undefined
    const watched = known.get(part) ?? watch(part)
    known.set(part, watched)
    return watched
  }
}

export const make = (
  client: HttpClient.HttpClient,
  policy: Policy.Policy
): Effect.Effect<Watched, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const hub = yield* Hub.make
    const knowledge: Knowledge.Knowledge = Knowledge.make(hub, () => servers.all())
    const servers: Servers.Servers = yield* Servers.make({
      hub,
      onLoad: knowledge.loaded,
      own: { address: yield* OllamaConfig.address(undefined) },
      client: HttpClient.withScope(client),
      policy
    })
    const clock = yield* Effect.clock
    const watchdog = Watchdog.make()
    let granted = 0
    let trials = 0
    const seen = new Map<string, Shared>()

    const breakers = policy.breaker === "off" ? ({ host: "off", model: "off" } as const) : policy.breaker
    const breakerOf = (value: CircuitBreaker.CircuitBreaker | "off") =>
      memoized<CircuitBreaker.Breaker>((breaker) =>
        value === "off" ? breaker : watchedBreaker(breaker, value, clock, () => void trials++)
      )
    const hostOf = breakerOf(breakers.host)
    const modelOf = breakerOf(breakers.model)
    const permitsOf = memoized<Concurrency.Permits>((permits) =>
      policy.concurrency === "off" ? permits : watchedPermits(permits, policy.concurrency)
    )
    const budgetOf = memoized<RetryBudget.Budget>((budget) => watchedBudget(budget, clock, () => void granted++))

    const watched = (server: Server): Server => ({
      ...server,
      guards: {
        ...server.guards,
        of: (target, inForce) =>
          Effect.map(server.guards.of(target, inForce), (parts) => {
            const shared: Shared = {
              ...parts,
              host: hostOf(parts.host),
              model: modelOf(parts.model),
              permits: permitsOf(parts.permits)
            }
            seen.set(`${server.host.address.url} ${target.model}`, shared)
            return shared
          })
      }
    })
    const own = watched(servers.own)

    const settings = (options: OllamaClient.CallOptions | undefined): Running.Settings => {
      const inForce = options?.policy === undefined ? policy : Policy.merge(policy, options.policy)
      return {
        endpoint: Endpoint.chat,
        server: own,
        routes: undefined,
        goal: (address) =>
          Effect.map(
            address === undefined ? Effect.succeed(own) : Effect.map(servers.at(address, Endpoint.chat), watched),
            (server) => ({ server, routes: undefined })
          ),
        policyAt: () => inForce,
        watchdog,
        hub,
        knowledge,
        wants: { content: false, propagation: false },
        lineLimit: 1e6,
        retrySchedule: options?.retrySchedule,
        policy: inForce,
        budget: inForce.budget === "off" ? undefined : budgetOf(servers.budget()),
        options
      }
    }

    const encode = Request.encoder(Endpoint.chat, Chat.ChatRequest)
    const drafted =
      (request: Chat.ChatRequest, folded: boolean): Call.Draft<Chat.ChatChunk, Chat.ChatResponse> =>
      ({ host }, model) =>
        Effect.map(encode(host, model === undefined ? request : { ...request, model }), (body) =>
          Request.call(host, Endpoint.chat, body, Codec.chat, { folded, streamed: true })
        )

    const parts = () => {
      const all = [...seen.values()]
      return {
        breakers: [...new Set(all.flatMap(({ host, model }) => [host, model]).filter(isOn))],
        permits: [...new Set(all.map(({ permits }) => permits).filter(isOn))],
        budgets: [servers.budget()].filter(isOn)
      }
    }

    return {
      chat: (request, options) => Effect.suspend(() => Call.fold(drafted(request, true), settings(options))),
      chatStream: (request, options) =>
        Call.stream(
          drafted(request, false),
          Effect.sync(() => settings(options)),
          identity
        ),
      granted: () => granted,
      trials: () => trials,
      tokens: Effect.suspend(() => {
        const budget = servers.budget()
        return budget === undefined ? Effect.succeed(undefined) : Effect.map(budget.state, ({ tokens }) => tokens)
      }),
      isAtRest: Effect.suspend(() => {
        const { breakers, budgets, permits } = parts()
        return Effect.gen(function* () {
          for (const breaker of breakers) {
            const { state } = yield* breaker.export
            assert.deepStrictEqual(state.trials, [], "a trial was lost")
            assert.strictEqual(state.running, 0, "a call of a breaker was lost")
            assert.strictEqual(state.runningSlow, 0)
          }
          for (const { state } of permits) {
            const { inFlight, waiting } = yield* state
            assert.strictEqual(inFlight, 0, "a permit was lost")
            assert.deepStrictEqual(waiting, { interactive: 0, normal: 0, batch: 0 })
          }
          for (const { state } of budgets) {
            const { granted: held, inFlight, tokens = 0 } = yield* state
            assert.strictEqual(held, 0, "a grant was lost")
            assert.strictEqual(inFlight, 0, "a call of the budget was lost")
            assert.isAtLeast(tokens, 0)
          }
        })
      })
    }
  })
