/**
 * A sum over the last while, kept in slices of time: what is older than the window falls out one slice at a time, so a
 * window costs the same whatever passes through it.
 */

export interface Slices {
  /** The slice of this moment. Time that goes back stays where it was. */
  readonly at: (now: number) => number
  /** Adds to a slice; what has left the window stays out of the sum. */
  readonly add: (slice: number, amount: number) => void
  /** Of the window that ends with the last moment asked for. */
  readonly sum: () => number
}

export const make = (windowMillis: number, count: number): Slices => {
  const width = windowMillis / count
  const amounts = new Float64Array(count)
  let current = Number.NEGATIVE_INFINITY
  let sum = 0
  const place = (slice: number): number => ((slice % count) + count) % count
  return {
    at: (now) => {
      const slice = Math.floor(now / width)
      if (slice <= current) return current
      for (let i = Math.max(current + 1, slice - count + 1); i <= slice; i++) amounts[place(i)] = 0
      current = slice
      // anew each time: a running difference would gather what floats leave over
      sum = 0
      for (const amount of amounts) sum += amount
      return slice
    },
    add: (slice, amount) => {
      if (slice > current || slice <= current - count) return
      const i = place(slice)
      amounts[i] = (amounts[i] ?? 0) + amount
      sum += amount
    },
    sum: () => sum
  }
}
