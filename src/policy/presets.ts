/** Whole policies for kinds of work. */
import * as Duration from "effect/Duration"
import * as Concurrency from "./Concurrency.js"
import * as Retry from "./Retry.js"
import * as Timeouts from "./Timeouts.js"
import { defaults, type Policy } from "./value.js"

/**
 * For calls that a person waits for: first token within 15 seconds of a model in memory, two attempts, and a call whose
 * turn would come too late is refused at once.
 *
 * @since 0.1.0
 * @category constants
 */
export const interactive: Policy = {
  ...defaults,
  timeouts: { ...Timeouts.defaults, firstToken: Duration.seconds(15), gap: Duration.seconds(15) },
  retry: { ...Retry.defaults, attempts: 2, maxDelay: Duration.seconds(2) },
  concurrency: Concurrency.bounded
}

/**
 * For work that nobody waits for: 30 minutes for a load, 10 minutes for a first token, six attempts up to a minute
 * apart.
 *
 * @since 0.1.0
 * @category constants
 */
export const batch: Policy = {
  ...defaults,
  timeouts: {
    ...Timeouts.defaults,
    load: Duration.minutes(30),
    firstToken: Duration.minutes(10),
    gap: Duration.minutes(5)
  },
  retry: { ...Retry.defaults, attempts: 6, baseDelay: Duration.seconds(1), maxDelay: Duration.minutes(1) }
}

/**
 * One attempt, no clocks, and no state: every call is sent as it is, and nothing is said of it while it runs.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Policy = {
  timeouts: Timeouts.none,
  retry: Retry.none,
  budget: "off",
  breaker: "off",
  concurrency: "off",
  throttle: "off",
  hedging: "off",
  fallback: [],
  slow: "off"
}
