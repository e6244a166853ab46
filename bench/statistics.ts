/** Medians and quartiles. */
const sorted = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)

const at = (values: ReadonlyArray<number>, share: number): number => {
  const all = sorted(values)
  const position = (all.length - 1) * share
  const below = all[Math.floor(position)]!
  const above = all[Math.ceil(position)]!
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (values: ReadonlyArray<number>): number => at(values, 0.5)

/** The quartiles. */
export const spread = (values: ReadonlyArray<number>): readonly [number, number] => [at(values, 0.25), at(values, 0.75)]
