/** A monitor over a server whose answers a test changes as it goes. */
import { HealthMonitor, OllamaClient } from "effect-ollama"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Replies from "../support/replies.js"
import * as Server from "../support/server.js"

export interface Scene {
  readonly server: Server.Server
  readonly client: OllamaClient.Service
  readonly monitor: HealthMonitor.Service
  /** What is answered from now on; `chatElsewhere` by the host `other`. */
  readonly answers: { version: Replies.Reply; ps: Replies.Reply; chat: Replies.Reply; chatElsewhere: Replies.Reply }
  /** The only host, as it is known now. */
  readonly health: Effect.Effect<HealthMonitor.HostHealth>
  /** When a path was asked, in milliseconds. */
  readonly asked: (path: string) => ReadonlyArray<number>
}

/** The middle of chance: intervals are exact. */
export const exact = Effect.withRandom(Random.fixed([0.5]))

export const answering = () => ({
  version: Replies.version,
  ps: Replies.ps(),
  chat: Replies.chat("Hi"),
  chatElsewhere: Replies.refused
})

export interface Options {
  readonly answers?: Partial<Scene["answers"]>
  readonly client?: OllamaClient.Options
  readonly monitor?: HealthMonitor.Options
}

export const scene = (options?: Options): Effect.Effect<Scene, never, Scope.Scope> => exact(chanceScene(options))

/** By the dice of whoever runs it. */
export const chanceScene = (options: Options = {}): Effect.Effect<Scene, never, Scope.Scope> =>
  Effect.gen(function* () {
    const answers = { ...answering(), ...options.answers }
    const server = Server.make({
      "/api/version": () => answers.version,
      "/api/ps": () => answers.ps,
      "/api/chat": ({ url }) => (url.includes("//other") ? answers.chatElsewhere : answers.chat)
    })
    const client = yield* Effect.orDie(server.connect(options.client))
    const monitor = yield* HealthMonitor.make(options.monitor).pipe(
      Effect.provideService(OllamaClient.OllamaClient, client)
    )
    return {
      server,
      client,
      monitor,
      answers,
      health: Effect.map(SubscriptionRef.get(monitor.hosts), (hosts) => {
        const [only] = hosts
        if (only === undefined || hosts.length > 1) throw new Error(`there are ${hosts.length} hosts`)
        return only
      }),
      asked: (path) => server.at(path).map(({ at }) => at)
    }
  })
