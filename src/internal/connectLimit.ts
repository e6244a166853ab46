/** What the transport's own connect timer is set to, so that its failure can name the limit. */
import * as Context from "effect/Context"

/** In milliseconds; `undefined` when the transport has no timer that is known. */
export class ConnectLimit extends Context.Reference<ConnectLimit>()("effect-ollama/internal/ConnectLimit", {
  defaultValue: (): number | undefined => undefined
}) {}
