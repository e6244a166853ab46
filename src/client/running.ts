/** A call while it runs: what it is, until when, under which policy, and what was decided for it so far. */
import * as Clock from "effect/Clock"
import * as EffectContext from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as FiberRefs from "effect/FiberRefs"
import type * as Schedule from "effect/Schedule"
import type * as Context from "../internal/context.js"
import type { Endpoint } from "../internal/endpoint.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import type { Policy } from "../policy/Policy.js"
import type * as RetryBudget from "../policy/RetryBudget.js"
import * as Timeouts from "../policy/Timeouts.js"
import type { Decision } from "../record/CallRecord.js"
import type * as Attempt from "./attempt.js"
import type { Hub } from "./hub.js"
import { Journal } from "./journal.js"
import type { Knowledge } from "./knowledge.js"
import type { Routes } from "./routes.js"
import type * as Server from "./server.js"
import type * as Service from "./service.js"
import * as Tracing from "./tracing.js"

/** A user's own schedule of retries. */
export type RetrySchedule = Schedule.Schedule<unknown, OllamaError.OllamaError>

/** A call with what automatic clocks want to know of it. */
export interface Call<A, Response> {
  readonly plan: Attempt.Plan<A, Response>
  readonly facts: Timeouts.Request
  /** The most tokens of its answer. */
  readonly answerLimit: number | undefined
}

/** Where attempts go: to one server, or to what is found for each of them. */
export interface Goal {
  readonly server: Server.Server
  readonly routes: Routes | undefined
}

/** What a call runs under. */
export interface Settings {
  readonly endpoint: Endpoint
  readonly server: Server.Server
  /** Where there are several servers: which of them answers an attempt. */
  readonly routes: Routes | undefined
  /** Where a policy falls back to; without an address, where the call went. */
  readonly goal: (address: string | undefined) => Effect.Effect<Goal, OllamaError.OllamaError>
  /** The policy in force at a server. */
  readonly policyAt: (server: Server.Server) => Policy
  readonly watchdog: Watchdog.Watchdog
  readonly hub: Hub
  readonly knowledge: Knowledge
  /** Of spans; of a probe of the library's own there are none, and nobody is told that it is slow. */
  readonly wants: Tracing.Wants | undefined
  readonly lineLimit: number
  readonly policy: Policy
  readonly budget: RetryBudget.Budget | undefined
  readonly retrySchedule: RetrySchedule | undefined
  readonly options: Service.CallOptions | undefined
  /** Of a call that asks again for what did not fit; absent of all others. */
  readonly again?: Again | undefined
}

/** The calls before, which this one is the continuation of. */
export interface Again {
  /** When the first of them began; milliseconds on Clock. The clock of the whole call counts from then. */
  readonly since: number
  /** Their failures, oldest first. */
  readonly earlier: ReadonlyArray<OllamaError.Attempt>
}

/** What stays the same over all attempts, hosts and models of a call. */
export interface Running {
  readonly settings: Settings
  readonly clock: Clock.Clock
  /** Of the fiber that calls: its loggers, and what it annotates. */
  readonly refs: FiberRefs.FiberRefs
  /** Milliseconds on Clock. */
  readonly startedAt: number
  /** When the call has to be over; milliseconds on Clock. */
  readonly deadline: number | undefined
  readonly limits: Timeouts.Limits
  readonly journal: Journal
  readonly note: (what: Decision["what"], why: string) => void
}

/** @param fiber that calls */
export const make = <A, Response>(
  { answerLimit, facts, plan }: Call<A, Response>,
  settings: Settings,
  fiber: Fiber.RuntimeFiber<unknown, unknown>
): Running => {
  const clock = EffectContext.get(fiber.currentDefaultServices, Clock.Clock)
  const startedAt = clock.unsafeCurrentTimeMillis()
  const limits = Timeouts.limits(settings.policy.timeouts, facts)
  const { host } = settings.server
  const { endpoint, model } = plan
  const session = settings.options?.session
  const journal = new Journal(
    settings.hub,
    { operation: endpoint.name, endpoint: endpoint.path, host: host.address.url, model, startedAt },
    { ...facts, kind: endpoint.kind, answerLimit, session }
  )
  if (settings.wants !== undefined) {
    const about = { id: journal.id, endpoint, host, model, session, request: plan.request, isStreamed: !plan.folded }
    journal.traced = Tracing.begin(fiber, clock, about, settings.wants)
  }
  return {
    settings,
    clock,
    refs: fiber.getFiberRefs(),
    startedAt,
    deadline: limits.total === undefined ? undefined : (settings.again?.since ?? startedAt) + limits.total,
    limits,
    journal,
    note: (what, why) => journal.decide(what, why, clock.unsafeCurrentTimeMillis())
  }
}

/** The same call at a server that has a policy of its own. */
export const at = <A, Response>(running: Running, server: Server.Server, { facts }: Call<A, Response>): Running => {
  if (server.policy() === undefined) return running
  const policy = running.settings.policyAt(server)
  const limits = { ...Timeouts.limits(policy.timeouts, facts), total: running.limits.total }
  return { ...running, settings: { ...running.settings, policy }, limits }
}

/** What the failures of a call say of it. */
export const context = <A, Response>(
  { plan }: Call<A, Response>,
  { host }: Server.Server,
  startedAt: number
): Context.Call => ({
  host: host.address.url,
  endpoint: plan.path,
  ...(plan.model === undefined ? {} : { model: plan.model }),
  secrets: host.secrets,
  request: plan.request,
  startedAt
})
