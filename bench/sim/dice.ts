/** Numbers that look random and are the same for the same seed. */

/** The generator `mulberry32`, which is in the public domain: numbers in [0, 1). */
export const dice = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const normal = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())

/** Of this mean; `spread` is that of its logarithm. */
export const logNormal = (next: () => number, mean: number, spread: number): number =>
  mean * Math.exp(spread * normal(next) - (spread * spread) / 2)

/** The time between two events of which there are `rate` in a unit of time. */
export const exponential = (next: () => number, rate: number): number => -Math.log(1 - next()) / rate

/** Index of one of these weights. */
export const weighted = (next: () => number, weights: ReadonlyArray<number>): number => {
  let left = next() * weights.reduce((sum, weight) => sum + weight, 0)
  const found = weights.findIndex((weight) => (left -= weight) <= 0)
  return Math.max(0, found)
}
