/**
 * When the readers of several sockets hand on what has come. A transport may offer a moment after all sockets were read:
 * reading and running in turns would throw each other's code out of the processor's caches.
 */
import * as Context from "effect/Context"

/** Who has something to hand on. */
export interface Ready {
  readonly handOn: () => void
}

/** Calls back in that moment, together with others. */
export type Run = (ready: Ready) => void

/** Absent where a transport knows no such moment: then everything is handed on at once. */
export class Soon extends Context.Reference<Soon>()("effect-ollama/internal/Soon", {
  defaultValue: (): Run | undefined => undefined
}) {}
