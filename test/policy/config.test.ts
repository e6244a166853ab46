import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { OllamaClient, Policy } from "effect-ollama"
import { expectTag, failsAt } from "../support/clock.js"
import { failure, json } from "../support/replies.js"
import { make } from "../support/server.js"

const env = (variables: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

const read = (variables: Readonly<Record<string, string>>) => Effect.suspend(() => Policy.config).pipe(env(variables))

describe("Policy.config", () => {
  it.effect("nothing set: the defaults", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({}), Policy.defaults)
      assert.deepStrictEqual(yield* read({ OLLAMA_POLICY: "", OLLAMA_POLICY_RETRY_ATTEMPTS: "" }), Policy.defaults)
    })
  )

  it.effect("OLLAMA_POLICY is JSON", () =>
    Effect.gen(function* () {
      const OLLAMA_POLICY = JSON.stringify({ timeouts: { gap: "10 seconds", total: 5000 }, retry: { attempts: 5 } })
      const wanted = Policy.make({ timeouts: { gap: "10 seconds", total: 5000 }, retry: { attempts: 5 } })
      assert.deepStrictEqual(yield* read({ OLLAMA_POLICY }), wanted)
    })
  )

  it.effect("each field has a variable, which wins over the JSON", () =>
    Effect.gen(function* () {
      const policy = yield* read({
        OLLAMA_POLICY: JSON.stringify({ timeouts: { gap: "10 seconds", load: 1 }, retry: { attempts: 5 } }),
        OLLAMA_POLICY_TIMEOUTS_CONNECT: "3 seconds",
        OLLAMA_POLICY_TIMEOUTS_LOAD: "none",
        OLLAMA_POLICY_TIMEOUTS_FIRST_TOKEN: "45000",
        OLLAMA_POLICY_TIMEOUTS_TOTAL: " 2 minutes ",
        OLLAMA_POLICY_RETRY_ATTEMPTS: "7",
        OLLAMA_POLICY_RETRY_BACKOFF: "linear",
        OLLAMA_POLICY_RETRY_BASE_DELAY: "1 second",
        OLLAMA_POLICY_RETRY_FACTOR: "1.5",
        OLLAMA_POLICY_RETRY_MAX_DELAY: "60000",
        OLLAMA_POLICY_RETRY_JITTER: "equal",
        OLLAMA_POLICY_RETRY_OFFLINE_LIMIT: "1 hour"
      })
      const wanted = Policy.make({
        timeouts: { connect: "3 seconds", load: "none", firstToken: 45_000, gap: "10 seconds", total: "2 minutes" },
        retry: {
          attempts: 7,
          backoff: "linear",
          baseDelay: "1 second",
          factor: 1.5,
          maxDelay: "1 minute",
          jitter: "equal",
          offlineLimit: "1 hour"
        }
      })
      assert.deepStrictEqual(policy, wanted)
    })
  )

  const bad: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, ReadonlyArray<string>]> = [
    ["JSON that is none", { OLLAMA_POLICY: "{" }, ["OLLAMA_POLICY"]],
    ["JSON that is no object", { OLLAMA_POLICY: "[]" }, ["OLLAMA_POLICY"]],
    [
      "impossible values in the JSON",
      { OLLAMA_POLICY: '{"timeouts":{"gap":-1,"load":0},"retries":1}' },
      ["gap", "negative", "load", "zero", "retries"]
    ],
    [
      "impossible values in variables",
      {
        OLLAMA_POLICY_TIMEOUTS_GAP: "-1 second",
        OLLAMA_POLICY_RETRY_ATTEMPTS: "0",
        OLLAMA_POLICY_RETRY_JITTER: "some"
      },
      ["gap", "attempts", "jitter"]
    ],
    [
      "a section of the JSON that is no object",
      { OLLAMA_POLICY: '{"retry":3}', OLLAMA_POLICY_RETRY_ATTEMPTS: "2" },
      ["retry"]
    ]
  ]
  for (const [name, variables, words] of bad) {
    it.effect(`refuses ${name}, and lists what is wrong`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(read(variables))
        assert.isTrue(ConfigError.isConfigError(error))
        for (const word of words) assert.include(String(error), word)
      })
    )
  }
})

describe("layerConfig", () => {
  const version = Effect.flatMap(OllamaClient.OllamaClient, (client) => client.version())

  it.effect("reads OLLAMA_HOST, OLLAMA_API_KEY and the policy", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": failure(503, "busy") })
      const call = version.pipe(
        Effect.provide(Layer.provide(OllamaClient.layerConfig(), server.layer)),
        env({
          OLLAMA_HOST: "gpu-box:9999",
          OLLAMA_API_KEY: "key",
          OLLAMA_POLICY_RETRY_ATTEMPTS: "2",
          OLLAMA_POLICY_RETRY_JITTER: "none",
          OLLAMA_POLICY_RETRY_BASE_DELAY: "2 seconds"
        })
      )
      expectTag(yield* failsAt(call, 2000), "Overloaded")
      assert.deepStrictEqual(
        server.seen.map(({ at, headers, url }) => [at, url, headers.authorization]),
        [
          [0, "http://gpu-box:9999/api/version", "Bearer key"],
          [2000, "http://gpu-box:9999/api/version", "Bearer key"]
        ]
      )
    })
  )

  it.effect("options that are given win over the environment", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": json({ version: "1" }) })
      yield* version.pipe(
        Effect.provide(
          Layer.provide(
            OllamaClient.layerConfig({ host: Config.succeed("other:1"), apiKey: Config.succeed(Redacted.make("own")) }),
            server.layer
          )
        ),
        env({ OLLAMA_HOST: "gpu-box:9999", OLLAMA_API_KEY: "key" })
      )
      assert.strictEqual(server.seen[0]?.url, "http://other:1/api/version")
      assert.strictEqual(server.seen[0]?.headers.authorization, "Bearer own")
    })
  )

  it.effect("a broken address fails with the field host, a broken policy as a ConfigError, and nothing is sent", () =>
    Effect.gen(function* () {
      const server = make({})
      const run = (variables: Readonly<Record<string, string>>) =>
        Effect.flip(
          version.pipe(Effect.provide(Layer.provide(OllamaClient.layerConfig(), server.layer)), env(variables))
        )
      const address = expectTag(yield* run({ OLLAMA_HOST: "ftp://x" }), "InvalidRequest")
      assert.strictEqual(address.field, "host")
      assert.strictEqual(address.issue, "address")
      assert.isTrue(ConfigError.isConfigError(yield* run({ OLLAMA_POLICY: "{" })))
      assert.lengthOf(server.seen, 0)
    })
  )

  it.effect("layer never reads the environment", () =>
    Effect.gen(function* () {
      const server = make({ "/api/version": json({ version: "1" }) })
      yield* version.pipe(
        Effect.provide(Layer.provide(OllamaClient.layer(), server.layer)),
        env({ OLLAMA_HOST: "gpu-box:9999", OLLAMA_POLICY: "{" })
      )
      assert.strictEqual(server.seen[0]?.url, "http://127.0.0.1:11434/api/version")
    })
  )
})
