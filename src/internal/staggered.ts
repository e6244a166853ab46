/**
 * Copies of one effect, sent one after the other while none has answered: the first success is the result, and what the
 * others still do is ended in the background.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type { Restore } from "./opened.js"

export interface Race<A, E, R> {
  /** At most, the first included. */
  readonly copies: number
  /** Between one and the next, in milliseconds. */
  readonly delay: number
  /**
   * One of them, 0 the first; run where nothing can interrupt it but what `restore` is around. `isDecided` says whether
   * it was interrupted because another was faster.
   */
  readonly copy: (index: number, restore: Restore, isDecided: () => boolean) => Effect.Effect<A, E, R>
  /** Whether one more may be sent, after a failure or because it is time. Once refused, none is sent any more. */
  readonly mayStart: (index: number, error: E | undefined) => boolean
  /** A failure that ends the race whatever the others do. */
  readonly isFatal: (error: E) => boolean
  /** Gives back what a success holds that came too late. */
  readonly discard: (value: A) => Effect.Effect<void>
  /** Calls back after so many milliseconds, unless it is stopped by what it gives; by default a fiber that sleeps. */
  readonly timer?: (millis: number, due: () => void) => Effect.Effect<() => void>
}

export interface Winner<A> {
  readonly value: A
  readonly index: number
}

interface Ended<A, E> {
  readonly index: number
  readonly exit: Exit.Exit<A, E>
  readonly fiber: Fiber.RuntimeFiber<A, E>
}

const sleeper = (millis: number, due: () => void): Effect.Effect<() => void> =>
  Effect.map(
    Effect.forkDaemon(Effect.interruptible(Effect.map(Effect.sleep(millis), due))),
    (fiber) => () => fiber.unsafeInterruptAsFork(FiberId.none)
  )

/**
 * Fails as the first of the copies did, when all have failed. To be run where nothing can interrupt but what `restore` is
 * around.
 */
export const race = <A, E, R>(race: Race<A, E, R>, restore: Restore): Effect.Effect<Winner<A>, E, R> =>
  Effect.suspend(() => {
    const running = new Map<number, Fiber.RuntimeFiber<A, E>>()
    const ended: Array<Ended<A, E>> = []
    let stop: (() => void) | undefined
    let isDue = false
    let sent = 0
    let isOpen = true
    let isDecided = false
    let failure: Cause.Cause<E> | undefined
    let wake: (() => void) | undefined

    const signal = (): void => {
      wake?.()
      wake = undefined
    }

    const event = Effect.async<void>((resume) => {
      if (isDue || ended.length > 0) resume(Effect.void)
      else wake = () => resume(Effect.void)
    })

    const disarm = (): void => {
      stop?.()
      stop = undefined
      isDue = false
    }

    const due = (): void => {
      isDue = true
      signal()
    }

    /** Sends one, and waits from now on for the time of the next. */
    const send = Effect.suspend(() => {
      disarm()
      const index = sent++
      const fork = Effect.map(Effect.forkDaemon(race.copy(index, restore, () => isDecided)), (fiber) => {
        running.set(index, fiber)
        fiber.addObserver((exit) => {
          running.delete(index)
          ended.push({ index, exit, fiber })
          signal()
        })
      })
      if (sent >= race.copies) return fork
      return Effect.zipRight(
        fork,
        Effect.map((race.timer ?? sleeper)(race.delay, due), (stopped) => {
          stop = stopped
        })
      )
    })

    /** Sends one more if there is one to send and it may be. */
    const sendAnother = (error: E | undefined): Effect.Effect<void, never, R> => {
      isOpen = isOpen && sent < race.copies && race.mayStart(sent, error)
      return isOpen ? send : Effect.void
    }

    /** Interrupts those that still run; gives what waits for their end, and gives back what they had won. */
    const end = (): Effect.Effect<void> => {
      disarm()
      const fibers = [...running.values()]
      const late = ended.splice(0)
      for (const fiber of fibers) fiber.unsafeInterruptAsFork(FiberId.none)
      return Effect.zipRight(
        Effect.forEach(late, ({ exit }) => discard(exit), { discard: true }),
        Effect.forEach(fibers, (fiber) => Effect.flatMap(fiber.await, discard), { discard: true })
      )
    }

    const discard = (exit: Exit.Exit<A, E>): Effect.Effect<void> =>
      Exit.isSuccess(exit) ? race.discard(exit.value) : Effect.void

    /** The others end in the background: nobody waits for their finalizers. */
    const decided = <B>(result: Effect.Effect<B, E>): Effect.Effect<B, E> =>
      Effect.suspend(() => {
        isDecided = true
        const isAlone = running.size === 0 && ended.length === 0
        const ending = end()
        return isAlone ? result : Effect.zipRight(Effect.forkDaemon(ending), result)
      })

    const failed = (index: number, cause: Cause.Cause<E>): Effect.Effect<Winner<A>, E, R> => {
      if (index === 0) failure = cause
      return Either.match(Cause.failureOrCause(cause), {
        onRight: () => decided(Effect.failCause(cause)),
        onLeft: (error) =>
          race.isFatal(error)
            ? decided(Effect.failCause(cause))
            : Effect.flatMap(sendAnother(error), () =>
                running.size === 0 && ended.length === 0 ? decided(Effect.failCause(failure ?? cause)) : next
              )
      })
    }

    const next: Effect.Effect<Winner<A>, E, R> = Effect.flatMap(restore(event), () => {
      const first = ended.shift()
      if (first === undefined) {
        isDue = false
        return Effect.zipRight(sendAnother(undefined), next)
      }
      const { exit, fiber, index } = first
      return Exit.isSuccess(exit)
        ? decided(Effect.as(fiber.inheritAll, { value: exit.value, index }))
        : failed(index, exit.cause)
    })

    return Effect.onInterrupt(Effect.zipRight(send, next), () => Effect.suspend(end))
  })
