/** How hosts are chosen, as a value. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Concurrency from "../../policy/Concurrency.js"
import { orOff } from "../../policy/off.js"
import type { HostView, Question, View } from "./view.js"

const refusing = (message: string) => ({ message: () => ({ message, override: true }) })

/**
 * A placement by its name, with its defaults.
 *
 * @since 0.1.0
 * @category models
 */
export const Name = Schema.Literal(
  "expectedCompletion",
  "leastInFlight",
  "roundRobin",
  "weighted",
  "priority",
  "sticky",
  "random"
).annotations({ identifier: "effect-ollama/Placement/Name" })

/**
 * @since 0.1.0
 * @category models
 */
export type Name = typeof Name.Type

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const Headroom = Schema.Union(Schema.Int.pipe(Schema.greaterThanOrEqualTo(0)), Schema.Literal("unbounded")).annotations(
  refusing('not a number of calls: write a whole number from 0, or "unbounded"')
)

/**
 * The host where the call is expected to be done first.
 *
 * - `admission`: whether a call is refused for the wait that is predicted for it, the load apart. With a deadline: when
 *   that is longer than what is left of it. With or without one: when the wait has been above `target` for a whole
 *   `interval`, until it has been below for as long. A call of a single host is never refused.
 * - `headroom`: so many calls more than it works on at once are at a host; others are held in the client, where they keep
 *   an order and a choice.
 *
 * @since 0.1.0
 * @category models
 */
export const ExpectedCompletion = Schema.Struct({
  by: Schema.Literal("expectedCompletion"),
  admission: optional(orOff(Concurrency.Admission)),
  headroom: optional(Headroom)
}).annotations({ identifier: "effect-ollama/Placement/ExpectedCompletion" })

/**
 * @since 0.1.0
 * @category models
 */
export type ExpectedCompletion = typeof ExpectedCompletion.Type

/**
 * The same host for the same key, and the next one for a key whose host has more than its share.
 *
 * - `key`: `session` (that of the call options; calls without one go by expected completion) or `model`.
 * - `factor`: how many times the mean of calls in flight a host may have; above 1.
 *
 * @since 0.1.0
 * @category models
 */
export const Sticky = Schema.Struct({
  by: Schema.Literal("sticky"),
  key: optional(Schema.Literal("session", "model")),
  factor: optional(Schema.Finite.pipe(Schema.greaterThan(1)).annotations(refusing("not a number above 1")))
}).annotations({ identifier: "effect-ollama/Placement/Sticky" })

/**
 * @since 0.1.0
 * @category models
 */
export type Sticky = typeof Sticky.Type

const Within = Schema.Literal("expectedCompletion", "leastInFlight", "roundRobin", "weighted", "sticky", "random")

export type Within = typeof Within.Type

/**
 * The hosts of the lowest `priority`; the next ones only while none of those is left, or while they would refuse the call
 * for its wait.
 *
 * - `within`: how one of them is chosen.
 *
 * @since 0.1.0
 * @category models
 */
export const Priority = Schema.Struct({
  by: Schema.Literal("priority"),
  within: optional(Within)
}).annotations({ identifier: "effect-ollama/Placement/Priority" })

/**
 * @since 0.1.0
 * @category models
 */
export type Priority = typeof Priority.Type

/**
 * How the host of a call is chosen.
 *
 * - `expectedCompletion`: where it is expected to be done first: wait, load, prompt and answer, as learned of each host.
 * - `leastInFlight`: where the fewest calls are, for their weight.
 * - `roundRobin`: one after the other.
 * - `weighted`: one after the other, each as often as its weight says.
 * - `priority`: those of the lowest `priority`, as long as there are any.
 * - `sticky`: the same one for all calls of a session.
 * - `random`: any.
 *
 * @since 0.1.0
 * @category models
 */
export const Placement = Schema.Union(Name, ExpectedCompletion, Sticky, Priority).annotations({
  identifier: "effect-ollama/Placement"
})

/**
 * @since 0.1.0
 * @category models
 */
export type Placement = typeof Placement.Type

/**
 * A program's own choice: one of the candidates, or undefined for none, which refuses the call. The candidates are those that
 * have the model, and are neither blocked nor tried while others are left; at least one. All of it is to be read at
 * once, and not kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Own {
  (candidates: ReadonlyArray<HostView>, question: Question, view: View): HostView | undefined
}

/** What `expectedCompletion` is by its name: a wait of 10 seconds for 10 seconds is too much, and one call waits there. */
export const defaults: Required<Omit<ExpectedCompletion, "by"> & Omit<Sticky, "by"> & Omit<Priority, "by">> = {
  admission: { target: Duration.seconds(10), interval: Duration.seconds(10) },
  headroom: 1,
  key: "session",
  factor: 1.25,
  within: "expectedCompletion"
}
