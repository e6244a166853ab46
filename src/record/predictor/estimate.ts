/**
 * What samples of a positive quantity say of the next one: its logarithm, as mean and spread, with weights that fade.
 * Quantities here (seconds, tokens a second) err by factors, so everything is a logarithm.
 */
import * as Schema from "effect/Schema"

/**
 * `weight` and `squares` are the sums of the weights and of their squares, `mean` is that of the logarithms, `spread` the
 * weighted sum of their squared deviations. All as of `at`, in milliseconds.
 */
export const Estimate = Schema.Struct({
  weight: Schema.Finite,
  squares: Schema.Finite,
  mean: Schema.Finite,
  spread: Schema.Finite,
  at: Schema.Finite
})

export type Estimate = typeof Estimate.Type

export const none: Estimate = { weight: 0, squares: 0, mean: 0, spread: 0, at: 0 }

/** By each new sample the older ones lose a hundredth: the last hundred count. */
const fading = 0.99

/** After this time a sample counts half, in milliseconds: a week. After a month it is a sixteenth, after a year nothing. */
const halfLife = 7 * 24 * 3_600_000

/** What weighs less than this is forgotten. */
export const negligible = 0.05

/**
 * Before anything is known, the logarithm of a sample is taken to stray by 0.4 from its mean (resilience notes, 2.8), and
 * that counts as much as two samples. Chosen by simulation: at this spread the intervals hold 94, 90 and 90 % after
 * 3, 10 and 50 samples; at half and at twice of it 99, 97, 93 and 83, 86, 90 %.
 */
const usual = 0.4
const conviction = 2

/** A sample that strays by more than so many spreads counts as one that strays by so many. */
const farthest = 3

const scaled = ({ at, mean, spread, squares, weight }: Estimate, by: number, now = at): Estimate => ({
  weight: weight * by,
  squares: squares * by * by,
  mean,
  spread: spread * by,
  at: now
})

/** What is left of a weight after a time. A clock that was set back makes nothing younger. */
const left = (since: number, now: number): number => (now > since ? Math.pow(2, (since - now) / halfLife) : 1)

/** As of now. */
export const faded = (estimate: Estimate, now: number): Estimate =>
  now > estimate.at ? scaled(estimate, left(estimate.at, now), now) : estimate

/** With no more weight than this: what it rests on has changed. */
export const softened = (estimate: Estimate, weight: number): Estimate =>
  estimate.weight > weight ? scaled(estimate, weight / estimate.weight) : estimate

/** What is thought before, and how sure that is: the standard deviation of its mean. */
export interface Prior {
  readonly mean: number
  readonly doubt: number
}

/** What the next sample will be: nine of ten within `half` of `mean`; all logarithms. */
export interface Forecast {
  readonly mean: number
  readonly half: number
  /** The standard deviation of the mean itself. */
  readonly doubt: number
  /** How many samples it rests on; a fraction, as they fade. */
  readonly samples: number
}

const z = 1.6448536269514722

/** The terms of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5, at the 95 % quantile. */
const terms = [
  (z ** 3 + z) / 4,
  (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
  (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160
] as const

/** The 95 % quantile of Student's t; within 0.3 % of it from two degrees of freedom on. */
export const quantile = (freedom: number): number =>
  z + (terms[0] + (terms[1] + (terms[2] + terms[3] / freedom) / freedom) / freedom) / freedom

/** The variance of a sample, and how many degrees of freedom that is worth. */
const scatter = ({ spread, squares, weight }: Estimate, spreadBefore: number) => {
  const freedom = conviction + (weight > 0 ? Math.max(0, weight - squares / weight) : 0)
  return { freedom, variance: (conviction * spreadBefore * spreadBefore + spread) / freedom }
}

/**
 * The predictive distribution of the next logarithm: Student's t around a mean that lies between the prior's and the
 * samples', by their precisions. Undefined where there is neither.
 */
export const forecast = (
  estimate: Estimate,
  prior: Prior | undefined,
  now: number,
  spreadBefore = usual
): Forecast | undefined => {
  const current = faded(estimate, now)
  if (prior === undefined && current.weight < negligible) return undefined
  const { freedom, variance } = scatter(current, spreadBefore)
  const own = current.weight / variance
  const before = prior === undefined ? 0 : 1 / (prior.doubt * prior.doubt)
  const precision = own + before
  return {
    mean: (own * current.mean + before * (prior?.mean ?? 0)) / precision,
    half: quantile(freedom) * Math.sqrt(variance + 1 / precision),
    doubt: Math.sqrt(1 / precision),
    samples: current.weight
  }
}

/**
 * With one more sample.
 *
 * @param x its logarithm
 * @param count how much it counts, between 0 and 1
 */
export const learn = (estimate: Estimate, x: number, now: number, count = 1, spreadBefore = usual): Estimate => {
  if (!Number.isFinite(x) || !Number.isFinite(now) || !(count > 0)) return estimate
  const kept = left(estimate.at, now) * (count === 1 ? fading : Math.pow(fading, count))
  const before = scaled(estimate, kept, Math.max(now, estimate.at))
  if (before.weight < negligible) return { weight: count, squares: count * count, mean: x, spread: 0, at: before.at }
  const reach = farthest * Math.sqrt(scatter(before, spreadBefore).variance * (1 + 1 / before.weight))
  const distance = Math.max(-reach, Math.min(reach, x - before.mean))
  const weight = before.weight + count
  return {
    weight,
    squares: before.squares + count * count,
    mean: before.mean + (count / weight) * distance,
    spread: before.spread + ((before.weight * count) / weight) * distance * distance,
    at: before.at
  }
}

/** Of estimates of the same that differ in age, what one loses for being so much older than the newest: half of its weight. */
const outdated = 10 * 60_000

/** What samples weigh when there is no end of them. */
const most = 1 / (1 - fading)

/** Two sets of samples as one (Chan, Golub and LeVeque: the spread of both, and that between their means). */
const united = (a: Estimate, b: Estimate): Estimate => {
  const weight = a.weight + b.weight
  if (!(weight > 0)) return a
  const distance = b.mean - a.mean
  return {
    weight,
    squares: a.squares + b.squares,
    mean: a.mean + (b.weight / weight) * distance,
    spread: a.spread + b.spread + ((a.weight * b.weight) / weight) * distance * distance,
    at: Math.max(a.at, b.at)
  }
}

/**
 * What several observers have seen of the same, each in its own samples: each counts by their number and by how much older
 * than the newest it is. All together weigh no more than one observer may, so that what is seen from now on counts as ever.
 */
export const together = (estimates: ReadonlyArray<Estimate>): Estimate => {
  const known = estimates.filter(({ weight }) => weight > 0)
  const [first, ...others] = known
  if (first === undefined || others.length === 0) return first ?? none
  const newest = Math.max(...known.map(({ at }) => at))
  const current = (estimate: Estimate) => scaled(estimate, Math.pow(2, (estimate.at - newest) / outdated), newest)
  return softened(
    others.reduce((sum, estimate) => united(sum, current(estimate)), current(first)),
    most
  )
}
