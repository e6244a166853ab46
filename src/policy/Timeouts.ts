/**
 * The five clocks of a call, one for each phase, so that a cold model is not taken for a dead server.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Durations from "../internal/durations.js"

/**
 * A limit: a duration ("30 seconds", or milliseconds), `"auto"` (from what is known of the call), or `"none"`.
 *
 * @since 0.1.0
 * @category models
 */
export const Clock = Durations.Clock.annotations({ identifier: "effect-ollama/Clock" })

/**
 * @since 0.1.0
 * @category models
 */
export type Clock = Duration.Duration | "auto" | "none"

/**
 * A limit as programs write it.
 *
 * @since 0.1.0
 * @category models
 */
export type ClockInput = Duration.DurationInput | "auto" | "none"

/**
 * The five clocks.
 *
 * - `connect`: until the connection stands, DNS and TLS included. Applied by `OllamaNode` when its layer is built (auto:
 *   2 seconds); other transports count it in the next clock.
 * - `load`: until a cold model is in memory (auto: 5 minutes, the server's own limit, OLLAMA_LOAD_TIMEOUT).
 * - `firstToken`: from a model in memory to the first chunk (auto: 30 seconds and one second for each 100 characters of
 *   the request). For calls whose answer is not generated it is the limit of phase `response`.
 * - `gap`: between two chunks (auto: 30 seconds; 10 minutes in transfers, which verify and write in silence). With
 *   `tools`, `firstToken` and `gap` are at least 5 minutes when automatic: the server sends nothing while it buffers a
 *   tool call.
 * - `total`: the whole call, over all attempts, to the end of the stream (auto: none).
 *
 * `load`, `firstToken` and `gap` run only while the library waits for the server: a slow consumer is never timed out.
 *
 * @since 0.1.0
 * @category models
 */
export const Timeouts = Schema.Struct({
  connect: Clock,
  load: Clock,
  firstToken: Clock,
  gap: Clock,
  total: Clock
}).annotations({ identifier: "effect-ollama/Timeouts" })

/**
 * @since 0.1.0
 * @category models
 */
export type Timeouts = typeof Timeouts.Type

/**
 * Some of the clocks, as a change of others.
 *
 * @since 0.1.0
 * @category models
 */
export type Patch = { readonly [K in keyof Timeouts]?: ClockInput | undefined }

/**
 * Automatic clocks, and no limit on the whole.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: Timeouts = { connect: "auto", load: "auto", firstToken: "auto", gap: "auto", total: "none" }

/**
 * No clock at all.
 *
 * @since 0.1.0
 * @category constants
 */
export const none: Timeouts = { connect: "none", load: "none", firstToken: "none", gap: "none", total: "none" }

/**
 * What automatic clocks look at.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** The caller's own words, in characters; images do not count. */
  readonly characters: number
  readonly hasTools: boolean
  /** A pull, push or create. */
  readonly isTransfer: boolean
}

/**
 * The limits in force for a call, in milliseconds; `undefined` is no limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  readonly connect: number | undefined
  readonly load: number | undefined
  readonly firstToken: number | undefined
  readonly gap: number | undefined
  readonly total: number | undefined
}

const connectAuto = Duration.toMillis("2 seconds")
const loadAuto = Duration.toMillis("5 minutes")
const firstTokenAuto = Duration.toMillis("30 seconds")
const gapAuto = Duration.toMillis("30 seconds")
const gapOfTools = Duration.toMillis("5 minutes")
const gapOfTransfers = Duration.toMillis("10 minutes")
const millisPerCharacter = 10

const limit = (clock: Clock, auto: number | undefined): number | undefined =>
  clock === "none" ? undefined : clock === "auto" ? auto : Duration.toMillis(clock)

/**
 * The limits that a request has under these clocks.
 *
 * @example
 * ```ts
 * import { Timeouts } from "effect-ollama"
 *
 * const limits = Timeouts.limits(Timeouts.defaults, { characters: 1000, hasTools: false, isTransfer: false })
 * console.log(limits.firstToken) // 40000
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const limits = (timeouts: Timeouts, request: Request): Limits => {
  const least = request.hasTools ? gapOfTools : 0
  return {
    connect: limit(timeouts.connect, connectAuto),
    load: limit(timeouts.load, loadAuto),
    firstToken: limit(timeouts.firstToken, Math.max(least, firstTokenAuto + millisPerCharacter * request.characters)),
    gap: limit(timeouts.gap, request.isTransfer ? gapOfTransfers : Math.max(least, gapAuto)),
    total: limit(timeouts.total, undefined)
  }
}
