/**
 * What a reader has not taken yet, up to a limit; beyond it the oldest is dropped. Written to in synchronous code, where
 * a sliding Queue of Effect would drop the newest (`unsafeOffer` knows no strategy).
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export interface Backlog<A> {
  readonly push: (value: A) => void
  /** Nothing more is pushed; what is there can still be taken. */
  readonly end: () => void
  /** All that is there; waits for it, and fails with none after the end. */
  readonly pull: Effect.Effect<Chunk.Chunk<A>, Option.Option<never>>
}

/**
 * For one reader.
 *
 * @param onDrop called for each that is dropped
 */
export const make = <A>(limit: number, onDrop: () => void): Backlog<A> => {
  type Taken = Effect.Effect<Chunk.Chunk<A>, Option.Option<never>>
  let values: Array<A> = []
  let isOver = false
  let wake: ((taken: Taken) => void) | undefined

  const take = (): Taken | undefined => {
    if (values.length === 0) return isOver ? Effect.fail(Option.none()) : undefined
    const taken = Chunk.unsafeFromArray(values)
    values = []
    return Effect.succeed(taken)
  }

  const notify = (): void => {
    if (wake === undefined) return
    const taken = take()
    if (taken === undefined) return
    const resume = wake
    wake = undefined
    resume(taken)
  }

  return {
    push: (value) => {
      if (values.length >= limit) {
        values.shift()
        onDrop()
      }
      values.push(value)
      notify()
    },
    end: () => {
      isOver = true
      notify()
    },
    pull: Effect.async((resume) => {
      const taken = take()
      if (taken !== undefined) return resume(taken)
      wake = resume
      return Effect.sync(() => {
        wake = undefined
      })
    })
  }
}
