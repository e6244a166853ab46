/** What a host was seen to hold: which models are in its memory, which of them was used last, and how much fits. */
import { defined } from "../internal/defined.js"
import type * as Residency from "../client/residency.js"
import * as Capacity from "./placement/capacity.js"

/** Models that are remembered at once; beyond it all but those that are there are forgotten. */
const most = 256

export class Memory {
  /** By model, whether it is there or only installed: 10^9 bytes. */
  readonly sizes = new Map<string, number>()
  /** By model: when a call was there last; milliseconds on Clock. */
  private readonly used = new Map<string, number>()
  /** In the order in which they would be put out. */
  private there: ReadonlyArray<string> = []
  private known = Capacity.nothingSeen
  private seenAt: number | undefined

  /** What another client has found to fit, and when a model was last put out there. */
  heard: { readonly capacity: number; readonly putOutAt: number } | undefined

  /** How much fits, in 10^9 bytes; nothing until a model was put out for another. Whoever has seen that last is right. */
  get capacity(): number | undefined {
    const { heard, known } = this
    return heard === undefined || heard.putOutAt <= (known.putOutAt ?? Number.NEGATIVE_INFINITY)
      ? Capacity.of(known)
      : Math.max(known.most, heard.capacity)
  }

  /** The same as this client has seen it. */
  get seen(): { readonly capacity: number; readonly putOutAt: number } | undefined {
    const { putOutAt } = this.known
    const capacity = Capacity.of(this.known)
    return capacity === undefined || putOutAt === undefined ? undefined : { capacity, putOutAt }
  }

  /** The most that was there at once. */
  get most(): number {
    return this.known.most
  }

  get putOutAt(): number | undefined {
    return this.known.putOutAt
  }

  /** The models that were listed last; the one that was not used for the longest time stands first. */
  get models(): ReadonlyArray<string> {
    return this.there
  }

  /**
   * What it holds now.
   *
   * @param loading the models that are being loaded
   */
  looked({ at, models }: Residency.Listing, loading: Iterable<string>): void {
    if (at === this.seenAt) return
    this.seenAt = at
    for (const { name, size } of models) if (size !== undefined) this.sizes.set(name, size / 1e9)
    const gigabytes = (name: string): number => this.sizes.get(name) ?? 0
    const names = models.map(({ name }) => name)
    const arriving = [...loading].find((name) => !names.includes(name))
    this.known = Capacity.observe(this.known, {
      at,
      models: Object.fromEntries(
        models.map(({ expiresAt, name }) => [name, { gigabytes: gigabytes(name), ...defined({ expiresAt }) }])
      ),
      arriving: arriving === undefined ? undefined : { model: arriving, gigabytes: gigabytes(arriving) }
    })
    const usedAt = (name: string): number => this.used.get(name) ?? 0
    this.there = names.toSorted((a, b) => usedAt(a) - usedAt(b))
    this.prune()
  }

  /** What is installed there, and how large it is; much the same as what it takes in memory. */
  installed(sizes: ReadonlyMap<string, number>): void {
    for (const [name, size] of sizes) if (!this.sizes.has(name)) this.sizes.set(name, size)
    this.prune()
  }

  /** A call of it begins or ends there. */
  use(model: string, now: number): void {
    this.used.set(model, now)
    if (this.used.size > 2 * most) this.prune()
  }

  /** It was away, and holds nothing. */
  lost(): void {
    this.there = []
    this.known = { ...this.known, models: {} }
  }

  private prune(): void {
    for (const map of [this.sizes, this.used]) {
      if (map.size <= most) continue
      for (const name of map.keys()) {
        if (map.size <= most) break
        if (!this.there.includes(name)) map.delete(name)
      }
    }
  }
}
