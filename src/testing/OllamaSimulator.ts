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
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Fault from "./Fault.js"
import * as broken from "./internal/broken.js"
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

/**
 * The controls of several simulators.
 *
 * @since 0.1.0
 * @category models
 */
export interface Several {
  /** Those of the one at this address, as it was given. Dies where there is none. */
  readonly at: (host: string) => Service
  /** The addresses, as they were given. */
  readonly hosts: ReadonlyArray<string>
}

/**
 * The controls of the simulators that {@link layerMany} provides.
 *
 * @since 0.1.0
 * @category tags
 */
export class OllamaSimulators extends Context.Tag("effect-ollama/testing/OllamaSimulators")<
  OllamaSimulators,
  Several
>() {}

const withPort = (host: string): string => (/:\d+$/.test(host) ? host : `${host}:11434`)

/**
 * Several simulators, each with its own state, behind one client: by name, or by name and port, as in `gpu-1` and
 * `gpu-2:11500`; the port is 11434 where none is given. At any other address nobody is there, and a connection is refused.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMany = (
  hosts: Readonly<Record<string, Options>>
): Effect.Effect<{ readonly client: HttpClient.HttpClient; readonly simulators: Several }> =>
  Effect.map(
    Effect.forEach(Object.entries(hosts), ([host, options]) =>
      Effect.map(make(options), (made) => ({ host, ...made }))
    ),
    (all) => {
      const clients = new Map(all.map(({ client, host }) => [withPort(host), client]))
      const simulators = new Map(all.map(({ host, simulator }) => [host, simulator]))
      return {
        client: HttpClient.make((request, url) => {
          const client = clients.get(withPort(url.host))
          const cause = broken.toError(broken.ofAddress({ _tag: "Refused" }, url.host))
          return client === undefined
            ? Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
            : client.execute(request)
        }),
        simulators: {
          hosts: [...simulators.keys()],
          at: (host) => {
            const simulator = simulators.get(host)
            if (simulator === undefined) throw new Error(`there is no simulator at ${host}`)
            return simulator
          }
        }
      }
    }
  )

/**
 * The same as layers: the `HttpClient` of a program that calls several hosts, with the controls of each beside it.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Fleet, OllamaClient } from "effect-ollama"
 * import { OllamaSimulator } from "effect-ollama/testing"
 *
 * const simulated = OllamaSimulator.layerMany({
 *   "gpu-1": { models: ["llama3.2"], loadTime: "3 seconds" },
 *   "gpu-2": { models: ["llama3.2"], loadTime: "9 seconds" }
 * })
 *
 * export const program = Effect.gen(function* () {
 *   const simulators = yield* OllamaSimulator.OllamaSimulators
 *   yield* simulators.at("gpu-1").shutdown
 *   // answered by gpu-2
 *   return yield* OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hi" }] })
 * }).pipe(Effect.provide(Fleet.layer({ hosts: ["gpu-1", "gpu-2"] }).pipe(Layer.provideMerge(simulated))))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMany = (
  hosts: Readonly<Record<string, Options>>
): Layer.Layer<OllamaSimulators | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(makeMany(hosts), ({ client, simulators }) =>
      Context.empty().pipe(Context.add(OllamaSimulators, simulators), Context.add(HttpClient.HttpClient, client))
    )
  )
