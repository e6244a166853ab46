/**
 * What a circuit breaker does, as simply as it can be said: it keeps every outcome and every call, and looks through all
 * of them each time. To hold the real one against. Waits have no jitter here.
 */
import * as Duration from "effect/Duration"
import { CircuitBreaker } from "effect-ollama"

interface Outcome {
  /** When its slice of time began. */
  readonly sliceAt: number
  readonly isFailed: boolean
  readonly isSlow: boolean
}

export interface Call {
  readonly startedAt: number
  readonly isTrial: boolean
  isSlow: boolean
}

const never = Number.POSITIVE_INFINITY
const millis = (value: Duration.Duration | "off" | "none"): number =>
  typeof value === "string" ? never : Duration.toMillis(value)
const number = (value: number | "off" | "all"): number => (typeof value === "string" ? never : value)

export class Model {
  state: "closed" | "open" | "halfOpen" = "closed"
  outcomes: Array<Outcome> = []
  consecutive = 0
  /** Calls of this state that have not ended. */
  calls: Array<Call> = []
  /** Trials that ended: whether they were successes. */
  verdicts: Array<boolean> = []
  openedAt = 0
  wait = 0
  openings = 0
  recoveredAt: number | undefined
  peak = 0

  constructor(readonly value: CircuitBreaker.CircuitBreaker) {}

  get slowAfter() {
    return millis(this.value.slowAfter)
  }

  get ramp() {
    return this.value.ramp === "off" ? 0 : Duration.toMillis(this.value.ramp)
  }

  isRecovering(now: number) {
    return this.recoveredAt !== undefined && now - this.recoveredAt < this.ramp
  }

  window(now: number): ReadonlyArray<Outcome> {
    const { calls, duration } = this.value.window
    const last = calls === "all" ? this.outcomes : this.outcomes.slice(-calls)
    return last.filter(({ sliceAt }) => now - sliceAt < millis(duration))
  }

  /** Until a call may pass; zero when it may. */
  waits(now: number): number {
    if (this.state === "open") return Math.max(0, this.wait - (now - this.openedAt))
    if (this.state === "halfOpen") {
      const limit = Duration.toMillis(this.value.trialLimit)
      const awaited = this.calls.filter(({ startedAt }) => now - startedAt < limit)
      if (awaited.length === 0 || awaited.length + this.verdicts.length < this.value.trials) return 0
      return Math.min(...awaited.map(({ startedAt }) => limit - (now - startedAt)))
    }
    if (!this.isRecovering(now) || this.recoveredAt === undefined) return 0
    const share = ((now - this.recoveredAt) / this.ramp) ** (1 / this.value.rampCurve)
    const limit = Math.max(1, Math.floor(Math.max(this.value.rampFrom, share) * this.peak + 1e-9))
    // how long is a matter of taste; that it is not zero, and not long, is what counts
    return this.calls.length < limit ? 0 : Math.min(1000, this.ramp)
  }

  acquire(now: number): Call | undefined {
    this.look(now)
    if (this.waits(now) > 0) return undefined
    if (this.state === "open") {
      this.state = "halfOpen"
      this.calls = []
      this.verdicts = []
    }
    if (this.state === "halfOpen") {
      const limit = Duration.toMillis(this.value.trialLimit)
      this.calls = this.calls.filter(({ startedAt }) => now - startedAt < limit)
    }
    const call: Call = { startedAt: now, isTrial: this.state === "halfOpen", isSlow: false }
    this.calls.push(call)
    if (this.state === "closed") {
      if (this.recoveredAt !== undefined && !this.isRecovering(now)) {
        this.recoveredAt = undefined
        this.peak = 0
      }
      this.peak = Math.max(this.peak, this.calls.length)
    }
    return call
  }

  settle(call: Call, outcome: CircuitBreaker.Outcome, now: number): void {
    const isOurs = this.calls.includes(call)
    this.calls = this.calls.filter((other) => other !== call)
    if (isOurs && outcome !== "ignored") {
      const isFailed = outcome === "failure"
      const isSlow = now - call.startedAt >= this.slowAfter
      if (this.state === "halfOpen") {
        this.verdicts.push(!isFailed && !(isSlow && this.value.slowRate !== "off"))
        this.judge(now)
      } else {
        this.consecutive = isFailed ? this.consecutive + 1 : 0
        this.outcomes.push({ sliceAt: this.slice(now, isFailed, isSlow), isFailed, isSlow })
        this.weigh(now)
      }
    }
    this.look(now)
  }

  /** Outcomes share a slice that is not over, in a window of calls those of one kind. */
  slice(now: number, isFailed: boolean, isSlow: boolean): number {
    const { calls, duration, slices } = this.value.window
    const last = this.outcomes.at(-1)
    if (last === undefined || now - last.sliceAt >= millis(duration) / slices) return now
    return calls === "all" || (last.isFailed === isFailed && last.isSlow === isSlow) ? last.sliceAt : now
  }

  /** Finds the calls that have become slow, oldest first. */
  look(now: number): void {
    for (const call of this.calls) {
      if (!this.calls.includes(call) || call.isSlow || now - call.startedAt < this.slowAfter) continue
      call.isSlow = true
      if (this.state === "halfOpen") this.judge(now)
      else this.weigh(now)
    }
  }

  weigh(now: number): void {
    const { belief, consecutive, failureRate, failures, minCalls, slowRate, strict } = this.value
    const window = this.window(now)
    const failed = window.filter(({ isFailed }) => isFailed).length
    const hanging = this.calls.filter(({ isSlow }) => isSlow).length
    const slow = window.filter(({ isSlow }) => isSlow).length + hanging
    const reaches = (part: number, total: number, threshold: number | "off") =>
      total >= minCalls && total > 0 && (strict ? part / total > number(threshold) : part / total >= number(threshold))
    const isSick =
      this.consecutive >= number(consecutive) ||
      failed >= number(failures) ||
      reaches(failed, window.length, failureRate) ||
      reaches(slow, window.length + hanging, slowRate) ||
      CircuitBreaker.belief(failed, window.length) >= number(belief)
    if (isSick) this.open(now, this.isRecovering(now) ? this.openings + 1 : 1)
  }

  judge(now: number): void {
    const { slowRate, trialSuccesses, trialVerdict, trials } = this.value
    const successes = this.verdicts.filter((isSuccess) => isSuccess).length
    const isEarly = trialVerdict === "early"
    if (!isEarly && this.verdicts.length < trials) return
    if (successes >= trialSuccesses) return this.close(now)
    const hanging = isEarly && slowRate !== "off" ? this.calls.filter(({ isSlow }) => isSlow).length : 0
    const lost = this.verdicts.length - successes + hanging
    if (lost > trials - trialSuccesses) this.open(now, this.openings + 1)
  }

  open(now: number, openings: number): void {
    const { openFactor, openFor, openMax } = this.value
    const wait = Math.min(Duration.toMillis(openMax), Duration.toMillis(openFor) * openFactor ** (openings - 1))
    this.begin("open")
    this.openings = openings
    this.openedAt = now
    this.wait = Math.floor(wait)
    this.recoveredAt = undefined
  }

  close(now: number): void {
    this.begin("closed")
    if (this.ramp > 0) this.recoveredAt = now
    else this.peak = 0
  }

  begin(state: "closed" | "open"): void {
    this.state = state
    this.calls = []
    this.outcomes = []
    this.verdicts = []
    this.consecutive = 0
  }
}
