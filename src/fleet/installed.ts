/** Which models a host has installed, by its own word and by its failures. */
import { limited } from "./limited.js"

/** For how long a model counts as not installed where others have it; and where nobody has it. */
const missingFor = 60_000
const missingEverywhereFor = 5_000

export class Installed {
  private readonly missing = new Map<string, number>()
  /** What it said to be installed, and when. */
  private catalog: { readonly names: Set<string>; readonly at: number } | undefined

  /** What it has installed, by its own word; the other models it lacks. */
  listed(names: Iterable<string>, now: number): void {
    this.catalog = { names: new Set(names), at: now }
    this.missing.clear()
  }

  /** The model is not installed there. */
  lacks(model: string, now: number): void {
    limited(this.missing, model, now)
  }

  has(model: string): void {
    this.missing.delete(model)
    this.catalog?.names.add(model)
  }

  /** The models that it was heard not to have. */
  lacking(): Iterable<string> {
    return this.missing.keys()
  }

  isMissing(model: string, now: number): boolean {
    const since = this.missingSince(model)
    return since !== undefined && now - since < missingFor
  }

  /** Nobody has it: what is not quite fresh may have changed. Says whether anything was forgotten. */
  doubt(model: string, now: number): boolean {
    const since = this.missingSince(model)
    if (since === undefined || now - since < missingEverywhereFor) return false
    this.has(model)
    return true
  }

  private missingSince(model: string): number | undefined {
    const { catalog } = this
    return this.missing.get(model) ?? (catalog === undefined || catalog.names.has(model) ? undefined : catalog.at)
  }
}
