/** OLLAMA_POLICY_FILE, as `OllamaNode.layerConfig` reads and follows it. */
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigError, ConfigProvider, Effect, Either, Layer } from "effect"
import { OllamaClient, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import * as path from "node:path"
import * as Servers from "../sockets/servers.js"

/** Waits as short as can be: what is looked at is how often a call is sent. */
const retry = { baseDelay: 1, jitter: "none" } as const

const attempts = (n: number): string =>
  JSON.stringify({ retry: { ...retry, attempts: n }, breaker: "off", budget: "off" })

const setting = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const file = path.join(yield* files.makeTempDirectoryScoped(), "policy.json")
  let sent = 0
  const server = yield* Servers.http(({ response }) => {
    sent += 1
    response.writeHead(503, { "content-type": "application/json" })
    response.end('{"error":"server busy, please try again.  maximum pending requests exceeded"}')
  })
  /** How often one call is sent. */
  const sends = Effect.suspend(() => {
    const before = sent
    return Effect.map(Effect.exit(OllamaClient.version()), () => sent - before)
  })
  const write = (text: string) => files.writeFileString(file, text)
  const env = (more: Readonly<Record<string, string>> = {}) =>
    Effect.withConfigProvider(
      ConfigProvider.fromMap(
        new Map(Object.entries({ OLLAMA_HOST: server.address, OLLAMA_POLICY_FILE: file, ...more }))
      )
    )
  return { env, file, sends, write }
}).pipe(Effect.provide(NodeFileSystem.layer))

describe("OLLAMA_POLICY_FILE", () => {
  it.scopedLive("is read first, OLLAMA_POLICY changes it, and single fields change that", () =>
    Effect.gen(function* () {
      const { env, sends, write } = yield* setting
      yield* write(attempts(2))
      const under = (more: Readonly<Record<string, string>>) =>
        sends.pipe(Effect.provide(OllamaNode.layerConfig()), env(more))
      assert.strictEqual(yield* under({}), 2)
      assert.strictEqual(yield* under({ OLLAMA_POLICY: '{"retry":{"attempts":3}}' }), 3)
      const single = { OLLAMA_POLICY_RETRY_ATTEMPTS: "4" }
      assert.strictEqual(yield* under(single), 4)
      assert.strictEqual(yield* under({ OLLAMA_POLICY: '{"retry":{"attempts":3}}', ...single }), 4)
    })
  )

  it.scopedLive("does not count where a policy is given", () =>
    Effect.gen(function* () {
      const { env, sends } = yield* setting
      const layer = OllamaNode.layerConfig({ policy: Config.succeed(Policy.none) })
      assert.strictEqual(yield* sends.pipe(Effect.provide(layer), env()), 1)
    })
  )

  it.scopedLive("that cannot be used fails the layer, with the file and all problems", () =>
    Effect.gen(function* () {
      const { env, file, write } = yield* setting
      const failure = Effect.flip(Layer.launch(OllamaNode.layerConfig())).pipe(env())
      const missing = yield* failure
      assert.isTrue(ConfigError.isConfigError(missing))
      assert.include(String(missing), file)
      yield* write('{"retry":{"attempts":0,"delay":1}}')
      const invalid = String(yield* failure)
      for (const word of ["OLLAMA_POLICY_FILE", file, "retry.attempts", "retry.delay"]) assert.include(invalid, word)
    })
  )

  it.scopedLive("is followed while the layer lives", () =>
    Effect.gen(function* () {
      const { env, sends, write } = yield* setting
      yield* write(attempts(2))
      const program = Effect.gen(function* () {
        assert.strictEqual(yield* sends, 2)
        yield* write(attempts(5))
        yield* Effect.repeat(sends, { until: (n) => n === 5 })
        yield* write(attempts(0))
        yield* write(attempts(3))
        yield* Effect.repeat(sends, { until: (n) => n === 3 })
      })
      yield* program.pipe(Effect.provide(OllamaNode.layerConfig()), env())
    })
  )

  it.scopedLive("a file that the variables do not fit is refused, at first", () =>
    Effect.gen(function* () {
      const { env, write } = yield* setting
      yield* write('{"breaker":{"model":{"openMax":"10 seconds"}}}')
      const more = { OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR: "20 seconds" }
      const layer = yield* Effect.either(Layer.build(OllamaNode.layerConfig()).pipe(env(more)))
      assert.isTrue(Either.isLeft(layer))
      assert.include(String(layer), "breaker.model.openMax")
    })
  )
})
