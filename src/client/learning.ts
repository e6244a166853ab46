/**
 * What a client learns from its calls. Learning from a call costs some ten microseconds, which is nothing beside a call
 * that took a tenth of a second; shorter ones are kept back until somebody wants to know.
 */
import * as Learned from "../record/Learned.js"
import * as Predictor from "../record/Predictor.js"

export interface Learning {
  /** @param took milliseconds of the call */
  readonly observe: (sample: Predictor.Sample, took: number) => void
  readonly predict: (question: Predictor.Question) => Predictor.Predictions
  readonly learned: () => Learned.Learned
  /** A host is not used any more. */
  readonly forget: (host: string) => void
  /** What was learned from the calls of this client alone. */
  readonly own: () => Predictor.State
  /** What others have learned, put together with what is its own, in the place of what was heard of them before. */
  readonly hear: (together: (own: Predictor.State) => Predictor.State) => void
}

/** Milliseconds beside which the cost does not count. */
const long = 100

/** How many are kept back: beyond it the oldest count for little (each new one fades them by a hundredth). */
const kept = 128

export const make = (): Learning => {
  let state = Learned.empty
  /** Without what others have learned; the same until something of them was heard. */
  let own: Learned.Learned | undefined
  let pending: Array<Predictor.Sample> = []

  const learned = (): Learned.Learned => {
    if (pending.length > 0) {
      state = pending.reduce(Learned.observe, state)
      if (own !== undefined) own = pending.reduce(Learned.observe, own)
      pending = []
    }
    return state
  }

  return {
    observe: (sample, took) => {
      pending.push(sample)
      if (took >= long) learned()
      else if (pending.length > kept) pending.shift()
    },
    predict: (question) => Predictor.predict(learned().predictor, question),
    learned,
    forget: (host) => {
      state = Learned.forget(learned(), host)
      if (own !== undefined) own = Learned.forget(own, host)
    },
    own: () => {
      const { predictor } = learned()
      return own?.predictor ?? predictor
    },
    hear: (together) => {
      const all = learned()
      own ??= all
      state = { predictor: together(own.predictor), detectors: all.detectors }
    }
  }
}
