/** What callers ask for, when, and how long they have patience: made of a seed before anything runs. */
import { PCGRandom } from "effect/Utils"

/** All times are multiples of this, in milliseconds, so that much happens in the same moment. */
export const quantum = 500

/** A source of chance that is the same for the same seed. */
export interface Dice {
  readonly below: (limit: number) => number
  readonly between: (least: number, most: number) => number
  readonly chance: (share: number) => boolean
  readonly pick: <A>(from: readonly [A, ...ReadonlyArray<A>]) => A
  /** Milliseconds, a multiple of the quantum; bounds in seconds. */
  readonly time: (least: number, most: number) => number
}

export const dice = (seed: number): Dice => {
  const random = new PCGRandom(seed)
  const below = (limit: number) => random.integer(limit)
  const between = (least: number, most: number) => least + below(most - least + 1)
  return {
    below,
    between,
    chance: (share) => random.number() < share,
    pick: (from) => from[below(from.length)] ?? from[0],
    time: (least, most) => quantum * between((least * 1000) / quantum, (most * 1000) / quantum)
  }
}

export const generating = ["alpha", "beta", "gamma", "delta"] as const
export const embedding = "all-minilm"

export type Kind = "chat" | "chatStream" | "generate" | "embed"

/** Stays to the end, goes after some time, takes only so many chunks, or sets a limit for the whole. */
export type Patience =
  | { readonly how: "stays" }
  | { readonly how: "leaves"; readonly after: number }
  | { readonly how: "takes"; readonly chunks: number }
  | { readonly how: "limit"; readonly total: number }

export interface Asked {
  readonly id: number
  /** Milliseconds from the start. */
  readonly at: number
  /** The name of the client that is asked. */
  readonly client: string
  readonly kind: Kind
  readonly model: string
  /** How long the answer is. */
  readonly words: number
  readonly priority: "interactive" | "normal" | "batch"
  readonly patience: Patience
}

const kinds: readonly [Kind, ...ReadonlyArray<Kind>] = ["chat", "chat", "chatStream", "chatStream", "generate", "embed"]

const patienceFor = (kind: Kind, chance: Dice): Patience => {
  const roll = chance.below(100)
  if (roll < 10) return { how: "leaves", after: chance.time(0.5, 20) }
  if (roll < 20) return { how: "limit", total: chance.time(1, 30) }
  return kind === "chatStream" && roll < 40 ? { how: "takes", chunks: chance.between(1, 3) } : { how: "stays" }
}

/** The calls in the order in which they are made. */
export const calls = (
  count: number,
  clients: readonly [string, ...ReadonlyArray<string>],
  seed: number
): ReadonlyArray<Asked> => {
  const chance = dice(seed)
  const all: Array<Asked> = []
  let at = 0
  let wanted: readonly [string, ...ReadonlyArray<string>] = ["alpha"]
  for (let burst = 0; all.length < count; burst++) {
    // what is asked for changes slowly, as far as memory goes; now and then somebody wants something else
    if (burst % 16 === 0) wanted = [chance.pick(generating), chance.pick(generating)]
    const size = Math.min(count - all.length, chance.between(1, 40))
    for (let n = 0; n < size; n++) {
      const kind = chance.pick(kinds)
      const model = kind === "embed" ? embedding : chance.pick(chance.chance(0.03) ? generating : wanted)
      all.push({
        id: all.length,
        at,
        client: chance.pick(clients),
        kind,
        model,
        words: chance.between(3, 8),
        priority: chance.pick(["interactive", "normal", "normal", "batch"]),
        patience: patienceFor(kind, chance)
      })
    }
    at += chance.time(0.5, 6)
  }
  return all
}

/** The words by which an answer can be told from every other one. */
export const prompt = ({ id, words }: Asked): string => `call ${id} of ${words} words`

export const answer = (text: string): ReadonlyArray<string> => {
  const [, id, words] = /^call (\d+) of (\d+) words$/.exec(text) ?? []
  return Array.from({ length: Number(words ?? 1) }, (_, n) => `${id ?? "?"}.${n} `)
}

/** What is embedded for a call: as many texts as its answer would have words. */
export const texts = (asked: Asked): ReadonlyArray<string> =>
  Array.from({ length: asked.words }, (_, n) => `${prompt(asked)} text ${n}`)

/** The call that a request belongs to; none for a load and for what is asked of the server itself. */
export const idOf = (body: string): number | undefined => {
  const found = /call (\d+) of/.exec(body)?.[1]
  return found === undefined ? undefined : Number(found)
}
