/** How many calls of a model there are at once, on average over the last minutes. Pure. */

/**
 * @since 0.1.0
 * @category models
 */
export interface Demand {
  /** The mean, newer moments weighing more, as of `at`. */
  readonly mean: number
  /** How many there are since `at`. */
  readonly calls: number
  /** Milliseconds on Clock. */
  readonly at: number
}

export const none: Demand = { mean: 0, calls: 0, at: 0 }

/** After this time a moment counts 1/e; a minute and a half are some dozens of calls, and forgets a burst soon. */
const memory = 90_000

/** The mean now. */
export const mean = ({ at, calls, mean }: Demand, now: number): number => {
  const kept = Math.exp(-Math.max(0, now - at) / memory)
  return calls + (mean - calls) * kept
}

/** There are so many calls from now on: one has come, or one has ended. */
export const set = (demand: Demand, calls: number, now: number): Demand => ({
  mean: mean(demand, now),
  calls,
  at: Math.max(now, demand.at)
})
