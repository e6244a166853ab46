/** When a request has got a connection: told by transports that know it, so that the wait for one has a phase of its own. */
import * as Context from "effect/Context"

/** Whether a transport tells it. */
export class TellsConnections extends Context.Reference<TellsConnections>()("effect-ollama/internal/TellsConnections", {
  defaultValue: (): boolean => false
}) {}

/** What such a transport calls, once for each request; in the context of the request. */
export class Connected extends Context.Tag("effect-ollama/internal/Connected")<Connected, () => void>() {}
