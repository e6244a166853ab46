/** Gauges that several clients add to: each client changes them by what has changed for it, and takes its share back. */
import type { Series } from "./instrument.js"

const none: ReadonlyArray<never> = []

export interface Gauges<Key> {
  /** What this client adds to the series, from now on. */
  readonly hold: (key: Key, series: Series, value: number) => void
  /** Takes back what is held under keys that are not among these. */
  readonly keepOnly: (keys: ReadonlySet<Key>) => void
}

export const make = <Key>(): Gauges<Key> => {
  const held = new Map<Key, { readonly series: Series; readonly value: number }>()
  return {
    hold: (key, series, value) => {
      const before = held.get(key)
      if (before?.series === series) series.unsafeModify(value - before.value, none)
      else {
        before?.series.unsafeModify(-before.value, none)
        series.unsafeModify(value, none)
      }
      held.set(key, { series, value })
    },
    keepOnly: (keys) => {
      for (const [key, { series, value }] of held) {
        if (keys.has(key)) continue
        series.unsafeModify(-value, none)
        held.delete(key)
      }
    }
  }
}
