/** The wait a server or proxy asks for, from its response headers. */

export interface Headers {
  readonly [name: string]: string | undefined
}

const decimal = (text: string, millisPerUnit: number): number | undefined => {
  if (!/^\s*\d+(\.\d+)?\s*$/.test(text)) return undefined
  const millis = Number(text) * millisPerUnit
  return Number.isFinite(millis) ? millis : undefined
}

/** An HTTP date or an ISO 8601 date, as the wait from `now`; a date in the past is no wait. */
const date = (text: string, now: number): number | undefined => {
  if (!/\d{4}/.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/**
 * `retry-after-ms` (milliseconds) before `retry-after` (seconds, with a fraction if need be, or a date, RFC 9110
 * 10.2.3). What cannot be read, and what is negative, counts as no wish at all.
 *
 * @param now the time of the answer in milliseconds since the epoch, from Clock
 */
export const parse = (headers: Headers, now: number): number | undefined => {
  const millis = decimal(headers["retry-after-ms"] ?? "", 1)
  if (millis !== undefined) return millis
  const text = headers["retry-after"]
  return text === undefined
    ? undefined
    : (decimal(text, 1000) ?? (text.trim().startsWith("-") ? undefined : date(text, now)))
}
