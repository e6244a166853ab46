/** What a host cannot do, or had better not be asked for: models that are not installed there, and calls that it refuses. */
import * as Limited from "./limited.js"
import { Shedding } from "./shedding.js"

/** For how long a model counts as not installed where others have it; and where nobody has it. */
const missingFor = 60_000
const missingEverywhereFor = 5_000

export class Absence {
  /** Counts what changes. */
  changes = 0
  /** Not asked before this moment, whatever the model. */
  private avoidedUntil = 0
  private readonly avoided = new Map<string, number>()
  private readonly shedding = new Shedding()
  private readonly missing = new Map<string, number>()
  /** What it said to be installed, and when. */
  private catalog: { readonly names: Set<string>; readonly at: number } | undefined

  /** What it has installed, by its own word; the other models it lacks. */
  installed(names: Iterable<string>, now: number): void {
    this.changes++
    this.catalog = { names: new Set(names), at: now }
    this.missing.clear()
  }

  lacks(model: string, now: number): void {
    this.changes++
    Limited.set(this.missing, model, now)
  }

  has(model: string): void {
    this.changes++
    this.missing.delete(model)
    this.catalog?.names.add(model)
  }

  /** The models that it was heard not to have. */
  lacking(): Iterable<string> {
    return this.missing.keys()
  }

  isMissing(model: string, now: number): boolean {
    return now < this.missingUntil(model)
  }

  /** Milliseconds on Clock; never for a model that may be there. */
  missingUntil(model: string): number {
    const since = this.since(model)
    return since === undefined ? Number.NEGATIVE_INFINITY : since + missingFor
  }

  /** Nobody has it: what is not quite fresh may have changed. Says whether anything was forgotten. */
  doubt(model: string, now: number): boolean {
    const since = this.since(model)
    if (since === undefined || now - since < missingEverywhereFor) return false
    this.has(model)
    return true
  }

  private since(model: string): number | undefined {
    const { catalog } = this
    return this.missing.get(model) ?? (catalog === undefined || catalog.names.has(model) ? undefined : catalog.at)
  }

  /** It refuses calls, of a model or all, and had better be left alone for a while. */
  avoid(model: string | undefined, until: number): void {
    this.changes++
    if (model === undefined) this.avoidedUntil = Math.max(this.avoidedUntil, until)
    else Limited.set(this.avoided, model, until)
  }

  /** It had too much to do for a call. */
  shed(model: string | undefined, now: number, atLeast: number): void {
    const pause = this.shedding.shed(model, now)
    this.avoid(pause.model, now + Math.max(pause.millis, atLeast))
  }

  /** A call was answered. */
  answered(model: string | undefined): void {
    this.changes++
    this.avoidedUntil = 0
    this.shedding.answered(model)
    if (model === undefined) return
    this.avoided.delete(model)
    this.has(model)
  }

  /** For how much longer it had better not be asked at all; milliseconds. */
  avoidedLeft(now: number): number {
    return Math.max(0, this.avoidedUntil - now)
  }

  /** The same of a model alone. */
  avoidedLeftOf(model: string | undefined, now: number): number {
    return model === undefined ? 0 : Math.max(0, (this.avoided.get(model) ?? now) - now)
  }
}
