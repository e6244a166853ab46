/**
 * Fleets that share through a real Redis, over real sockets, each with a connection of its own and one of them in a process of
 * its own. Needs redis-server (Debian: apt-get install redis-server); without it these tests are skipped.
 */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Redis from "@effect/experimental/Persistence/Redis"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type CallRecord, Fleet, SharedState } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { PersistedState } from "effect-ollama/shared"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import * as RedisServer from "./redisServer.js"
import type { One } from "./scene.js"

const model = "llama3.2"

const request = { model, messages: [{ role: "user" as const, content: "Hi" }] }

const server = Effect.map(
  Layer.build(
    OllamaSimulatorServer.layer({
      models: [{ name: model, loaded: true }],
      promptRate: 2000,
      tokenRate: 400,
      parallel: 8,
      reply: Array.from({ length: 40 }, () => "word ").join("")
    })
  ),
  (context) => Context.get(context, OllamaSimulatorServer.OllamaSimulatorServer)
)

/** ioredis says on the console that its server is away, whoever listens. */
const quiet = Effect.acquireRelease(
  Effect.sync(() => {
    const { error } = console
    console.error = (...words: ReadonlyArray<unknown>) => {
      if (!String(words[0]).startsWith("[ioredis]")) error(...words)
    }
    return error
  }),
  (error) =>
    Effect.sync(() => {
      console.error = error
    })
)

const store = (port: number) =>
  PersistedState.layer().pipe(
    Layer.provide(
      Redis.layer({ host: "127.0.0.1", port, maxRetriesPerRequest: 1, retryStrategy: () => 100, commandTimeout: 1000 })
    )
  )

/** A fleet with a connection of its own to Redis. */
const fleetOf = (port: number, hosts: ReadonlyArray<string>) =>
  Effect.flatMap(Layer.build(Layer.merge(store(port), OllamaNode.layerHttpClient())), (context) =>
    Effect.provide(
      Fleet.make({
        placement: { by: "priority" },
        hosts: hosts.map((host, priority) => ({ host, priority })),
        shared: { loopback: true, every: "1 second" }
      }),
      context
    )
  )

/** Waits until the state of the fleet is so. */
const until = ({ fleet }: One, isSo: (state: Fleet.State) => boolean) =>
  Stream.runDrain(Stream.takeUntil(fleet.changes, isSo))

const knows =
  (host: string) =>
  ({ hosts }: Fleet.State): boolean =>
    hosts.some((state) => state.host === host && state.models.some(({ generationRate }) => (generationRate ?? 0) > 100))

const isDown =
  (host: string) =>
  ({ hosts }: Fleet.State): boolean =>
    hosts.some((state) => state.host === host && state.status === "down")

const recorded = ({ client }: One) =>
  Effect.gen(function* () {
    const told: Array<CallRecord.CallRecord> = []
    yield* client.chat(request, { onRecord: (record) => Effect.sync(() => void told.push(record)) })
    yield* Effect.repeat(Effect.yieldNow(), { until: () => told.length > 0 })
    return told[0]
  })

const stored = (port: number, host: string) =>
  Effect.scoped(
    Effect.provide(
      Effect.flatMap(SharedState.SharedState, (shared) => shared.get([`1 ${host}`])),
      store(port)
    )
  )

describe.skipIf(!RedisServer.isInstalled)("fleets that share through Redis", { timeout: 120_000 }, () => {
  it.scopedLive("know from the start what a client in another process has learned, which is gone", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer.make
      const { url } = yield* server
      const code = yield* Effect.async<number | null>((resume) => {
        const program = fileURLToPath(new URL("client.ts", import.meta.url))
        const child = fork(program, [String(redis.port), url], { execArgv: ["--import=tsx"], stdio: "inherit" })
        child.once("exit", (code) => resume(Effect.succeed(code)))
        return Effect.sync(() => child.kill())
      })
      assert.strictEqual(code, 0)
      const fleet = yield* fleetOf(redis.port, [url])
      yield* until(fleet, knows(url))
    })
  )

  it.scopedLive("avoid a host that another one has found dead, before a call of theirs fails", () =>
    Effect.gen(function* () {
      const redis = yield* RedisServer.make
      const [a, b] = [yield* server, yield* server]
      const first = yield* fleetOf(redis.port, [a.url, b.url])
      const second = yield* fleetOf(redis.port, [a.url, b.url])
      yield* recorded(first)
      yield* a.down
      assert.strictEqual((yield* recorded(first))?.servedBy?.host, b.url)
      yield* until(second, isDown(a.url))
      const record = yield* recorded(second)
      assert.strictEqual(record?.servedBy?.host, b.url)
      assert.deepStrictEqual(record?.attempts, [])
    })
  )

  it.scopedLive("lose no call when Redis is killed under load, and share again when it is back", () =>
    Effect.gen(function* () {
      yield* quiet
      const redis = yield* RedisServer.make
      const [a, b] = [yield* server, yield* server]
      const hosts = [a.url, b.url]
      const fleets = [yield* fleetOf(redis.port, hosts), yield* fleetOf(redis.port, hosts)]
      const results: Array<Either.Either<unknown, unknown>> = []
      let waiting = { count: 0, over: () => {} }
      const load = Effect.forEach(
        fleets,
        ({ client }) =>
          Effect.forever(
            Effect.flatMap(Effect.either(client.chat(request)), (result) =>
              Effect.sync(() => {
                results.push(result)
                if (--waiting.count === 0) waiting.over()
              })
            )
          ),
        { concurrency: "unbounded", discard: true }
      )
      const running = yield* Effect.fork(load)
      /** So many more calls have ended. */
      const more = (count: number) =>
        Effect.async<void>((resume) => {
          waiting = { count, over: () => resume(Effect.void) }
        })
      yield* Effect.repeat(stored(redis.port, a.url), {
        schedule: Schedule.spaced("50 millis"),
        until: ([document]) => document !== undefined
      })
      yield* redis.kill
      yield* more(40)
      yield* redis.restart
      // it has forgotten everything, and is told again
      yield* Effect.repeat(stored(redis.port, a.url), {
        schedule: Schedule.spaced("100 millis"),
        until: ([document]) => JSON.stringify(document ?? {}).split('"id"').length > 2
      })
      yield* more(10)
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(results.filter(Either.isLeft), [])
      const third = yield* fleetOf(redis.port, hosts)
      yield* until(third, knows(a.url))
    }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
  )
})
