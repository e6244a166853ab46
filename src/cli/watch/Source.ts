/** Where the figures come from: a client for each server, looks at it, and the events of its calls. */
import * as Clock from "effect/Clock"
import type * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaError from "../../OllamaError.js"
import type { HostHealth } from "../../observe/HealthMonitor.js"
import type { PolicyFileError } from "../../node/policyFile.js"
import * as Connection from "../connection.js"
import * as History from "./History.js"
import * as Look from "./look.js"
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

export const make = (servers: ReadonlyArray<Server>): Effect.Effect<Source, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const at = yield* DateTime.now
    let history = History.empty
    let health: ReadonlyArray<HostHealth> = servers.map(({ host }) => Look.unseen(host, at))
    for (const { client } of servers) {
      yield* client.listen((event) => {
        history = History.add(history, event, clock.unsafeCurrentTimeMillis())
      })
    }
    const look = Effect.forEach(
      servers,
      ({ client, host }, index) =>
        Effect.map(Look.look(client, health[index] ?? Look.unseen(host, at)), (found) => {
          health = health.with(index, found)
        }),
      { concurrency: "unbounded", discard: true }
    )
    const snapshot = Effect.map(
      Effect.all([Clock.currentTimeMillis, Effect.forEach(servers, ({ client }) => client.state)]),
      ([now, clients]) => Snapshot.make({ now, health, clients, history })
    )
    return { servers, look, snapshot }
  })

type Failure = OllamaError.InvalidRequest | ConfigError.ConfigError | PolicyFileError

/** The servers that the command line names; that of the environment where it names none. */
export const connect = (
  hosts: ReadonlyArray<string>,
  policy: Option.Option<string>
): Effect.Effect<ReadonlyArray<Server>, Failure, Scope.Scope> =>
  Effect.forEach(hosts.length > 0 ? hosts.map(Option.some) : [Option.none<string>()], (host) =>
    Effect.gen(function* () {
      const connection = { host, policy }
      const context = yield* Layer.build(Connection.layer(connection))
      return {
        host: yield* Connection.address(connection),
        client: yield* Effect.provide(OllamaClient.OllamaClient, context)
      }
    })
  )
