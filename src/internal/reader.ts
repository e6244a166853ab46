/**
 * One reader for each attempt: everything that can happen to it (headers, bytes, the end, a broken connection, a clock)
 * arrives here, and is taken out through one constant Effect. Read, split, parse and check happen once per network read,
 * for all the lines in it; there is no fiber, timer or Effect per token.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as OllamaError from "../OllamaError.js"
import type * as Body from "./body.js"
import * as Lines from "./lines.js"
import type * as Soon from "./soon.js"
import type * as Watchdog from "./watchdog.js"

/** The end of an answer that is complete. */
export const done: unique symbol = Symbol.for("effect-ollama/internal/done")
export type Done = typeof done

/** What one read gave: at least one value, or the end. */
export type Batch<A> = Array<A> | Done

/** How an answer is taken apart. Failures are thrown, because this runs inside the transport's callbacks. */
export interface Wire<A> {
  /** One line (or the whole body) to a value. Throws an `OllamaError`. */
  readonly line: (text: string, lineNumber: number) => A
  /** Adds the values of lines that need not be taken apart; tells where the first line begins that has to be. */
  readonly skim?: (text: string, start: number, values: Array<A>) => number
  readonly isLast: (value: A) => boolean
  readonly onLast: (value: A) => void
  /** Only the end is waited for, because the values are folded as they come. */
  readonly folded: boolean
  /** The body is one JSON value and not lines of it. */
  readonly whole: boolean
  /** The most bytes of all lines together, where what they hold is kept; of one value it is the limit itself. */
  readonly answerLimit: number
  /** What an empty body means, where it is a good answer. */
  readonly empty?: (() => A) | undefined
  /** What to make of a body that ended without a last value. */
  readonly unfinished: (sawBytes: boolean) => OllamaError.OllamaError
  /** What to make of a line or body that is longer than the limit, or that is not UTF-8. */
  readonly unreadable: (problem: Lines.TooLong | Lines.NotUtf8, lineNumber: number) => OllamaError.OllamaError
  /** What to make of a broken connection; nothing where it was closed from here, with the client. */
  readonly broken: (error: unknown, sawBytes: boolean) => OllamaError.OllamaError | undefined
}

/** The limits that are watched, in milliseconds. */
export interface Watch {
  /** Until the first value; counted only while somebody waits. May be changed while it runs. */
  readonly first: number | undefined
  /** How much longer it may take now, because there is no connection yet: that has a limit of its own. */
  readonly spare: () => number
  /** Between values; counted only while somebody waits. */
  readonly gap: number | undefined
  /** When the whole call has to be over; always counts. */
  readonly deadline: number | undefined
  /** Called once for each limit, `ahead` before `first` would pass, and not before half of it has. */
  readonly near: () => Effect.Effect<void>
  /** Nothing where nobody wants to be called. */
  readonly ahead: number | undefined
  readonly expired: (clock: "first" | "gap" | "total") => OllamaError.OllamaError
}

/** Milliseconds between two looks at a connection that takes longer than the first value may. */
const step = 100

/** Values that are kept for a consumer that does not pull, before the transport is told to wait. */
const highWater = 512

type Outcome<A> = Effect.Effect<Batch<A>, OllamaError.OllamaError>

/** It is what the body's events are told to, and what a watchdog looks at. */
export class Reader<A> implements Body.Hooks, Lines.Taker, Soon.Ready, Watchdog.Entry {
  private readonly lines: Lines.Lines | undefined
  /** Of an answer that is one value. */
  private readonly pile: Lines.Pile | undefined
  private buffer: Array<A> = []
  private exit: Effect.Effect<Done, OllamaError.OllamaError> | undefined
  private wake: ((batch: Outcome<A>) => void) | undefined
  /** Whoever waits only wants to know that there is something. */
  private isPeeking = false
  private body: Body.Body | undefined
  private isPaused = false
  private sawBytes = false
  private sawEnd = false
  private sawFirst = false
  private sawLast = false
  private lineNumber = 0
  private bytes = 0
  private values = 0
  private waitingSince: number
  private ended: (() => void) | undefined
  private isNotified = false
  private watched: Watch | undefined
  private limitLookedAt: number | undefined

  constructor(
    private readonly clock: Clock.Clock,
    private readonly wire: Wire<A>,
    private readonly limit: number,
    private readonly soon?: Soon.Run | undefined
  ) {
    if (wire.whole) this.pile = new Lines.Pile()
    else this.lines = new Lines.Lines(limit)
    this.waitingSince = clock.unsafeCurrentTimeMillis()
  }

