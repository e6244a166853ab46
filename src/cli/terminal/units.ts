/** Figures as people read them, short enough for tables. */

const rounded = (value: number): string => (value >= 99.95 ? String(Math.round(value)) : value.toFixed(1))

/** `2.0 GB`: powers of ten, as Ollama writes them. */
export const bytes = (count: number): string => {
  const units = ["kB", "MB", "GB", "TB"]
  if (count < 1000) return `${Math.round(count)} B`
  let value = count / 1000
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${rounded(value)} ${units[unit]}`
}

/** `950 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d`. */
export const span = (millis: number): string => {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))} ms`
  if (millis < 99_950) return `${(millis / 1000).toFixed(1)} s`
  const seconds = Math.round(millis / 1000)
  if (seconds < 3600) return both(Math.floor(seconds / 60), "min", seconds % 60, "s")
  const minutes = Math.round(seconds / 60)
  if (minutes < 48 * 60) return both(Math.floor(minutes / 60), "h", minutes % 60, "min")
  return `${Math.round(minutes / 60 / 24)} d`
}

const both = (large: number, unit: string, small: number, smaller: string): string =>
  small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smaller}`

/** One unit only: `12 s`, `5 min`, `3 h`, `2 d`. */
export const rough = (millis: number): string => {
  const seconds = Math.round(Math.max(0, millis) / 1000)
  if (seconds < 100) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 100) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`
}

/** `40.0`: things a second. */
export const rate = (perSecond: number): string => rounded(perSecond)

/** `1 model`, `3 models`. */
export const count = (amount: number, thing: string): string => `${amount} ${thing}${amount === 1 ? "" : "s"}`
