/** What a part of a program may change of the policy, and what only the whole client can. */
import type { Patch } from "./value.js"

/**
 * A field of a patch that cannot be changed where the patch stands.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalProblem {
  readonly field: string
  readonly why: string
}

const why = 'its state is shared by all calls of the client: for some of them it can only be bypassed, with "off"'

/**
 * The first part of a patch that `withPolicy` and the options of a call cannot change: the budget, the breakers, the
 * limit on calls at once, and the throttle have state that all calls share, and can locally only be `"off"`.
 *
 * @since 0.1.0
 * @category guards
 */
export const localProblem = (patch: Patch): LocalProblem | undefined => {
  const { breaker, budget, concurrency, throttle } = patch
  const isBypass = (part: unknown): boolean => part === undefined || part === "off"
  if (!isBypass(budget)) return { field: "budget", why }
  if (!isBypass(concurrency)) return { field: "concurrency", why }
  if (!isBypass(throttle)) return { field: "throttle", why }
  if (breaker === undefined || breaker === "off") return undefined
  if (!isBypass(breaker.host)) return { field: "breaker.host", why }
  if (!isBypass(breaker.model)) return { field: "breaker.model", why }
  return breaker.host === undefined && breaker.model === undefined ? { field: "breaker", why } : undefined
}
