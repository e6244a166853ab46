/** Chances out of a seed, so that a test of statistics has one result. */

export interface Dice {
  /** In [0, 1). */
  readonly unit: () => number
  /** Of the standard normal distribution. */
  readonly normal: () => number
  /** Around 1, with so much spread of its logarithm. */
  readonly noise: (sigma: number) => number
}

/** mulberry32, and Box and Muller. */
export const make = (seed: number): Dice => {
  let state = seed
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit())
  return { unit, normal, noise: (sigma) => Math.exp(sigma * normal()) }
}
