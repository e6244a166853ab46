/**
 * The simulator as a server on loopback (Node): what `OllamaSimulator` is in memory, with real connections that are
 * really reset, cut, stalled and refused.
 *
 * @since 0.1.0
 */
import { hostname } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Fault from "./Fault.js"
import type { Controls } from "./internal/controls.js"
import * as pem from "./internal/certificate.js"
import * as engine from "./internal/engine.js"
import * as HostNames from "./internal/hostNames.js"
import * as listen from "./internal/listen.js"
import * as replay from "./internal/replay.js"
import * as silent from "./internal/silent.js"
import type { Options as Simulated } from "./internal/types.js"
import type * as Recorded from "./Recorded.js"

/**
 * Where to listen. A port that is taken is a defect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listen {
  /** Default `127.0.0.1`. */
  readonly host?: string
  /** Default 0: one that is free. */
  readonly port?: number
  /** Speak TLS, with {@link certificate}. Default false. */
  readonly tls?: boolean
}

/**
 * The simulated server and where it listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Listen, Omit<Simulated, "faults"> {
  /** Faults in force from the start. */
  readonly faults?: ReadonlyArray<Fault.Served>
}

/**
 * Faults that can be staged on sockets: all but those of the machine's own firewall.
 *
 * @since 0.1.0
 * @category models
 */
export type Stageable = Exclude<Fault.Fault, Fault.Firewall>

/**
 * The running server: its address, and what a test can see and do. `ended(index)` is the way to learn that the server
 * noticed a client leaving, without waiting for a time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service extends Controls {
  /** `http://127.0.0.1:41234`. */
  readonly url: string
  readonly port: number
  /** Adds faults to those in force. For one request the first one that matches decides. */
  readonly inject: (...faults: ReadonlyArray<Fault.Served>) => Effect.Effect<void>
  /**
   * Prepares a fault and gives the address to call to meet it: for faults of a server its own, after injecting them; for
   * faults of the address one where nothing listens, nothing answers, or the other protocol is spoken. `Fault.When` is
   * for the former only.
   */
  readonly stage: (fault: Stageable) => Effect.Effect<string>
  /**
   * As when the server's process is killed: the port is closed, connections are reset, models are out of memory. The
   * same as `shutdown`.
   */
  readonly down: Effect.Effect<void>
  /** Listens on the same port again. The same as `restart`. */
  readonly up: Effect.Effect<void>
}

/**
 * The simulator that {@link layer} provides.
 *
 * @since 0.1.0
 * @category tags
 */
export class OllamaSimulatorServer extends Context.Tag("effect-ollama/testing/OllamaSimulatorServer")<
  OllamaSimulatorServer,
  Service
>() {}

/**
 * The self-signed certificate (PEM) of the server with TLS, for `localhost`, `127.0.0.1` and `::1`: to be trusted as a
 * CA where that is what a test is about.
 *
 * @since 0.1.0
 * @category constants
 */
export const certificate: string = pem.certificate

const addressOf = (options: Listen): listen.Options => ({
  host: options.host ?? "127.0.0.1",
  port: options.port ?? 0,
  tls: options.tls ?? false
})

/** As Ollama: whoever listens to the network is called by any name. */
const hostsAt = (address: string): ((host: string) => boolean) => {
  const machine = hostname()
  return HostNames.isLoopback(address) ? (host) => HostNames.isAllowed(host, machine) : () => true
}

/** The addresses of the faults that no server of ours answers, made when they are wanted. */
interface Places {
  readonly plain: Effect.Effect<listen.Listening>
  readonly secure: Effect.Effect<listen.Listening>
  readonly silent: Effect.Effect<number>
  /** Another one each time: two hosts that are down are two hosts. */
  readonly closed: Effect.Effect<number>
}

const loopback = (protocol: "http" | "https", port: number): string => `${protocol}://127.0.0.1:${port}`

/** 224.0.0.1 is a group, not a host: no TCP connection is ever routed to it. */
const unroutable = "http://224.0.0.1:11434"

const placeOf = (fault: Exclude<Fault.Address, Fault.Firewall>, places: Places): Effect.Effect<string> => {
  switch (fault._tag) {
    case "Refused":
      return Effect.map(places.closed, (port) => loopback("http", port))
    case "Dns":
      return Effect.succeed("http://simulator.invalid:11434")
    case "Unroutable":
      return Effect.succeed(unroutable)
    case "ConnectTimeout":
      return Effect.map(places.silent, (port) => loopback("http", port))
    case "SelfSignedTls":
      return Effect.map(places.secure, ({ port }) => loopback("https", port))
    case "HttpToTls":
      return Effect.map(places.secure, ({ port }) => loopback("http", port))
    case "HttpsToHttp":
      return Effect.map(places.plain, ({ port }) => loopback("https", port))
  }
}

/**
 * Starts a server that listens until the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function* () {
    const address = addressOf(options)
    const { controls, handle, inject } = yield* engine.make(options, hostsAt(address.host))
    const scope = yield* Effect.scope
    const server = yield* listen.serve(handle, address)
    const beside = (tls: boolean) =>
      address.tls === tls
        ? Effect.succeed(Effect.succeed(server))
        : Effect.cached(
            Effect.provideService(listen.serve(handle, { host: "127.0.0.1", port: 0, tls }), Scope.Scope, scope)
          )
    const places: Places = {
      plain: yield* beside(false),
      secure: yield* beside(true),
      silent: yield* Effect.cached(Effect.provideService(silent.silentPort, Scope.Scope, scope)),
      closed: Effect.provideService(silent.closedPort, Scope.Scope, scope)
    }
    const down = Effect.zipRight(controls.shutdown, server.down)
    const up = Effect.zipRight(controls.restart, server.up)
    return {
      ...controls,
      shutdown: down,
      restart: up,
      down,
      up,
      url: server.url,
      port: server.port,
      inject: (...faults) => inject(faults),
      stage: (fault) => (Fault.isAddress(fault) ? placeOf(fault, places) : Effect.as(inject([fault]), server.url))
    }
  })

/**
 * The server, for as long as the layer lives.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { OllamaClient } from "effect-ollama"
 * import { OllamaNode } from "effect-ollama/node"
 * import { Fault } from "effect-ollama/testing"
 * import { OllamaSimulatorServer } from "effect-ollama/testing/node"
 *
 * export const program = Effect.gen(function* () {
 *   const server = yield* OllamaSimulatorServer.OllamaSimulatorServer
 *   const host = yield* server.stage(Fault.resetBeforeHeaders({ times: 1 }))
 *   return yield* Effect.provide(OllamaClient.list(), OllamaNode.layer({ host }))
 * }).pipe(Effect.provide(OllamaSimulatorServer.layer({ models: ["llama3.2"] })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<OllamaSimulatorServer> =>
  Layer.scoped(OllamaSimulatorServer, make(options))

/**
 * A server that replays recordings, as `Recorded.make` does in memory, until the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const recorded = (
  exchanges: Recorded.Exchanges,
  options: Recorded.Options & Listen = {}
): Effect.Effect<
  {
    readonly url: string
    readonly port: number
    readonly asked: Effect.Effect<ReadonlyArray<Recorded.Asked>>
  },
  never,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const { handle, requests } = replay.of(exchanges, options.speed)
    const { port, url } = yield* listen.serve(handle, addressOf(options))
    return { url, port, asked: requests }
  })
