/**
 * `SharedState` over the persistence of `@effect/experimental`: Redis, LMDB, a key-value store (files, a database), or
 * memory.
 *
 * @since 0.1.0
 */
import * as Persistence from "@effect/experimental/Persistence"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SharedState from "../fleet/SharedState.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * What the names of the documents begin with: `effect-ollama` by default. Only clients with the same one tell each other
   * anything.
   */
  readonly storeId?: string | undefined
}

/**
 * The store that fleets share through (`Fleet.Options.shared`), over any `BackingPersistence`. It never fails to be made: a
 * server that is away is asked again later.
 *
 * ioredis keeps what it cannot send, and tries for half a minute: give it `maxRetriesPerRequest: 1`, so that what is old
 * by then is let go.
 *
 * @example
 * ```ts
 * import { Persistence } from "@effect/experimental"
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import { Fleet } from "effect-ollama"
 * import { PersistedState } from "effect-ollama/shared"
 *
 * // or layer({ host: "redis", maxRetriesPerRequest: 1 }) of "@effect/experimental/Persistence/Redis"
 * const Store = PersistedState.layer().pipe(Layer.provide(Persistence.layerMemory))
 *
 * const Ollama = Fleet.layer({ hosts: ["gpu-1", "gpu-2"], shared: {} }).pipe(
 *   Layer.provide([Store, FetchHttpClient.layer])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<SharedState.SharedState, never, Persistence.BackingPersistence> =>
  Layer.scoped(
    SharedState.SharedState,
    Effect.gen(function* () {
      const backing = yield* Persistence.BackingPersistence
      const store = yield* backing.make(options.storeId ?? "effect-ollama")
      return {
        get: (keys) =>
          keys.length === 0
            ? Effect.succeed([])
            : Effect.map(store.getMany([...keys]), (all) => all.map(Option.getOrUndefined)),
        set: (entries) =>
          entries.length === 0
            ? Effect.void
            : store.setMany(entries.map(({ document, key, timeToLive }) => [key, document, Option.some(timeToLive)]))
      }
    })
  )