  /** What has arrived since the last read. */
  readonly read: Outcome<A> = Effect.async((resume) => {
    const batch = this.take()
    if (batch !== undefined) return resume(batch)
    this.wait(resume, false)
  })

  /** Waits until there is something to read, or nothing more will come; fails where that is a failure. */
  ready(): Effect.Effect<void, OllamaError.OllamaError> {
    return Effect.async((resume) => {
      const found = this.peek()
      if (found !== undefined) return resume(Effect.asVoid(found))
      this.wait((batch) => resume(Effect.asVoid(batch)), true)
    })
  }

  private wait(wake: (batch: Outcome<A>) => void, isPeeking: boolean): void {
    this.waitingSince = this.clock.unsafeCurrentTimeMillis()
    this.wake = wake
    this.isPeeking = isPeeking
  }

  /** The same as `read`, where there is something already. */
  poll(): Array<A> | undefined {
    if (this.buffer.length === 0) return undefined
    const batch = this.buffer
    this.buffer = []
    if (this.isPaused) {
      this.isPaused = false
      this.body?.resume()
    }
    return batch
  }

  private take(): Outcome<A> | undefined {
    const batch = this.poll()
    return batch === undefined ? this.exit : Effect.succeed(batch)
  }

  private peek(): Outcome<A> | undefined {
    return this.buffer.length > 0 ? Effect.succeed(done) : this.exit
  }

  private notify(): void {
    const { wake } = this
    if (wake === undefined) return
    const batch = this.isPeeking ? this.peek() : this.take()
    if (batch === undefined) return
    this.wake = undefined
    wake(batch)
  }

  /** The moment has come. */
  handOn(): void {
    this.isNotified = false
    this.notify()
  }

  private notifySoon(): void {
    const { soon } = this
    if (soon === undefined) return this.notify()
    if (this.isNotified) return
    this.isNotified = true
    soon(this)
  }

  private finish(outcome: Effect.Effect<Done, OllamaError.OllamaError>): void {
    this.exit ??= outcome
    this.notify()
  }

  /** Ends the reader with a failure from outside, such as a refused connection. */
  fail(error: OllamaError.OllamaError): void {
    this.finish(Effect.fail(error))
  }

  /** The same with what no failure of ours says. */
  die(defect: unknown): void {
    this.finish(Effect.die(defect))
  }

  /** Interrupts whoever reads: the client is no more. */
  leave(): void {
    this.finish(Effect.interrupt)
  }

  /** A line. */
  push(text: string): void {
    if (!this.sawLast) this.give(this.wire.line(text, ++this.lineNumber))
  }

  /** Lines that need not be taken apart; tells where the first one begins that has to be. */
  skim(text: string, start: number): number {
    const { wire } = this
    if (wire.skim === undefined || this.sawLast) return start
    const values = wire.folded ? [] : this.buffer
    const before = values.length
    const end = wire.skim(text, start, values)
    const count = values.length - before
    if (count > 0) this.sawFirst = true
    this.lineNumber += count
    this.values += count
    return end
  }

  private give(value: A): void {
    const { wire } = this
    if (!wire.folded) this.buffer.push(value)
    this.sawFirst = true
    this.values++
    if (wire.isLast(value)) {
      this.sawLast = true
      wire.onLast(value)
    }
  }

  /** Ends with a failure that was thrown; values that were read before it are given out first. */
  private broke(problem: unknown): void {
    // what follows a complete answer is no part of it
    if (this.sawLast) return
    this.body?.cancel()
    if (problem instanceof Lines.TooLong || problem instanceof Lines.NotUtf8) {
      this.exit ??= Effect.fail(this.wire.unreadable(problem, this.lineNumber + 1))
    } else if (OllamaError.isOllamaError(problem)) {
      this.exit ??= Effect.fail(problem)
    } else {
      this.exit ??= Effect.die(problem)
    }
  }

  private feed(bytes: Uint8Array): void {
    const { limit, lines, wire } = this
    if (lines !== undefined) {
      lines.feed(bytes, this)
      if (this.bytes > wire.answerLimit && !this.sawLast) throw new Lines.TooLong("answer", wire.answerLimit, "")
      return
    }
    if (this.bytes > limit) throw new Lines.TooLong("answer", limit, "")
    this.pile?.add(bytes)
  }

  private flush(): void {
    const { lines, pile, wire } = this
    if (lines === undefined) {
      const body = pile?.all()
      pile?.clear()
      if (body !== undefined && body.length > 0) this.push(Lines.decode(body))
      else if (wire.empty !== undefined) this.give(wire.empty())
      return
    }
    lines.flush({
      push: (rest) => {
        // a JSON text that does not close is an answer that was cut, not one that is wrong
        if (Lines.isCut(rest)) throw wire.unfinished(true)
        this.push(rest)
      }
    })
  }

