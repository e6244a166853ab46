/** A call while it runs: what it is, until when, under which policy, and what was decided for it so far. */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Context from "../internal/context.js"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"
import type { Policy } from "../policy/Policy.js"
import type * as RetryBudget from "../policy/RetryBudget.js"
import * as Timeouts from "../policy/Timeouts.js"
import type { Decision } from "../record/CallRecord.js"
import type * as Attempt from "./attempt.js"
import type { Hub } from "./hub.js"
import { Journal } from "./journal.js"
import type * as Server from "./server.js"
import type * as Service from "./service.js"

/** A user's own schedule of retries. */
export type RetrySchedule = Schedule.Schedule<unknown, OllamaError.OllamaError>

/** A call with what automatic clocks want to know of it. */
export interface Call<A, Response> {
  readonly plan: Attempt.Plan<A, Response>
  readonly facts: Timeouts.Request
}

/** What a call runs under. */
export interface Settings {
  readonly server: Server.Server
  /** The server at an address that a policy falls back to; without one, that of the client. */
  readonly servers: (address: string | undefined) => Effect.Effect<Server.Server, OllamaError.OllamaError>
  readonly watchdog: Watchdog.Watchdog
  readonly hub: Hub
  readonly lineLimit: number
  readonly policy: Policy
  readonly budget: RetryBudget.Budget | undefined
  readonly retrySchedule: RetrySchedule | undefined
  readonly options: Service.CallOptions | undefined
}

/** What stays the same over all attempts, hosts and models of a call. */
export interface Running {
  readonly settings: Settings
  readonly clock: Clock.Clock
  /** Milliseconds on Clock. */
  readonly startedAt: number
  /** When the call has to be over; milliseconds on Clock. */
  readonly deadline: number | undefined
  readonly limits: Timeouts.Limits
  readonly journal: Journal
  readonly note: (what: Decision["what"], why: string) => void
}

export const make = <A, Response>(
  { facts, plan }: Call<A, Response>,
  settings: Settings,
  clock: Clock.Clock
): Running => {
  const startedAt = clock.unsafeCurrentTimeMillis()
  const limits = Timeouts.limits(settings.policy.timeouts, facts)
  const { url: host } = settings.server.host.address
  const { name: operation, path: endpoint } = plan.endpoint
  const journal = new Journal(
    settings.hub,
    { operation, endpoint, host, model: plan.model, startedAt },
    settings.options?.session
  )
  return {
    settings,
    clock,
    startedAt,
    deadline: limits.total === undefined ? undefined : startedAt + limits.total,
    limits,
    journal,
    note: (what, why) => journal.decide(what, why, clock.unsafeCurrentTimeMillis())
  }
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
