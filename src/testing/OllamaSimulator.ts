/**
 * Ollama in memory: an `HttpClient` on Effect's Clock that behaves as an Ollama server does, for tests of programs that
 * call one. No network and no real time: under `TestClock` loads, prompts and tokens take the time that a test adjusts.
 *
 * It schedules as Ollama does: requests for a loaded model wait for one of its slots (`parallel`), all others stand in one
 * queue with a limit (`maxQueue`, then 503) for a worker that makes room in `memory` and loads one model at a time. A load
 * is thrown away when the request that it is done for leaves, idle models go when their `keep_alive` is over, and
 * `crash`, `shutdown` and `restart` do what their names say. `state` shows and counts all of it.
 *
 * It says that it is a simulator: `version` ends in `-simulator`, and so do its answers unless a reply is given.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Fault from "./Fault.js"
import * as engine from "./internal/engine.js"
import * as memory from "./internal/memory.js"
import type { Controls } from "./internal/controls.js"
import type { Options } from "./internal/types.js"

export type { Controls, Ended, Resident, Seen, State } from "./internal/controls.js"
export type { Model, Options, Prompt, Reply, Timing } from "./internal/types.js"

/**
 * What a test can see and do while the simulator runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service extends Controls {
  /** Adds faults to those in force. For one request the first one that matches decides. */
  readonly inject: (...faults: ReadonlyArray<Fault.Fault>) => Effect.Effect<void>
}

/**
 * The controls of the simulator that {@link layer} provides.
 *
 * @since 0.1.0
 * @category tags
 */
export class OllamaSimulator extends Context.Tag("effect-ollama/testing/OllamaSimulator")<OllamaSimulator, Service>() {}

/**
 * A simulator with its own state, as a client and its controls.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<{ readonly client: HttpClient.HttpClient; readonly simulator: Service }> =>
  Effect.map(engine.make(options), ({ controls, epoch, handle, inject }) => ({
    client: memory.client(handle, epoch),
    simulator: { ...controls, inject: (...faults) => inject(faults) }
  }))

/**
 * The simulator as the `HttpClient` of a program, whatever address it calls, with the controls beside it. Each call of
 * `layer` is a server of its own.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { OllamaClient } from "effect-ollama"
 * import { Fault, OllamaSimulator } from "effect-ollama/testing"
 *
 * const simulated = OllamaSimulator.layer({ models: ["llama3.2"], reply: "Hello!", loadTime: "3 seconds" })
 *
 * export const program = Effect.gen(function* () {
 *   const simulator = yield* OllamaSimulator.OllamaSimulator
 *   yield* simulator.inject(Fault.serverBusy({ times: 1 }))
 *   return yield* OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hi" }] })
 * }).pipe(Effect.provide(OllamaClient.layer().pipe(Layer.provideMerge(simulated))))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<OllamaSimulator | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), ({ client, simulator }) =>
      Context.empty().pipe(Context.add(OllamaSimulator, simulator), Context.add(HttpClient.HttpClient, client))
    )
  )
