/**
 * The queue of other clients at a host: what a call waited there beyond what our own calls explain. Pure.
 *
 * Other clients cannot be seen, but the last chunk of an answer gives the wait away (`total_duration` less load, prompt and
 * generation). A wait says something of the next moments only: queues come and go in seconds.
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface Foreign {
  /** Milliseconds, newer waits weighing more, as of `at`. */
  readonly wait: number
  /** Milliseconds on Clock. */
  readonly at: number
}

export const none: Foreign = { wait: 0, at: Number.NEGATIVE_INFINITY }

const newest = 0.3

/**
 * After this time 1/e of a wait counts. Of 10 and 30 seconds and for ever, 10 seconds gave four clients that cannot see each
 * other the most first tokens within 10 seconds: 97.1 % against 96.2, 96.4, and 95.8 without (the simulation of the
 * resilience notes, 5 seeds).
 */
const memory = 10_000

/** What is left of it, in milliseconds. */
export const of = ({ at, wait }: Foreign, now: number): number =>
  wait === 0 ? 0 : wait * Math.exp(-Math.max(0, now - at) / memory)

/**
 * With a call that has ended.
 *
 * @param waited how long it waited in the server's queue, in milliseconds; only of calls whose model was in memory
 * @param explained how long our own calls should have kept it there: `Cost.wait` when it was chosen, less what was foreign of
 *   it
 */
export const observe = (foreign: Foreign, waited: number, explained: number, now: number): Foreign => {
  const wait = Math.max(0, waited - explained)
  return {
    wait: foreign === none ? wait : foreign.wait + newest * (wait - foreign.wait),
    at: Math.max(now, foreign.at)
  }
}
