/** Who answers the attempts of a call, where there are several servers: asked for at each attempt. */
import type * as Effect from "effect/Effect"
import type * as Context from "../internal/context.js"
import type * as OllamaError from "../OllamaError.js"
import type * as Attempt from "./attempt.js"
import type { Journal } from "./journal.js"
import type * as Server from "./server.js"
import type * as Timing from "./timing.js"

type Failure = OllamaError.OllamaError

/** What is to be placed. */
export interface Asked {
  readonly plan: Pick<Attempt.Plan<never, unknown>, "endpoint" | "model" | "need">
  readonly journal: Journal
  /** Gives what loads the model at a server as this call would, and keeps nothing of what the call asks. */
  readonly loader: () => Loader
  /** When the call has to be over; milliseconds on Clock. */
  readonly deadline: number | undefined
  /** Whose turn comes first where calls wait. */
  readonly priority: "interactive" | "normal" | "batch" | undefined
  /** Addresses of servers at which an attempt of this call has failed: asked again when no other is left. */
  readonly tried: ReadonlySet<string>
  /** Those that this call does not ask again at all. */
  readonly barred: ReadonlySet<string>
  /** The failure of a call that is not sent. */
  readonly refused: (seed: Context.Seed, phase: OllamaError.Phase) => Failure
  /** The failure of a call that waited for a place until it had to be over. */
  readonly late: () => Failure
  readonly note: (what: "queued" | "panicked" | "refused", why: string) => void
}

/** Begins a load, and does not wait for it; nothing where the model is in memory, or is being loaded. */
export type Loader = (server: Server.Server) => Effect.Effect<void>

/** The right to have an attempt at a server: it counts as work there until it is left. */
export interface Place {
  readonly server: Server.Server
  /** Nobody answers there, as everywhere: it is asked all the same, past its breakers. */
  readonly isPanic: boolean
  /**
   * Calls the listener when the server is found not to answer while nothing of the answer has come; gives what ends that.
   */
  readonly onLost: (listener: () => void) => () => void
  /** The attempt and its answer are over. Only the first time counts. */
  readonly leave: (answer?: Answer) => void
}

/** What an answer has shown at its end. */
export interface Answer {
  readonly outcome: Failure | "success" | "left"
  readonly timing: Timing.Timing | undefined
  /** Of prompt and answer. */
  readonly tokens: number
}

export interface Routes {
  /**
   * Finds a place for the next attempt, and waits for one where all servers are full. `hold` learns of it in the step that
   * grants it; it is not called where no server is left that may be asked.
   */
  readonly place: (asked: Asked, hold: (place: Place) => void) => Effect.Effect<void, Failure>
  /** Whether a server is left that was not tried. */
  readonly hasOther: (asked: Asked) => boolean
  /** An attempt has failed there. */
  readonly failed: (server: Server.Server, asked: Asked, error: Failure) => void
  /** Waits until any server answers, at most until this moment in milliseconds on Clock; says whether one does. */
  readonly answering: (until: number) => Effect.Effect<boolean>
}