  /** Bytes have come. */
  data(bytes: Uint8Array): void {
    if (this.exit !== undefined) return
    this.sawBytes = true
    this.bytes += bytes.length
    const before = this.lineNumber
    try {
      this.feed(bytes)
    } catch (problem) {
      this.broke(problem)
    }
    if (this.sawLast) this.exit ??= Effect.succeed(done)
    if (this.wake !== undefined) {
      if (this.buffer.length > 0 || this.exit !== undefined) this.notifySoon()
      // a part of a line is not a sign of life that a consumer could see
      else if (this.wire.folded && this.lineNumber !== before) this.touch()
    }
    if (this.buffer.length >= highWater && !this.isPaused && this.exit === undefined) {
      this.isPaused = true
      this.body?.pause()
    }
  }

  /** The body has ended. */
  end(): void {
    this.sawEnd = true
    this.ended?.()
    if (this.exit !== undefined) return
    try {
      this.flush()
    } catch (problem) {
      this.broke(problem)
    }
    const { sawBytes, wire } = this
    this.finish(this.sawLast ? Effect.succeed(done) : Effect.suspend(() => Effect.fail(wire.unfinished(sawBytes))))
  }

  /** The body has broken off. */
  error(error: unknown): void {
    this.sawEnd = true
    this.ended?.()
    if (this.exit !== undefined) return
    const failure = this.wire.broken(error, this.sawBytes)
    if (failure === undefined) this.leave()
    else this.fail(failure)
  }

  /** Gives the reader the body it can slow down. */
  attach(body: Body.Body): void {
    this.body = body
    if (this.isPaused) body.pause()
    if (this.exit !== undefined && !this.sawLast) body.cancel()
  }

  /** What its limits are, for a watchdog to look at it while it lives. */
  watch(watch: Watch): void {
    this.watched = watch
  }

  private expire(watch: Watch, which: "first" | "gap" | "total"): number {
    this.fail(watch.expired(which))
    this.body?.cancel()
    return Number.POSITIVE_INFINITY
  }

  check(now: number, forks: Array<Effect.Effect<void>>): number {
    const { sawFirst, watched: watch } = this
    if (watch === undefined || this.exit !== undefined) return Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    if (watch.deadline !== undefined) {
      if (now >= watch.deadline) return this.expire(watch, "total")
      next = watch.deadline
    }
    const current = sawFirst ? watch.gap : watch.first
    if (current !== undefined) {
      const at = (this.silentSince() ?? now) + current
      const spare = sawFirst ? 0 : watch.spare()
      if (now >= at + spare) return this.expire(watch, sawFirst ? "gap" : "first")
      // nobody tells the watchdog of a connection
      next = Math.min(next, now < at ? at : Math.min(now + step, at + spare))
      if (!sawFirst && spare === 0 && watch.ahead !== undefined && this.limitLookedAt !== current) {
        const near = at - Math.min(watch.ahead, current / 2)
        if (now >= near) {
          this.limitLookedAt = current
          forks.push(watch.near())
        } else {
          next = Math.min(next, near)
        }
      }
    }
    // the gap clock begins with the first value, whenever that comes
    return sawFirst || watch.gap === undefined ? next : Math.min(next, now + watch.gap)
  }

  /** What has come so far: bytes of the body, and values. */
  came(): { readonly bytes: number; readonly values: number } {
    return { bytes: this.bytes, values: this.values }
  }

  /** Since when somebody waits for the next value, in milliseconds on Clock: while nobody does, the clocks stand still. */
  silentSince(): number | undefined {
    return this.wake !== undefined && this.buffer.length === 0 ? this.waitingSince : undefined
  }

  /** Something went on that is no value: bytes of an upload were taken, there is a connection. */
  touch(): void {
    this.waitingSince = this.clock.unsafeCurrentTimeMillis()
  }

  /** Whether all values came, while the transport has not yet seen the end of the body. */
  isDraining(): boolean {
    return this.sawLast && !this.sawEnd && this.body !== undefined
  }

  /** Whether all values came and the transport has seen the end of the body: nothing is left to close. */
  isOver(): boolean {
    return this.sawLast && this.sawEnd
  }

  /** Calls back when the transport has seen the end of the body. */
  onEnd(f: () => void): void {
    this.ended = f
    if (this.sawEnd) f()
  }

  /** Stops reading. */
  close(): void {
    this.exit ??= Effect.interrupt
    if (!this.sawEnd) this.body?.cancel()
  }
}
