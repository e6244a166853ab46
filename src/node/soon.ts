/** The moment after all sockets were read: Node's check phase, once for all that have something to run. */
import type * as Soon from "../internal/soon.js"

export const make = (): Soon.Run => {
  let waiting: Array<Soon.Ready> = []
  const flush = (): void => {
    const now = waiting
    waiting = []
    for (const ready of now) ready.handOn()
  }
  return (ready) => {
    if (waiting.push(ready) === 1) setImmediate(flush)
  }
}
