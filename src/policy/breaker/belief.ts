/** How sure few outcomes make us that a target fails more often than not. */

/** Above so many outcomes the normal approximation is good to five digits. */
const manyOutcomes = 1000

/** Φ(x) by Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17; its error is below 7.5e-8. */
const normal = (x: number): number => {
  if (x < 0) return 1 - normal(-x)
  const t = 1 / (1 + 0.2316419 * x)
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return 1 - (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * polynomial
}

/**
 * The probability that the true failure rate is above one half, after `failed` failures among `total` outcomes, when
 * every rate was equally likely before: 0.938 after 3 of 3, 0.969 after 4 of 4, 0.965 after 6 of 7, 0.967 after 8 of 10.
 *
 * The posterior is Beta(1 + failed, 1 + total - failed), and its mass above one half is the chance of at most `failed`
 * heads in `total + 1` tosses of a fair coin.
 *
 * @since 0.1.0
 * @category getters
 */
export const belief = (failed: number, total: number): number => {
  const tosses = total + 1
  if (total > manyOutcomes) return normal((2 * failed + 1 - tosses) / Math.sqrt(tosses))
  let chance = 0.5 ** tosses
  let sum = chance
  for (let heads = 1; heads <= failed; heads++) {
    chance *= (tosses - heads + 1) / heads
    sum += chance
  }
  return sum
}
