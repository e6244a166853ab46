/** Why a call gets no permit, in data, in words, and as the failure it becomes. */
import * as Duration from "effect/Duration"
import { defined } from "../../internal/defined.js"
import * as OllamaError from "../../OllamaError.js"

/**
 * A call that was refused before anything was sent. `reason`: `queueFull`, `pushedOut` (it waited in a full queue, and a
 * call of a higher priority came), `deadline` (its turn would come too late), `target` (the wait has been too long for too
 * long).
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly reason: "queueFull" | "pushedOut" | "deadline" | "target"
  /** How long it would have waited for its turn, as far as answers have said how long one takes. */
  readonly retryAfter: Duration.Duration | undefined
  /** One sentence that says what to do. */
  readonly remedy: string
}

/** What the words are about. */
export interface Facts {
  readonly reason: Refusal["reason"]
  /** Milliseconds. */
  readonly predictedWait: number | undefined
  readonly waiting: number
  /** Until the call's deadline; milliseconds. */
  readonly remaining: number
  readonly name: string | undefined
}

const words = (millis: number): string =>
  millis < 1000 ? `${Math.max(0, Math.round(millis))} ms` : `${Number((millis / 1000).toFixed(1))} s`

const problem = ({ predictedWait, reason, remaining, waiting }: Facts): string => {
  const wait = words(predictedWait ?? 0)
  switch (reason) {
    case "queueFull":
      return `${waiting} calls already wait for a permit: allow a longer concurrency.queue`
    case "pushedOut":
      return "The queue is full, and a call of a higher priority took the last place: allow a longer concurrency.queue"
    case "deadline":
      return `The turn would come in about ${wait}, and the deadline is in ${words(remaining)}: allow more time`
    case "target":
      return `The wait is about ${wait}, and has been above concurrency.admission.target for its interval: raise it`
  }
}

export const make = (facts: Facts): Refusal => {
  const where = facts.name === undefined ? "" : ` (${facts.name})`
  return {
    _tag: "Refusal",
    reason: facts.reason,
    retryAfter: facts.predictedWait ? Duration.millis(facts.predictedWait) : undefined,
    remedy: `${problem(facts)}, send fewer calls at once, or add a host${where}`
  }
}

/**
 * The failure that a refusal becomes: `Overloaded` by `client`, in phase `queue`, with the predicted wait as
 * `retryAfter`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const overloaded = (
  refusal: Refusal,
  at: { readonly host?: string | undefined; readonly model?: string | undefined } = {}
): OllamaError.Overloaded =>
  new OllamaError.Overloaded(
    defined({
      by: "client",
      phase: "queue",
      remedy: refusal.remedy,
      retryAfter: refusal.retryAfter,
      host: at.host,
      model: at.model
    })
  )
