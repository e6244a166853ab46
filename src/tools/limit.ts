/**
 * The limits of a run with tools.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const what = { turns: "the model still calls tools", time: "it was not finished in time" }

/**
 * A run with tools that came to one of its limits. `turns`: the last answer that was allowed calls tools, which were not
 * run. `time`: whatever ran then was interrupted.
 *
 * @since 0.1.0
 * @category errors
 */
export class LimitReached extends Schema.TaggedError<LimitReached>("effect-ollama/Tool/LimitReached")(
  "ToolLimitReached",
  {
    limit: Schema.Literal("turns", "time"),
    /** Answers of the model until then. */
    turns: Schema.Int,
    /** Since the run began; milliseconds when encoded. */
    elapsed: Schema.DurationFromMillis
  }
) {
  override get message() {
    const answers = `${this.turns} ${this.turns === 1 ? "answer" : "answers"}`
    return `${what[this.limit]}, after ${answers}. Raise the limit on ${this.limit}, or make the task smaller`
  }
}
