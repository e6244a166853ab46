/** Where the figures come from: a client for each server, looks at it, and the events of its calls. */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaError from "../../OllamaError.js"
import * as HealthMonitor from "../../observe/HealthMonitor.js"
import type { PolicyFileError } from "../../node/policyFile.js"
import * as Connection from "../connection.js"
import * as History from "./History.js"
import * as Snapshot from "./Snapshot.js"

/** A server that is watched. */
export interface Server {
  readonly host: string
  readonly client: OllamaClient.Service
}

export interface Source {
  readonly servers: ReadonlyArray<Server>
  /** Asks all servers, and waits for what they say. */
  readonly look: Effect.Effect<void>
  /** What is known now. */
  readonly snapshot: Effect.Effect<Snapshot.Snapshot>
}

/** We say when to look. */
const seldom = { idleInterval: "1 day", busyInterval: "1 day" } as const

export const make = (servers: ReadonlyArray<Server>): Effect.Effect<Source, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    let history = History.empty
    for (const { client } of servers) {
      yield* client.listen((event) => {
        history = History.add(history, event, clock.unsafeCurrentTimeMillis())
      })
    }
    const monitors = yield* Effect.forEach(servers, ({ client }) =>
      Effect.provideService(HealthMonitor.make(seldom), OllamaClient.OllamaClient, client)
    )
    const look = Effect.forEach(monitors, (monitor) => monitor.look, { concurrency: "unbounded", discard: true })
    const snapshot = Effect.gen(function* () {
      const health = yield* Effect.forEach(monitors, ({ hosts }) => SubscriptionRef.get(hosts))
      const clients = yield* Effect.forEach(servers, ({ client }) => client.state)
      return Snapshot.make({ now: yield* Clock.currentTimeMillis, health: health.flat(), clients, history })
    })
    return { servers, look, snapshot }
  })

type Failure = OllamaError.InvalidRequest | ConfigError.ConfigError | PolicyFileError

/** The hosts of a fleet, as `Fleet.layerConfig` reads them. */
const fleetHosts = Config.map(Config.option(Config.nonEmptyString("OLLAMA_HOSTS")), (text) =>
  Option.match(text, {
    onNone: () => [],
    onSome: (text) =>
      text
        .split(",")
        .map((host) => host.trim())
        .filter((host) => host !== "")
  })
)

/** The servers that the command line names; those of the environment, a fleet or one, where it names none. */
export const connect = (
  hosts: ReadonlyArray<string>,
  policy: Option.Option<string>
): Effect.Effect<ReadonlyArray<Server>, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const named = hosts.length > 0 ? hosts : yield* fleetHosts
    return yield* Effect.forEach(named.length > 0 ? named.map(Option.some) : [Option.none<string>()], watched(policy))
  })

const watched =
  (policy: Option.Option<string>) =>
  (host: Option.Option<string>): Effect.Effect<Server, Failure, Scope.Scope> =>
    Effect.gen(function* () {
      const connection = { host, policy }
      const context = yield* Layer.build(Connection.layer(connection))
      return {
        host: yield* Connection.address(connection),
        client: yield* Effect.provide(OllamaClient.OllamaClient, context)
      }
    })
