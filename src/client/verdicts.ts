/** What is said of a call in one word, from what the client knows of it. */
import type * as Duration from "effect/Duration"
import type * as OllamaError from "../OllamaError.js"
import type { Verdict } from "../record/Verdict.js"

export const ofRunning = (phase: OllamaError.Phase, elapsed: Duration.Duration): Verdict => ({
  _tag: "Unknown",
  phase,
  elapsed
})

export const ofEnded = (
  outcome: string,
  isSlow: boolean,
  phase: OllamaError.Phase,
  elapsed: Duration.Duration
): Verdict => {
  if (outcome === "left") return { _tag: "LeftByCaller", phase, after: elapsed }
  return outcome === "success" && !isSlow ? { _tag: "AsExpected" } : { _tag: "Unknown", phase, elapsed }
}
