/**
 * What a breaker remembers of the outcomes: the last so many, or those of the last while, or both.
 *
 * Outcomes are kept in buckets. A bucket begins with the first outcome after the one before it is over, and is dropped
 * when its beginning is as old as the window (as in Polly's rolling health metrics). In a window of calls the outcomes of
 * a bucket are all of one kind, so that the oldest can be taken out one by one; a healthy target needs few buckets.
 */
import * as Schema from "effect/Schema"

const Count = Schema.Int.pipe(Schema.nonNegative())

/** How many outcomes there were, how many of them were failures, and how many were slow. */
export const Counts = Schema.Struct({ total: Count, failed: Count, slow: Count })

export type Counts = typeof Counts.Type

export const noCounts: Counts = { total: 0, failed: 0, slow: 0 }

const Bucket = Schema.Struct({ at: Schema.Finite, ...Counts.fields })

type Bucket = typeof Bucket.Type

/** How far a window reaches. */
export interface Shape {
  readonly calls: number | "all"
  readonly millis: number | "none"
  readonly slices: number
}

export const Window = Schema.Struct({
  calls: Schema.Union(Count, Schema.Literal("all")),
  millis: Schema.Union(Schema.Positive, Schema.Literal("none")),
  slices: Schema.Int.pipe(Schema.positive()),
  buckets: Schema.Array(Bucket),
  ...Counts.fields
})

export type Window = typeof Window.Type

export const empty = ({ calls, millis, slices }: Shape): Window => ({ calls, millis, slices, buckets: [], ...noCounts })

export const hasShape = (window: Window, { calls, millis, slices }: Shape): boolean =>
  window.calls === calls && window.millis === millis && window.slices === slices

const holding = (
  { calls, millis, slices }: Window,
  buckets: ReadonlyArray<Bucket>,
  total: number,
  failed: number,
  slow: number
): Window => ({ calls, millis, slices, buckets, total, failed, slow })

/** The window at a later time: without what has become too old. */
export const at = (window: Window, now: number): Window => {
  const { buckets, millis } = window
  const first = buckets[0]
  if (millis === "none" || first === undefined || now - first.at < millis) return window
  let { failed, slow, total } = window
  let index = 0
  for (let bucket = buckets[0]; bucket !== undefined && now - bucket.at >= millis; bucket = buckets[++index]) {
    total -= bucket.total
    failed -= bucket.failed
    slow -= bucket.slow
  }
  return holding(window, buckets.slice(index), total, failed, slow)
}

const isOfKind = (bucket: Bucket, failed: number, slow: number): boolean =>
  bucket.failed > 0 === failed > 0 && bucket.slow > 0 === slow > 0

const plus = (bucket: Bucket, by: 1 | -1, failed: number, slow: number): Bucket => ({
  at: bucket.at,
  total: bucket.total + by,
  failed: bucket.failed + by * failed,
  slow: bucket.slow + by * slow
})

/** The window after one more outcome. */
export const record = (before: Window, now: number, isFailed: boolean, isSlow: boolean): Window => {
  const window = at(before, now)
  const failed = isFailed ? 1 : 0
  const slow = isSlow ? 1 : 0
  const buckets = window.buckets.slice()
  const last = buckets.at(-1)
  const isOver = last === undefined || (window.millis !== "none" && now - last.at >= window.millis / window.slices)
  if (isOver || (window.calls !== "all" && !isOfKind(last, failed, slow))) {
    buckets.push({ at: now, total: 1, failed, slow })
  } else {
    buckets[buckets.length - 1] = plus(last, 1, failed, slow)
  }
  const after = holding(window, buckets, window.total + 1, window.failed + failed, window.slow + slow)
  return window.calls === "all" || after.total <= window.calls ? after : withoutOldest(after, buckets)
}

/** Of a window of calls, whose buckets are of one kind each. */
const withoutOldest = (window: Window, buckets: Array<Bucket>): Window => {
  const oldest = buckets[0]
  if (oldest === undefined) return window
  const failed = oldest.failed > 0 ? 1 : 0
  const slow = oldest.slow > 0 ? 1 : 0
  if (oldest.total === 1) buckets.shift()
  else buckets[0] = plus(oldest, -1, failed, slow)
  return holding(window, buckets, window.total - 1, window.failed - failed, window.slow - slow)
}

/** The same outcomes as if the clock had said so much more. */
export const shift = (window: Window, millis: number): Window => {
  const buckets = window.buckets.map((bucket) => ({ ...bucket, at: bucket.at + millis }))
  return holding(window, buckets, window.total, window.failed, window.slow)
}
