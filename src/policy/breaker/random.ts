/** Chances out of a seed: mulberry32, a pure generator with 32 bits of state. */

/** A number in [0, 1), and the seed of the next. */
export const next = (seed: number): readonly [unit: number, seed: number] => {
  const after = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(after ^ (after >>> 15), after | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return [((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296, after]
}
