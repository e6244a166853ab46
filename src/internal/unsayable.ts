/** Values that JSON cannot say: it throws at some, leaves others out, and turns others into `null`. */
import * as Predicate from "effect/Predicate"
import * as Nesting from "./nesting.js"

/** Where such a value is, and what is wrong with it; never the value itself. */
export interface Unsayable {
  readonly path: ReadonlyArray<PropertyKey>
  readonly why: string
}

const problem = (u: unknown, isItem: boolean): string | undefined => {
  switch (typeof u) {
    case "number":
      return Number.isFinite(u) ? undefined : "JSON has no such number: it must be finite"
    case "bigint":
      return "JSON has no bigint: give a number or a text"
    case "function":
    case "symbol":
      return `JSON has no ${typeof u}`
    case "undefined":
      // a property that is undefined is left out, as is meant; an item would become null
      return isItem ? "JSON has no undefined in an array" : undefined
    default:
      return undefined
  }
}

const search = (u: unknown, path: Array<PropertyKey>, isItem: boolean): string | undefined => {
  if (typeof u !== "object" || u === null) return problem(u, isItem)
  if (path.length > Nesting.deepest) return "it contains itself, or is nested too deeply"
  // says itself what it is in JSON, as a Date does
  if (Predicate.hasProperty(u, "toJSON")) return undefined
  const isArray = Array.isArray(u)
  for (const [key, value] of isArray ? u.entries() : Object.entries(u)) {
    path.push(key)
    const why = search(value, path, isArray)
    if (why !== undefined) return why
    path.pop()
  }
  return undefined
}

/** The first such value. */
export const find = (u: unknown): Unsayable | undefined => {
  const path: Array<PropertyKey> = []
  const why = search(u, path, false)
  return why === undefined ? undefined : { path: path.length > Nesting.deepest ? path.slice(0, 2) : path, why }
}
