/** The limit on calls at once as a value. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Durations from "../../internal/durations.js"

/**
 * When a call is refused at once for the wait that is predicted for it.
 *
 * - With a deadline: when the wait would be longer than what is left of it.
 * - Without one: when the wait for calls of its priority has been above `target` for a whole `interval` (the idea of
 *   CoDel, RFC 8289: a burst that drains is none of its business).
 *
 * @since 0.1.0
 * @category models
 */
export const Admission = Schema.Struct({
  target: Durations.Positive,
  interval: Durations.Positive
}).annotations({ identifier: "effect-ollama/Concurrency/Admission" })

/**
 * @since 0.1.0
 * @category models
 */
export type Admission = typeof Admission.Type

const refusing = (message: string) => ({ message: () => ({ message, override: true }) })

const Limit = Schema.Union(Schema.Literal("learned"), Schema.Int.pipe(Schema.greaterThanOrEqualTo(1))).annotations(
  refusing('not a limit: write "learned", or a whole number from 1')
)

const Bound = Schema.Union(Schema.Literal("unbounded"), Schema.Int.pipe(Schema.greaterThanOrEqualTo(0))).annotations(
  refusing('not a length: write "unbounded", or a whole number from 0')
)

/**
 * How many calls of a model are at a server at once, and what becomes of the others.
 *
 * - `limit`: how many; `learned`: as many as the server works on, and one more (`Concurrency.learn`), and no limit until
 *   an answer has shown that the server lets calls wait.
 * - `queue`: how many may wait here for their turn; one more is refused.
 * - `admission`: whether a call is refused at once when its wait would be too long; `off`: it waits.
 *
 * Who waits has its turn by priority, then by the earliest deadline (calls without one last), then by arrival. So that
 * no one waits for ever, calls that were passed over nine times, all with the same priority, have the tenth turn.
 *
 * @since 0.1.0
 * @category models
 */
export const Concurrency = Schema.Struct({
  limit: Limit,
  queue: Bound,
  admission: Schema.Union(Schema.Literal("off"), Admission)
}).annotations({ identifier: "effect-ollama/Concurrency" })

/**
 * @since 0.1.0
 * @category models
 */
export type Concurrency = typeof Concurrency.Type

/**
 * Some fields, as a change of others. Admission that was `off` begins with a target and an interval of 10 seconds.
 *
 * @since 0.1.0
 * @category models
 */
export const Patch = Schema.partialWith(
  Schema.Struct({
    ...Concurrency.fields,
    admission: Schema.Union(Schema.Literal("off"), Schema.partialWith(Admission, { exact: true }))
  }),
  { exact: true }
)

/**
 * Some fields, as a program writes them: durations as "30 seconds", milliseconds, or a Duration.
 *
 * @since 0.1.0
 * @category models
 */
export interface Patch {
  readonly limit?: number | "learned" | undefined
  readonly queue?: number | "unbounded" | undefined
  readonly admission?:
    | {
        readonly target?: Duration.DurationInput | undefined
        readonly interval?: Duration.DurationInput | undefined
      }
    | "off"
    | undefined
}

/**
 * It only orders: the limit is learned, the queue has no end, and no call is refused.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Concurrency = { limit: "learned", queue: "unbounded", admission: "off" }

const admissionDefaults: Admission = { target: Duration.seconds(10), interval: Duration.seconds(10) }

/**
 * For calls that a person waits for, and for several servers: at most 100 wait, and none whose turn would come too late.
 *
 * @since 0.1.0
 * @category constants
 */
export const bounded: Concurrency = { limit: "learned", queue: 100, admission: admissionDefaults }

/**
 * A value with some fields changed.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (concurrency: Concurrency, patch: typeof Patch.Type): Concurrency => {
  const { admission } = patch
  const base = concurrency.admission === "off" ? admissionDefaults : concurrency.admission
  return {
    limit: patch.limit ?? concurrency.limit,
    queue: patch.queue ?? concurrency.queue,
    admission: admission === undefined ? concurrency.admission : admission === "off" ? "off" : { ...base, ...admission }
  }
}
