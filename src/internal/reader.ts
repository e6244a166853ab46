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
  first: number | undefined
  /** How much longer it may take now, because there is no connection yet: that has a limit of its own. */
  readonly spare?: () => number
  /** Between values; counted only while somebody waits. */
  readonly gap: number | undefined
  /** When the whole call has to be over; always counts. */
  readonly deadline: number | undefined
  /** Called once for each limit, this long before `first` would pass, and not before half of it has. */
  readonly nearExpiry?: { readonly before: number; readonly run: Effect.Effect<void> }
  readonly expired: (clock: "first" | "gap" | "total") => OllamaError.OllamaError
}

export interface Reader<A> {
  /** What has arrived since the last read. */
  readonly read: Effect.Effect<Batch<A>, OllamaError.OllamaError>
  /** The same, where there is something already. */
  readonly poll: () => Array<A> | undefined
  readonly hooks: Body.Hooks
  /** Ends the reader with a failure from outside, such as a refused connection. */
  readonly fail: (error: OllamaError.OllamaError) => void
  /** The same with what no failure of ours says. */
  readonly die: (defect: unknown) => void
  /** Interrupts whoever reads: the client is no more. */
  readonly leave: () => void
  /** Gives the reader the body it can slow down. */
  readonly attach: (body: Body.Body) => void
  /** What a watchdog is to look at while the reader lives. */
  readonly watch: (watch: Watch) => Watchdog.Entry
  /** What has come so far: bytes of the body, and values. */
  readonly came: () => { readonly bytes: number; readonly values: number }
  /** Since when somebody waits for the next value; milliseconds on Clock. */
  readonly silentSince: () => number | undefined
  /** Something went on that is no value: bytes of an upload were taken. */
  readonly touch: () => void
  /** Whether all values came, while the transport has not yet seen the end of the body. */
  readonly isDraining: () => boolean
  /** Whether all values came and the transport has seen the end of the body: nothing is left to close. */
  readonly isOver: () => boolean
  /** Calls back when the transport has seen the end of the body. */
  readonly onEnd: (f: () => void) => void
  /** Stops reading. */
  readonly close: () => void
}

/** Milliseconds between two looks at a connection that takes longer than the first value may. */
const step = 100

/** Values that are kept for a consumer that does not pull, before the transport is told to wait. */
const highWater = 512

