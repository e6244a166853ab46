/** Forecasts combined, and made predictions in seconds. */
import * as Duration from "effect/Duration"
import type { Prediction } from "../CallRecord.js"
import type { Forecast } from "./estimate.js"

/** Times in milliseconds: the middle, and what nine of ten lie between. */
export interface Interval {
  readonly expected: number
  readonly low: number
  readonly high: number
  readonly samples: number
}

/** Longer than any call: a century. */
const longest = 100 * 365 * 24 * 3_600_000

const millis = (log: number): number => Math.min(longest, Math.exp(log) * 1000)

export const zero: Interval = { expected: 0, low: 0, high: 0, samples: Number.POSITIVE_INFINITY }

/** What is known exactly. */
export const exactly = (value: number): Forecast => ({
  mean: Math.log(value),
  half: 0,
  doubt: 0,
  samples: Number.POSITIVE_INFINITY
})

/** Of a quotient whose parts err on their own: their errors, as logarithms, add as squares. */
export const over = (amount: Forecast, rate: Forecast): Forecast => ({
  mean: amount.mean - rate.mean,
  half: Math.hypot(amount.half, rate.half),
  doubt: Math.hypot(amount.doubt, rate.doubt),
  samples: Math.min(amount.samples, rate.samples)
})

/** @param forecast of the logarithm of seconds */
export const of = ({ half, mean, samples }: Forecast): Interval => ({
  expected: millis(mean),
  low: millis(mean - half),
  high: millis(mean + half),
  samples
})

/** One phase after another: the ways up and the ways down, each added as squares, because not all phases are late at once. */
export const sum = (parts: ReadonlyArray<Interval>): Interval => {
  const expected = parts.reduce((all, part) => all + part.expected, 0)
  return {
    expected,
    low: Math.max(0, expected - Math.hypot(...parts.map((part) => part.expected - part.low))),
    high: expected + Math.hypot(...parts.map((part) => part.high - part.expected)),
    samples: Math.min(...parts.map((part) => part.samples))
  }
}

/** In whole milliseconds: more exact is no prediction, and fractions make for slow Durations. */
export const prediction = ({ expected, high, low, samples }: Interval): Prediction => ({
  expected: Duration.millis(Math.round(expected)),
  low: Duration.millis(Math.round(low)),
  high: Duration.millis(Math.round(high)),
  samples: Number.isFinite(samples) ? Math.round(samples) : 0
})
