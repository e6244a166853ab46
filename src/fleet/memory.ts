/**
 * What a host was seen to hold: which models are in its memory and how large they are, which of them was used last, and
 * how much fits. Synchronous, and told the time.
 */
import type * as Residency from "../client/residency.js"

/** Models that are remembered at once; beyond it all but those that are there are forgotten. */
const most = 256

const gigabytesOf = (bytes: number | undefined): number => (bytes === undefined ? 0 : bytes / 1e9)

export class Memory {
  /** By model: 10^9 bytes. */
  readonly sizes = new Map<string, number>()
  /** By model: when a call was there last; milliseconds on Clock. */
  readonly used = new Map<string, number>()
  /** In the order in which they would be put out. */
  private there: ReadonlyArray<string> = []
  private largest = 0
  private hasEvicted = false
  private seenAt: number | undefined

  /** How much fits, in 10^9 bytes; nothing until a model was put out for another. */
  get capacity(): number | undefined {
    return this.hasEvicted ? this.largest : undefined
  }

  /** The models that were listed last; the one that was not used for the longest time stands first. */
  get models(): ReadonlyArray<string> {
    return this.there
  }

  /**
   * What it holds now.
   *
   * @param isLoading whether a load is under way that room may have been made for
   */
  looked(listing: Residency.Listing, isLoading: boolean): void {
    if (listing.at === this.seenAt) return
    this.seenAt = listing.at
    const names = listing.models.map(({ name }) => name)
    for (const { name, size } of listing.models) if (size !== undefined) this.sizes.set(name, gigabytesOf(size))
    const all = listing.models.reduce((sum, { size }) => sum + gigabytesOf(size), 0)
    const isNew = names.some((name) => !this.there.includes(name))
    const isGone = this.there.some((name) => !names.includes(name))
    if (isGone && (isNew || isLoading)) this.hasEvicted = true
    this.largest = Math.max(this.largest, all)
    const usedAt = (name: string): number => this.used.get(name) ?? 0
    this.there = names.sort((a, b) => usedAt(a) - usedAt(b))
    if (this.sizes.size > most) {
      for (const name of [...this.sizes.keys()].filter((name) => !names.includes(name))) {
        this.sizes.delete(name)
        this.used.delete(name)
      }
    }
  }

  /** A call of it begins or ends there. */
  use(model: string, now: number): void {
    if (!this.used.has(model) && this.used.size >= most) this.used.clear()
    this.used.set(model, now)
  }
}
