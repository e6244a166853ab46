/** Dice that fall the same way for the same seed (mulberry32, public domain). */
export interface Dice {
  /** A whole number from 0 to below `end`. */
  readonly below: (end: number) => number
  readonly chance: (part: number) => boolean
  readonly pick: <A>(values: ReadonlyArray<A>) => A
}

export const make = (seed: number): Dice => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (end: number): number => Math.floor(next() * end)
  const pick = <A>(values: ReadonlyArray<A>): A => {
    const value = values[below(values.length)]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }
  return { below, pick, chance: (part) => next() < part }
}

/** The dice of one input, far from those of its neighbours. */
export const of = (seed: number, index: number): Dice =>
  make(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b) ^ Math.floor(index / 4_294_967_296))
