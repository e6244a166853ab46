/**
 * How many calls a one-sided CUSUM takes to an alarm, on average, by theory and not by trying: a Markov chain over the
 * values of its statistic (Brook and Evans, Biometrika 59, 1972).
 */

/** The normal distribution, by its series. */
const normal = (x: number): number => {
  if (x < -8) return 0
  if (x > 8) return 1
  let sum = 0
  let term = x
  for (let n = 3; sum + term !== sum; n += 2) {
    sum += term
    term = (term * x * x) / n
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)
}

/** Solves the equations in the rows, whose last column is the right side, by elimination. */
const solve = (rows: Array<Float64Array>): Float64Array => {
  const size = rows.length
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let column = 0; column < size; column++) {
    for (let row = column + 1; row < size; row++) {
      const by = at(row, column) / at(column, column)
      const target = rows[row]
      if (by !== 0 && target !== undefined) {
        for (let k = column; k <= size; k++) target[k] = (target[k] ?? 0) - by * at(column, k)
      }
    }
  }
  const solution = new Float64Array(size)
  for (let row = size - 1; row >= 0; row--) {
    let value = at(row, size)
    for (let k = row + 1; k < size; k++) value -= at(row, k) * (solution[k] ?? 0)
    solution[row] = value / at(row, row)
  }
  return solution
}

export interface Cusum {
  readonly drift: number
  readonly threshold: number
  /** The most that one call adds. */
  readonly step: number
}

/**
 * @param mean of the logarithm of measured over predicted
 * @param sigma its standard deviation
 */
export const runLength = (cusum: Cusum, mean: number, sigma: number, states = 200): number => {
  const { drift, step, threshold } = cusum
  const width = (2 * threshold) / (2 * states - 1)
  const rows = Array.from({ length: states }, (_, from) => {
    const row = new Float64Array(states + 1)
    const below = (value: number): number => {
      const change = value - from * width
      return change >= step ? 1 : normal((change + drift - mean) / sigma)
    }
    let before = 0
    for (let to = 0; to < states; to++) {
      const upTo = below((to + 0.5) * width)
      row[to] = before - upTo + (to === from ? 1 : 0)
      before = upTo
    }
    row[states] = 1
    return row
  })
  return solve(rows)[0] ?? Number.NaN
}
