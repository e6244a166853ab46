/** Figures as pictures made of block characters. */

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

/** How much of a whole, in exactly so many columns. */
export const bar = (share: number, width: number): string => {
  const parts = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const full = "█".repeat(Math.floor(parts / 8))
  const part = eighths[parts % 8] ?? ""
  return (full + part).padEnd(width)
}

const levels = "▁▂▃▄▅▆▇█"

/**
 * The last values as columns, from zero to the largest of them; a value that is absent is a space. Exactly so many
 * columns, filled from the left.
 */
export const sparkline = (values: ReadonlyArray<number | undefined>, width: number): string => {
  const shown = width <= 0 ? [] : values.slice(-width)
  const most = Math.max(0, ...shown.map((value) => value ?? 0))
  const level = (value: number | undefined): string => {
    if (value === undefined) return " "
    const step = most === 0 ? 0 : Math.round((Math.max(0, value) / most) * (levels.length - 1))
    return levels[step] ?? " "
  }
  return shown.map(level).join("").padStart(Math.max(0, width))
}
