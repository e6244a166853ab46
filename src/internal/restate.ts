/** A failure said again: of another call, or at another time. */
import * as Schema from "effect/Schema"
import * as OllamaError from "../OllamaError.js"
import type * as Context from "./context.js"
import { defined } from "./defined.js"

const encode = Schema.encodeSync(OllamaError.OllamaError)
const decode = Schema.decodeSync(OllamaError.OllamaError)
const encodeAttempts = Schema.encodeSync(Schema.Array(OllamaError.Attempt))

/** The same failure as one of this call: its own endpoint, model, time and attempts. */
export const restate = (
  error: OllamaError.OllamaError,
  call: Context.Call,
  at: {
    readonly now: number
    readonly attempts: ReadonlyArray<OllamaError.Attempt>
    readonly phase?: OllamaError.Phase
  }
): OllamaError.OllamaError => {
  const { model: _, ...rest } = encode(error)
  return decode({
    ...rest,
    ...defined({ model: call.model, phase: at.phase ?? error.phase }),
    endpoint: call.endpoint,
    elapsed: Math.max(0, at.now - call.startedAt),
    attempts: encodeAttempts(at.attempts)
  })
}
