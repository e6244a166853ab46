/** What the transport itself sends to prove who it is: a proxy may say it back. */
import * as Context from "effect/Context"

/** Values that must not appear in any failure. */
export class TransportSecrets extends Context.Reference<TransportSecrets>()("effect-ollama/internal/TransportSecrets", {
  defaultValue: (): ReadonlyArray<string> => []
}) {}
