/**
 * What the clients of the same hosts tell each other: how fast hosts are, how much fits into their memory, and which of them
 * are in trouble. A client that starts knows from the first call on what others have found out with theirs.
 *
 * `SharedState` is the store: small JSON documents by name. `layerMemory` is one for the fleets of a process; the module
 * `PersistedState` of `effect-ollama/shared` makes one of anything that `@effect/experimental` can persist to (Redis, LMDB,
 * a key-value store).
 *
 * - **No call ever waits for the store.** It is read and written in the background, every few seconds; one that is away,
 *   slow, or full of nonsense is warned of once, and the fleet goes on with what it finds out by itself.
 * - **What others say of speed and memory is believed**, by the number of their calls and how fresh they are: after ten minutes
 *   half, against what is newer. A client that is gone is forgotten after `timeToLive`.
 * - **What others say of trouble is only a reason to look.** A client whose own network is broken says of every host that it
 *   is down: if others believed it, one broken cable would take the hosts from everybody. So a host that another client
 *   cannot reach is asked by this one (`GET /api/version` or `/api/ps`), and gets calls only if no other host can take them
 *   until it has answered, which takes some milliseconds, or two seconds at most. A model whose breaker is open
 *   elsewhere is half-open here: the next calls of it decide.
 * - **Clients do not take turns.** What they have on the way to a host is not shared, so it is a help to those that start, and
 *   when hosts die; not to many that keep the same hosts busy.
 * - In the store are addresses of hosts, names of models, and figures; no credentials, prompts, answers or sessions.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * A document to be kept: JSON, by name, for a while.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly key: string
  readonly document: unknown
  readonly timeToLive: Duration.Duration
}

/**
 * Where documents are. What it fails with is told in a warning by its name only; it is not asked more than once at a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The documents of these names, in their order; undefined where there is none. */
  readonly get: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<unknown>, unknown>
  /** Keeps documents, in the place of those that were there. */
  readonly set: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, unknown>
}

/**
 * The store, as a service.
 *
 * @since 0.1.0
 * @category tags
 */
export class SharedState extends Context.Tag("effect-ollama/SharedState")<SharedState, Service>() {}

/**
 * How a fleet shares (`Fleet.Options.shared`); everything has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Between two looks at the store: 3 seconds by default, a quarter more or less by chance; what a client has found out is
   * written then, and within a second when a host goes down or comes back. At least 1 second.
   */
  readonly every?: Duration.DurationInput | undefined
  /** For how long what a client has written counts: 1 hour by default. */
  readonly timeToLive?: Duration.DurationInput | undefined
  /** How long the store may take: 2 seconds by default. */
  readonly patience?: Duration.DurationInput | undefined
  /**
   * How long the layer waits for the first look: not at all by default, so that no store keeps a program from starting. For
   * programs that live for a few calls only.
   */
  readonly waitAtStart?: Duration.DurationInput | undefined
  /**
   * Whether hosts at a loopback address (`localhost`, `127.0.0.1`) are shared, too; false by default, because they are others
   * for clients on other machines. For clients that are all on one.
   */
  readonly loopback?: boolean | undefined
}

/** More than all hosts that anybody has. */
const most = 4096

/**
 * A store in memory, for the fleets of one process, and for tests. Bounded: 4096 documents, beyond which the one that was
 * written first is forgotten.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<SharedState> = Layer.sync(SharedState, () => {
  const documents = new Map<string, { readonly text: string; readonly until: number }>()
  return {
    get: (keys) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        keys.map((key): unknown => {
          const kept = documents.get(key)
          if (kept === undefined || kept.until > now) return kept === undefined ? undefined : JSON.parse(kept.text)
          documents.delete(key)
          return undefined
        })
      ),
    set: (entries) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        for (const { document, key, timeToLive } of entries) {
          documents.delete(key)
          documents.set(key, { text: JSON.stringify(document), until: now + Duration.toMillis(timeToLive) })
        }
        for (const key of documents.keys()) {
          if (documents.size <= most) break
          documents.delete(key)
        }
      })
  }
})
