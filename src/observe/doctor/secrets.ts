/** Keeps every credential that the doctor was given out of what others say, which is all that could repeat one. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { withoutSecrets } from "./address.js"
import type { Facts } from "./facts.js"
import type { ProxySetting } from "./probes.js"

/** A shorter secret protects nothing, and taking it out would tear every text apart. */
const shortest = 4

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // not percent-encoded: taken as it is
    return text
  }
}

/** The password of an address, and the user with it, as they are written and as they are meant. */
export const ofAddress = (address: string): ReadonlyArray<string> => {
  const found = /^\s*(?:[a-z][a-z0-9+.-]*:\/\/)?(.*)@/is.exec(address)?.[1]
  if (found === undefined) return []
  const parts = found.includes(":") ? [found, found.slice(found.indexOf(":") + 1)] : [found]
  return parts.flatMap((part) => [part, decoded(part), encodeURIComponent(part), btoaOf(decoded(part))])
}

/** As it stands in a Basic Authorization header. */
const btoaOf = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

/** A proxy's address to show. */
export const proxyAddress = (setting: ProxySetting): string => {
  const text = withoutSecrets(Redacted.value(setting.address))
  const found = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/\s]+)/i.exec(text)
  return found === null ? "(no address)" : `${found[1] ?? "http"}://${found[2]}`
}

/** To be taken out one after the other: what is a part of another one comes after it. */
export const sorted = (secrets: Iterable<string>): ReadonlyArray<string> =>
  [...new Set(secrets)].filter((text) => text.length >= shortest).sort((a, b) => b.length - a.length)

/** What the doctor itself wrote there, one of a few words. */
const ownWords = new Set(["os", "container", "place", "outcome", "fault", "kind", "tag", "reason", "clock", "fits"])

/** The same facts, their texts without the secrets. */
export const clean = (facts: Facts, secrets: ReadonlyArray<string>): Facts => {
  const without = (text: string): string =>
    secrets.reduce((left, secret) => left.split(secret).join("[redacted]"), text)
  const visit = (u: unknown): unknown => {
    if (typeof u === "string") return without(u)
    if (Array.isArray(u)) return u.map(visit)
    if (Duration.isDuration(u) || DateTime.isDateTime(u) || !Predicate.isRecord(u)) return u
    return Object.fromEntries(
      Object.entries(u).map(([key, inner]) => [
        key,
        ownWords.has(key) && typeof inner === "string" ? inner : visit(inner)
      ])
    )
  }
  return visit(facts) as Facts
}
