/** Means with their uncertainty, and quantiles. */

/** Of values in ascending order: the one that so many of all are not above. */
export const quantile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!

export const mean = (values: ReadonlyArray<number>): number => {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length === 0 ? NaN : known.reduce((sum, value) => sum + value, 0) / known.length
}

/** Student's t for 95 %, by degrees of freedom. */
const t = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042
]

/** Half of the width of the interval in which the mean lies with 95 %. */
export const interval = (values: ReadonlyArray<number>): number => {
  const known = values.filter((value) => !Number.isNaN(value))
  if (known.length < 2) return NaN
  const middle = mean(known)
  const variance = known.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (known.length - 1)
  return (t[known.length - 2] ?? 1.96) * Math.sqrt(variance / known.length)
}
