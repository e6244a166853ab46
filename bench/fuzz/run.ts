/** A stretch of inputs, judged one after the other. */
import * as Effect from "effect/Effect"
import * as Client from "./client.js"
import * as Corpus from "./corpus.js"
import * as Dice from "./dice.js"
import * as Judge from "./judge.js"
import * as Mutate from "./mutate.js"

/** Inputs `from`, `from + step`, … below `end`. */
export interface Stretch {
  readonly seed: number
  readonly from: number
  readonly end: number
  readonly step: number
  /** One in so many goes through the whole client, too. */
  readonly client: number
}

/** A property that did not hold. */
export interface Finding {
  readonly index: number
  readonly name: string
  readonly what: string
}

export interface Tally {
  readonly inputs: number
  readonly throughClient: number
  /** How often each end came. */
  readonly ends: Readonly<Record<string, number>>
  /** The first of them. */
  readonly findings: ReadonlyArray<Finding>
  readonly found: number
  /** The longest that one input took, milliseconds. */
  readonly slowest: { readonly index: number; readonly millis: number }
}

const keptFindings = 20

/** How many inputs are judged before others may run. */
const batch = 256

const whatOf = (error: unknown): string =>
  error instanceof Judge.Broken
    ? error.message
    : `it threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`

/** @param onTally is told how far it is */
export const run = ({ client: oneIn, end, from, seed, step }: Stretch, onTally: (tally: Tally) => void) =>
  Effect.scoped(
    Effect.gen(function* () {
      const corpus = Corpus.load()
      const client = yield* Client.make
      const ends: Record<string, number> = {}
      const findings: Array<Finding> = []
      let [inputs, throughClient, found] = [0, 0, 0]
      let slowest = { index: from, millis: 0 }
      const tally = (): Tally => ({ inputs, throughClient, ends, findings, found, slowest })
      const report = (index: number, name: string, error: unknown): void => {
        found++
        if (findings.length < keptFindings) findings.push({ index, name, what: whatOf(error) })
      }
      for (let index = from; index < end; index += step) {
        const input = Mutate.make(corpus, Dice.of(seed, index))
        const began = performance.now()
        try {
          const became = Judge.judge(input, index)
          ends[became] = (ends[became] ?? 0) + 1
        } catch (error) {
          report(index, input.name, error)
        }
        const millis = performance.now() - began
        if (millis > slowest.millis) slowest = { index, millis }
        inputs++
        // by its place in the stretch: all of a stretch may have the same rest
        if (inputs % oneIn === 0) {
          throughClient++
          yield* Effect.catchAllDefect(client.judge(input), (defect) =>
            Effect.sync(() => report(index, `${input.name} through the client`, defect))
          )
        }
        if (inputs % batch === 0) {
          onTally(tally())
          yield* Effect.yieldNow()
        }
      }
      yield* Effect.catchAllDefect(client.metrics, (defect) => Effect.sync(() => report(end, "metrics", defect)))
      onTally(tally())
      return tally()
    })
  )