export const make = <A>(clock: Clock.Clock, wire: Wire<A>, limit: number, soon?: Soon.Run | undefined): Reader<A> => {
  const lines = wire.whole ? undefined : Lines.make(limit)
  const whole = new Lines.Pile()
  let buffer: Array<A> = []
  let exit: Effect.Effect<Done, OllamaError.OllamaError> | undefined
  let wake: ((batch: Effect.Effect<Batch<A>, OllamaError.OllamaError>) => void) | undefined
  let body: Body.Body | undefined
  let paused = false
  let sawBytes = false
  let sawEnd = false
  let sawFirst = false
  let sawLast = false
  let lineNumber = 0
  let received = 0
  let values = 0
  let waitingSince = clock.unsafeCurrentTimeMillis()
  let onEnd: (() => void) | undefined

  const poll = (): Array<A> | undefined => {
    if (buffer.length === 0) return undefined
    const batch = buffer
    buffer = []
    if (paused) {
      paused = false
      body?.resume()
    }
    return batch
  }

  const take = (): Effect.Effect<Batch<A>, OllamaError.OllamaError> | undefined => {
    const batch = poll()
    return batch === undefined ? exit : Effect.succeed(batch)
  }

  const notify = (): void => {
    if (wake === undefined) return
    const batch = take()
    if (batch === undefined) return
    const resume = wake
    wake = undefined
    resume(batch)
  }

  let isNotified = false
  const notifyNow = (): void => {
    isNotified = false
    notify()
  }

  const notifySoon = (): void => {
    if (soon === undefined) return notify()
    if (isNotified) return
    isNotified = true
    soon(notifyNow)
  }

  const finish = (outcome: Effect.Effect<Done, OllamaError.OllamaError>): void => {
    exit ??= outcome
    notify()
  }

  const fail = (error: OllamaError.OllamaError): void => finish(Effect.fail(error))

  const leave = (): void => finish(Effect.interrupt)

  const push = (text: string): void => {
    if (!sawLast) give(wire.line(text, ++lineNumber))
  }

  const give = (value: A): void => {
    if (!wire.folded) buffer.push(value)
    sawFirst = true
    values++
    if (wire.isLast(value)) {
      sawLast = true
      wire.onLast(value)
    }
  }

  /** Ends with a failure that was thrown; values that were read before it are given out first. */
  const broke = (problem: unknown): void => {
    // what follows a complete answer is no part of it
    if (sawLast) return
    body?.cancel()
    if (problem instanceof Lines.TooLong || problem instanceof Lines.NotUtf8) {
      exit ??= Effect.fail(wire.unreadable(problem, lineNumber + 1))
    } else if (OllamaError.isOllamaError(problem)) {
      exit ??= Effect.fail(problem)
    } else {
      exit ??= Effect.die(problem)
    }
  }

  const feed = (bytes: Uint8Array): void => {
    if (lines !== undefined) {
      lines.feed(bytes, push)
      if (received > wire.answerLimit && !sawLast) throw new Lines.TooLong("answer", wire.answerLimit, "")
      return
    }
    if (received > limit) throw new Lines.TooLong("answer", limit, "")
    whole.add(bytes)
  }

  const flush = (): void => {
    if (lines === undefined) {
      const body = whole.all()
      whole.clear()
      if (body.length > 0) push(Lines.decode(body))
      else if (wire.empty !== undefined) give(wire.empty())
      return
    }
    lines.flush((rest) => {
      // a JSON text that does not close is an answer that was cut, not one that is wrong
      if (Lines.isCut(rest)) throw wire.unfinished(true)
      push(rest)
    })
  }

  return {
    read: Effect.async((resume) => {
      const batch = take()
      if (batch !== undefined) return resume(batch)
      waitingSince = clock.unsafeCurrentTimeMillis()
      wake = resume
    }),
    poll,
    hooks: {
      data: (bytes) => {
        if (exit !== undefined) return
        sawBytes = true
        received += bytes.length
        const before = lineNumber
        try {
          feed(bytes)
        } catch (problem) {
          broke(problem)
        }
        if (sawLast) exit ??= Effect.succeed(done)
        if (wake !== undefined) {
          if (buffer.length > 0 || exit !== undefined) notifySoon()
          // a part of a line is not a sign of life that a consumer could see
          else if (wire.folded && lineNumber !== before) waitingSince = clock.unsafeCurrentTimeMillis()
        }
        if (buffer.length >= highWater && !paused && exit === undefined) {
          paused = true
          body?.pause()
        }
      },
      end: () => {
        sawEnd = true
        onEnd?.()
        if (exit !== undefined) return
        try {
          flush()
        } catch (problem) {
          broke(problem)
        }
        finish(sawLast ? Effect.succeed(done) : Effect.suspend(() => Effect.fail(wire.unfinished(sawBytes))))
      },
      error: (error) => {
        sawEnd = true
        onEnd?.()
        if (exit !== undefined) return
        const failure = wire.broken(error, sawBytes)
        if (failure === undefined) leave()
        else fail(failure)
      }
    },
    fail,
    die: (defect) => finish(Effect.die(defect)),
    leave,
    attach: (attached) => {
      body = attached
      if (paused) body.pause()
      if (exit !== undefined && !sawLast) body.cancel()
    },
    watch: (watch) => {
      let limitLookedAt: number | undefined
      const expire = (which: "first" | "gap" | "total"): number => {
        fail(watch.expired(which))
        body?.cancel()
        return Number.POSITIVE_INFINITY
      }
      return {
        check: (now, forks) => {
          if (exit !== undefined) return Number.POSITIVE_INFINITY
          let next = Number.POSITIVE_INFINITY
          if (watch.deadline !== undefined) {
            if (now >= watch.deadline) return expire("total")
            next = watch.deadline
          }
          const current = sawFirst ? watch.gap : watch.first
          if (current !== undefined) {
            // while nobody waits, the clock stands still
            const isWaiting = wake !== undefined && buffer.length === 0
            const at = (isWaiting ? waitingSince : now) + current
            const spare = sawFirst ? 0 : (watch.spare?.() ?? 0)
            if (now >= at + spare) return expire(sawFirst ? "gap" : "first")
            // nobody tells the watchdog of a connection
            next = Math.min(next, now < at ? at : Math.min(now + step, at + spare))
            if (!sawFirst && spare === 0 && watch.nearExpiry !== undefined && limitLookedAt !== current) {
              const near = at - Math.min(watch.nearExpiry.before, current / 2)
              if (now >= near) {
                limitLookedAt = current
                forks.push(watch.nearExpiry.run)
              } else {
                next = Math.min(next, near)
              }
            }
          }
          // the gap clock begins with the first value, whenever that comes
          return sawFirst || watch.gap === undefined ? next : Math.min(next, now + watch.gap)
        }
      }
    },
    came: () => ({ bytes: received, values }),
    silentSince: () => (wake !== undefined && buffer.length === 0 ? waitingSince : undefined),
    touch: () => {
      waitingSince = clock.unsafeCurrentTimeMillis()
    },
    isDraining: () => sawLast && !sawEnd && body !== undefined,
    isOver: () => sawLast && sawEnd,
    onEnd: (f) => {
      onEnd = f
      if (sawEnd) f()
    },
    close: () => {
      exit ??= Effect.interrupt
      if (!sawEnd) body?.cancel()
    }
  }
}
