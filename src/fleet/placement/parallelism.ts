/**
 * How many calls a host works on at once, out of what `Concurrency.learn` has learned of each model there. Pure.
 *
 * `OLLAMA_NUM_PARALLEL` is one number for all models of a host, so what one model has shown holds for the others, until they
 * have shown something themselves.
 */
import type { Learning } from "../../policy/Concurrency.js"

/** What was seen of a model: how many calls were worked on at once, and whether a queue has shown that this is the limit. */
export type Seen = Pick<Learning, "hasQueue" | "parallelism">

/** Whether it says anything: that it is at least one is nothing. */
export const isShown = ({ hasQueue, parallelism }: Seen): boolean => hasQueue || parallelism > 1

/** What this client has seen, or what others have where that says more. */
export const better = (own: Seen | undefined, heard: Seen | undefined): Seen | undefined => {
  if (heard === undefined || own?.hasQueue === true) return own
  if (own === undefined || heard.hasQueue) return heard
  return own.parallelism >= heard.parallelism ? own : heard
}

/**
 * What is known for a model; undefined where nothing is. A model that has shown a queue has shown the number. One that has
 * not has shown a number that it is at least; and that it is at least 1 is nothing.
 *
 * @param own what was learned of this model there
 * @param others of the other models there
 *
 * @since 0.1.0
 * @category getters
 */
export const of = (own: Seen | undefined, others: Iterable<Seen>): number | undefined => {
  if (own?.hasQueue === true) return Math.max(1, own.parallelism)
  let least = own?.parallelism ?? 0
  let sum = 0
  let count = 0
  for (const { hasQueue, parallelism } of others) {
    if (hasQueue) {
      sum += parallelism
      count++
    } else if (parallelism > least) least = parallelism
  }
  if (count > 0) return Math.max(least, 1, Math.round(sum / count))
  return least > 1 ? least : undefined
}
