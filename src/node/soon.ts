/** The moment after all sockets were read: Node's check phase, once for all that have something to run. */
import type * as Soon from "../internal/soon.js"

export const make = (): Soon.Run => {
  let waiting: Array<() => void> = []
  const flush = (): void => {
    const now = waiting
    waiting = []
    for (const f of now) f()
  }
  return (f) => {
    if (waiting.push(f) === 1) setImmediate(flush)
  }
}
