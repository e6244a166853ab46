/** What the soak and its servers say to each other, and the answers that everybody can tell. */

/** From the soak to a server. */
export type Order = { readonly slowDown: number }

/** From a server to the soak; `id` is that of the call it is about. */
export type Event =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Arrived"; readonly id: number }
  | { readonly _tag: "Ended"; readonly id: number; readonly how: string }

export const models = ["small", "large"] as const

export const question = (id: number): string => `call ${id}`

export const idOf = (text: string): number | undefined => {
  const found = /^call (\d+)$/.exec(text)
  return found === null ? undefined : Number(found[1])
}

/** The answer to a question, in tokens: no two questions have the same. */
export const answer = (text: string): ReadonlyArray<string> => {
  const id = idOf(text) ?? 0
  return Array.from({ length: 20 + (id % 20) }, (_, i) => ` ${id * 64 + i}`)
}
