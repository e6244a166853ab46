/** The calls that occupy models at a host, together. */
import * as Work from "./work.js"

export class Working {
  /** Counts what changes. */
  changes = 0
  readonly all = new Set<Work.Work>()
  /** When a call was answered there to its end last; milliseconds on Clock. */
  private answeredAt = Number.NEGATIVE_INFINITY

  constructor(private readonly url: string) {}

  begins(work: Work.Work): void {
    this.all.add(work)
    this.changes++
  }

  ends(work: Work.Work): void {
    this.all.delete(work)
    this.changes++
  }

  answered(now: number): void {
    this.answeredAt = now
    this.changes++
  }

  /** Whether a model is being loaded for any of them. */
  isLoading(): boolean {
    for (const work of this.all) if (Work.isLoading(work, this.url)) return true
    return false
  }

  uses(model: string): boolean {
    for (const work of this.all) if (work.model === model) return true
    return false
  }

  /** Milliseconds of all of them that are left. */
  left(now: number): Work.Left {
    let signAt = this.answeredAt
    for (const work of this.all) signAt = Math.max(signAt, Work.firstAt(work, this.url) ?? signAt)
    let constant = 0
    let slope = 0
    let until = Number.POSITIVE_INFINITY
    for (const work of this.all) {
      const left = Work.left(work, Work.firstAt(work, this.url), signAt, now)
      constant += left.constant
      slope += left.slope
      until = Math.min(until, left.until)
    }
    return { constant, slope, until }
  }
}
