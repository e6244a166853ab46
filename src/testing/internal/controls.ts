/** What a test can see and do while the simulator runs. */
import type * as Effect from "effect/Effect"
import type * as Fault from "./faultModel.js"

/**
 * How a request ended for the server: answered in full (with whatever status), left by the client, hit by a fault,
 * ended by the death of its model's runner, or cut off when the server was shut down. `chunks` is the number of chunks
 * of the body that were sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ended {
  readonly how: "completed" | "left" | "faulted" | "crashed" | "stopped"
  readonly chunks: number
  /** Present once headers were sent. */
  readonly status?: number
  /** The fault that hit it, also when the client left because of it. */
  readonly fault?: Fault.Fault
  /** Milliseconds on the Clock. */
  readonly at: number
}

/**
 * A request that the simulator saw.
 *
 * @since 0.1.0
 * @category models
 */
export interface Seen {
  readonly index: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** The body, when it is JSON. */
  readonly json: unknown
  readonly bytes: number
  /** Milliseconds on the Clock. */
  readonly at: number
  /** Absent while it runs. */
  readonly ended?: Ended
}

/**
 * A model in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resident {
  readonly name: string
  readonly bytes: number
  /** Tokens. */
  readonly contextLength: number
  /** How many answers it can give at a time. */
  readonly slots: number
  /** How many it is giving. */
  readonly answering: number
  /** How many requests wait for one of its slots. */
  readonly waiting: number
  /** Its runner has crashed; the next request for it loads it again. */
  readonly isDead: boolean
}

/**
 * The server at one moment, and what it has counted since the start.
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  /** False between `shutdown` and `restart`. */
  readonly isUp: boolean
  /** Requests that run, of all paths. */
  readonly inFlight: number
  /** Places taken in the queue for loads, also by requests whose clients have left. It sheds at `maxQueue`. */
  readonly queued: number
  /** The model that is being loaded. */
  readonly loading?: string
  /** Whether the request at the head waits for answers to end, so that their model can make room. */
  readonly isWaitingForRoom: boolean
  /** Bytes: of the models in memory and of the one that is being loaded, and what there is. */
  readonly memory: { readonly used: number; readonly total: number }
  /** Models in memory, in the order of their loads. */
  readonly residents: ReadonlyArray<Resident>
  /** Loads begun; finished; aborted because the client that owned them left; failed. */
  readonly loads: Readonly<Record<"begun" | "finished" | "aborted" | "failed", number>>
  /** Milliseconds spent on loads that were aborted or failed. */
  readonly lostInLoads: number
  /** Models that had to go to make room for another one. */
  readonly evictions: number
  /** Runners that crashed. */
  readonly crashes: number
  /**
   * By model: the most requests that used it or waited for it at one time, and the most answers it gave at one time.
   * Requests that were refused before (a model that is not there, a bad option) do not count.
   */
  readonly peaks: Readonly<Record<string, { readonly inFlight: number; readonly answering: number }>>
  /** Requests that have ended, by how. */
  readonly ended: Readonly<Record<Ended["how"], number>>
  /** Requests that have ended after their headers were sent, by status. */
  readonly statuses: Readonly<Record<number, number>>
}

/**
 * What a test can see and do while the simulator runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Controls {
  /** All requests so far, in the order of their arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<Seen>>
  /** Waits until the server has seen the request with this index. */
  readonly arrived: (index: number) => Effect.Effect<Seen>
  /** Waits until the server has noticed the end of the request with this index. */
  readonly ended: (index: number) => Effect.Effect<Ended>
  /** How many requests are running. */
  readonly inFlight: Effect.Effect<number>
  /** The names of the models that are in memory. */
  readonly loaded: Effect.Effect<ReadonlyArray<string>>
  /** Loads since the start: begun, finished, and aborted because the client that owned them left. */
  readonly loads: Effect.Effect<{ readonly begun: number; readonly finished: number; readonly aborted: number }>
  /** The server at this moment, with all that it has counted. */
  readonly state: Effect.Effect<State>
  readonly clearFaults: Effect.Effect<void>
  /**
   * Kills the runner of a model: answers end with Ollama's words for it (an error line after the first chunk, a 500
   * before it), requests that wait for a slot get theirs, a load fails, and the next request loads the model again.
   * Until then it is still listed by `/api/ps`, as in Ollama. Gives whether there was a runner.
   */
  readonly crash: (model: string) => Effect.Effect<boolean>
  /** Loads, prompts and answers that begin from now on take `factor` times as long; 1 is the normal pace. */
  readonly slowDown: (factor: number) => Effect.Effect<void>
  /**
   * As on SIGTERM: all connections are closed at once, without draining, models are out of memory, and nobody can
   * connect until `restart`.
   */
  readonly shutdown: Effect.Effect<void>
  /** The server listens again, with nothing loaded. What was installed and counted is kept. */
  readonly restart: Effect.Effect<void>
}
