/** A quantile of the last samples. */

export interface Quantile {
  readonly add: (sample: number) => void
  /** Undefined until there were enough samples. */
  readonly get: () => number | undefined
}

/**
 * @param share in (0, 1): 0.95 is the sample that 95 of 100 do not exceed
 * @param limits how many samples are needed, and how many remembered
 */
export const make = (share: number, limits: { readonly least: number; readonly most: number }): Quantile => {
  /** In the order they came, as a ring. */
  const ring = new Float64Array(limits.most)
  const sorted = new Float64Array(limits.most)
  let count = 0
  let next = 0

  /** The first place in `sorted` that is not below the sample. */
  const place = (sample: number): number => {
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((sorted[middle] ?? 0) < sample) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    add: (sample) => {
      if (count === limits.most) {
        const oldest = place(ring[next] ?? 0)
        sorted.copyWithin(oldest, oldest + 1, count)
        count--
      }
      const at = place(sample)
      sorted.copyWithin(at + 1, at, count)
      sorted[at] = sample
      ring[next] = sample
      next = (next + 1) % limits.most
      count++
    },
    get: () => (count < limits.least ? undefined : sorted[Math.ceil(share * count) - 1])
  }
}
