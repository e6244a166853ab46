/**
 * For how long a host is left alone that answers calls with 503, as Ollama does when its queue is full: longer each time,
 * because each look costs a call an attempt.
 */
import * as Limited from "./limited.js"

/** The first time, and at most; doubled each time, as with a breaker of a host. Milliseconds. */
const first = 1_000
const longest = 30_000

/** Which calls to keep away: those for a model, or all. */
export interface Pause {
  readonly model: string | undefined
  readonly millis: number
}

interface Streak {
  readonly times: number
  /** Until then it was to be left alone. */
  readonly until: number
}

const next = (streak: Streak | undefined, now: number): Streak => {
  // calls that were on their way to it together have seen one thing
  if (streak !== undefined && now < streak.until) return streak
  const before = streak?.times ?? 0
  return { times: before + 1, until: now + Math.min(longest, first * 2 ** before) }
}

export class Shedding {
  /** Since their last answer, by model. */
  private readonly streaks = new Map<string, Streak>()
  /** Of calls for any model, while none was answered. */
  private all: Streak | undefined
  /** For which model the first of them was; nothing once there was another. */
  private only: string | undefined

  /** A call was not taken. */
  shed(model: string | undefined, now: number): Pause {
    // one model that is refused may be one that has no room; two, and none that is answered, are the host
    this.only = this.all === undefined || this.only === model ? model : undefined
    this.all = next(this.all, now)
    if (model === undefined || this.only === undefined) return { model: undefined, millis: this.all.until - now }
    const streak = next(this.streaks.get(model), now)
    Limited.set(this.streaks, model, streak)
    return { model, millis: streak.until - now }
  }

  /** A call was answered. */
  answered(model: string | undefined): void {
    this.all = undefined
    this.only = undefined
    if (model !== undefined) this.streaks.delete(model)
  }
}
