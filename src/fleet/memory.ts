/** What a host was seen to hold: which models are in its memory, which of them was used last, and how much fits. */
import { defined } from "../internal/defined.js"
import type * as Residency from "../client/residency.js"
import * as Capacity from "./placement/capacity.js"

/** Models that are remembered at once; beyond it all but those that are there are forgotten. */
const most = 256

/** What fits, as another client has seen it (`Capacity.most`, `tooMuch`, `putOutAt`). */
export type Heard = Required<Pick<Capacity.Capacity, "most" | "putOutAt">> & Pick<Capacity.Capacity, "tooMuch">

export class Memory {
  /** By model, whether it is there or only installed: 10^9 bytes. */
  readonly sizes = new Map<string, number>()
  /** By model: when a call was there last; milliseconds on Clock. */
  private readonly used = new Map<string, number>()
  /** In the order in which they would be put out. */
  private there: ReadonlyArray<string> = []
  private known = Capacity.nothingSeen
  private seenAt: number | undefined
  private told: Heard | undefined
  /** Counts what changes. */
  changes = 0

  /** What other clients have found to fit. */
  get heard(): Heard | undefined {
    return this.told
  }

  set heard(told) {
    this.told = told
    this.changes++
  }

  /** How much fits, in 10^9 bytes; nothing until a model was put out for another. */
  get capacity(): number | undefined {
    return Capacity.of(this.told === undefined ? this.known : Capacity.together(this.known, this.told))
  }

  /** What this client has to say of it. */
  get seen(): Heard | undefined {
    const { most, putOutAt, tooMuch } = this.known
    if (putOutAt === undefined) return undefined
    return tooMuch === undefined ? { most, putOutAt } : { most, tooMuch, putOutAt }
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
    this.changes++
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
    this.changes++
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
    this.changes++
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
