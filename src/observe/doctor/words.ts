/** Figures as a person reads them. */
import * as Duration from "effect/Duration"

/** `3 ms`, `1.5 s`, `41 s`, `5 min`. */
export const span = (duration: Duration.Duration): string => {
  const millis = Duration.toMillis(duration)
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 10_000) return `${Number((millis / 1000).toFixed(1))} s`
  if (millis < 120_000) return `${Math.round(millis / 1000)} s`
  return `${Number((millis / 60_000).toFixed(1))} min`
}

/** `650 MB`, `4.7 GB`, as Ollama shows sizes: powers of ten. */
export const bytes = (size: number): string =>
  size >= 1e9 ? `${Number((size / 1e9).toFixed(1))} GB` : `${Math.round(size / 1e6)} MB`

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** At most so many, and how many are left. */
export const listed = (texts: ReadonlyArray<string>, most = 5): string =>
  texts.length <= most
    ? texts.join(", ")
    : `${texts.slice(0, most).join(", ")} and ${counted(texts.length - most, "other")}`

/** With a capital letter. */
export const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
