/** What the server says in the last value of an answer about the time it took. */
import * as Predicate from "effect/Predicate"
import { defined } from "../internal/defined.js"

/** Milliseconds. */
export interface Timing {
  readonly total: number
  /** Until the model was in memory; the wait behind the loads of other models is a part of it. */
  readonly load: number
  readonly prompt: number
  readonly generation: number
}

/** Durations on the wire are in nanoseconds, and absent when they are zero. */
const millis = (nanos: unknown): number => (typeof nanos === "number" ? nanos / 1e6 : 0)

const whole = (u: unknown): number | undefined => (typeof u === "number" && Number.isSafeInteger(u) ? u : undefined)

/** As the server counted them. */
export const tokens = (last: unknown): { readonly prompt?: number; readonly generated?: number } =>
  Predicate.isRecord(last) ? defined({ prompt: whole(last.prompt_eval_count), generated: whole(last.eval_count) }) : {}

/** Ollama's (`llm/server.go`, `server/routes.go`), and those that proxies for other servers pass on. */
const reasons = new Set([
  "stop",
  "length",
  "load",
  "unload",
  "connection_closed",
  "tool_calls",
  "content_filter",
  "error"
])

/** Why an answer ended; `other` for what nobody knows, since records and spans repeat no text of a server's. */
export const doneReason = (last: unknown): string | undefined =>
  !Predicate.isRecord(last) || typeof last.done_reason !== "string" || last.done_reason === ""
    ? undefined
    : reasons.has(last.done_reason)
      ? last.done_reason
      : "other"

/** Milliseconds for which nothing is said to have happened: behind other calls of the model. */
export const queued = ({ generation, load, prompt, total }: Timing): number =>
  Math.max(0, total - load - prompt - generation)

/** @param last value of an answer */
export const of = (last: unknown): Timing | undefined =>
  Predicate.isRecord(last) && typeof last.total_duration === "number"
    ? {
        total: millis(last.total_duration),
        load: millis(last.load_duration),
        prompt: millis(last.prompt_eval_duration),
        generation: millis(last.eval_duration)
      }
    : undefined
