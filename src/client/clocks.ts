/** Which clock runs until the first value, and what to say when one has run out. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Context from "../internal/context.js"
import * as OllamaError from "../OllamaError.js"
import type * as Timeouts from "../policy/Timeouts.js"
import type { Plan } from "./attempt.js"
import type { Residency } from "./residency.js"

/** The clock until the first value: its phase, and its limit in milliseconds. */
export interface First {
  readonly phase: OllamaError.Phase
  readonly limit: number | undefined
}

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b

/** Of a call whose own request makes the server load the model. */
export const cold = (limits: Timeouts.Limits): First => ({ phase: "load", limit: sum(limits.load, limits.firstToken) })

/** The clock that a call begins on. */
export const first = <A, Response>(plan: Plan<A, Response>, limits: Timeouts.Limits, residency: Residency): First => {
  switch (plan.endpoint.kind) {
    case "generation":
    case "embedding":
      if (residency === "absent") return cold(limits)
      return residency === "resident"
        ? { phase: "firstToken", limit: limits.firstToken }
        : { phase: "load", limit: limits.load }
    case "load":
      return { phase: "load", limit: limits.load }
    case "upload":
      return { phase: "gap", limit: sum(limits.gap, plan.payload.allowance) }
    default:
      return { phase: "response", limit: limits.firstToken }
  }
}

const remedies: Readonly<Record<string, string>> = {
  connect: "No connection came about: check address, VPN and firewalls that drop packets",
  load: "The model was still being loaded: raise timeouts.load, load it beforehand (OllamaClient.load), or keep it in memory with keep_alive",
  unknown:
    "What the server was doing is not known, because /api/ps did not tell: restart it if it hangs, and check what is in between (proxy, firewall); if it is only slow, raise timeouts.load",
  firstToken:
    "The model is in memory but did not begin: raise timeouts.firstToken for long prompts, or relieve the server (other calls may be ahead in its queue)",
  gap: "The server fell silent: raise timeouts.gap for slow models, or restart a model process that hangs",
  response: "The server takes connections but does not answer: restart it, or raise timeouts.firstToken",
  total: "Raise timeouts.total, ask for less (num_predict), or use a faster model"
}

/** What ran out. */
export interface Expiry {
  readonly phase: OllamaError.Phase
  readonly limit: number
  /** Of the answer, where its headers had come. */
  readonly status?: number | undefined
  /** Where another one than that of the phase helps. */
  readonly remedy?: string | undefined
}

export const timeout = (attempt: Context.Attempt, expiry: Expiry): OllamaError.OllamaError => {
  const { limit, phase, remedy = remedies[phase], status } = expiry
  return attempt.failure(
    (common) =>
      new OllamaError.Timeout({
        ...common,
        limit: Duration.millis(limit),
        ...(remedy === undefined ? {} : { remedy })
      }),
    { phase, status }
  )
}

/** The whole call is over before its request was sent. */
export const late = (
  call: Context.Call,
  clock: Clock.Clock,
  earlier: ReadonlyArray<OllamaError.Attempt>,
  stage: OllamaError.Phase,
  limits: Timeouts.Limits
): OllamaError.OllamaError =>
  timeout(new Context.Attempt(call, clock, earlier, stage), { phase: "total", limit: limits.total ?? 0 })

/** What ran out before the first value, as far as is known of the model at that moment. */
export const firstExpiry = (first: First, known: Residency | undefined): Expiry => {
  const limit = first.limit ?? 0
  if (first.phase !== "load") return { phase: first.phase, limit }
  if (known === "resident") return { phase: "firstToken", limit }
  return { phase: "load", limit, ...(known === "unknown" ? { remedy: remedies.unknown } : {}) }
}
