/** When a request has got a connection: told by transports that know it, so that the wait for one has a phase of its own. */
import * as Context from "effect/Context"

/** What a transport tells of it. */
export interface Telling {
  /** Whether a request may also wait for another one to leave its connection, which says nothing of the host. */
  readonly mayQueue: boolean
}

/** Whether a transport tells it. */
export class TellsConnections extends Context.Reference<TellsConnections>()("effect-ollama/internal/TellsConnections", {
  defaultValue: (): Telling | undefined => undefined
}) {}

/** What such a transport calls, once for each request; in the context of the request. */
export class Connected extends Context.Tag("effect-ollama/internal/Connected")<Connected, () => void>() {}
