/** Which hosts a fleet takes, and what it reads from the environment. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { Fleet, Policy } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { expectTag } from "../support/clock.js"
import { url } from "./scene.js"

const simulated = OllamaSimulator.layerMany({ a: {}, b: {} })

const refused = (options: Fleet.Options) =>
  Effect.map(Effect.scoped(Effect.either(Fleet.make(options))), (made) =>
    Either.isRight(made) ? assert.fail("made, where it had to be refused") : expectTag(made.left, "InvalidRequest")
  ).pipe(Effect.provide(simulated))

const hostsOf = (layer: ReturnType<typeof Fleet.layerConfig>, env: ReadonlyArray<readonly [string, string]>) =>
  Effect.flatMap(Fleet.Fleet, (fleet) => fleet.state).pipe(
    Effect.map(({ hosts }) => hosts.map(({ host }) => host)),
    Effect.provide(Layer.provide(layer, simulated)),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(env)))
  )

describe("a fleet is refused", () => {
  const rows: ReadonlyArray<readonly [name: string, options: Fleet.Options, field: string]> = [
    ["without hosts", { hosts: [] }, "hosts"],
    ["without hosts and source", {}, "hosts"],
    ["with an address that no server can have", { hosts: ["a", "http://a b"] }, "hosts[1]"],
    ["with a host that is there twice, in two spellings", { hosts: ["a", "http://a:11434/"] }, "hosts[1]"],
    ["with a weight below zero", { hosts: [{ host: "a", weight: -1 }] }, "hosts[0].weight"],
    ["with a priority that is none", { hosts: [{ host: "a", priority: Number.NaN }] }, "hosts[0].priority"],
    ["with a header that cannot be sent", { hosts: [{ host: "a", headers: { "x y": "1" } }] }, "hosts[0].headers.x y"],
    ["with a key that cannot be sent", { hosts: [{ host: "a", apiKey: Redacted.make("a\nb") }] }, "hosts[0].apiKey"],
    [
      "with a policy that cannot be",
      { hosts: ["b", { host: "a", policy: { retry: { attempts: 0 } } }] },
      "hosts[1].policy.retry.attempts"
    ]
  ]
  for (const [name, options, field] of rows) {
    it.effect(name, () =>
      Effect.map(refused(options), (error) => {
        assert.strictEqual(error.field, field)
        assert.notInclude(error.message, "a\nb")
      })
    )
  }
})

describe("from the environment", () => {
  it.effect("OLLAMA_HOSTS has addresses with commas between them", () =>
    Effect.gen(function* () {
      const hosts = yield* hostsOf(Fleet.layerConfig(), [["OLLAMA_HOSTS", " a, b:11434 ,"]])
      assert.deepStrictEqual(hosts, [url("a"), url("b")])
    })
  )

  it.effect("what is given goes before it", () =>
    Effect.gen(function* () {
      const hosts = yield* hostsOf(Fleet.layerConfig({ hosts: ["b"] }), [["OLLAMA_HOSTS", "a"]])
      assert.deepStrictEqual(hosts, [url("b")])
    })
  )

  it.effect("without it nothing is assumed", () =>
    Effect.gen(function* () {
      const made = yield* Effect.either(hostsOf(Fleet.layerConfig(), []))
      assert.isTrue(Either.isLeft(made))
      if (Either.isLeft(made)) assert.strictEqual(expectTag(made.left, "InvalidRequest").field, "hosts")
    })
  )
})

it("its policy is that of a client, but for the queue and the breaker of a host", () => {
  const { breaker, concurrency } = Fleet.policy
  assert.isTrue(breaker !== "off" && breaker.host !== "off" && breaker.host.consecutive === 1)
  assert.isTrue(concurrency !== "off" && concurrency.queue === 100)
  assert.isTrue(
    Policy.equivalence(
      { ...Fleet.policy, breaker: Policy.defaults.breaker, concurrency: Policy.defaults.concurrency },
      Policy.defaults
    )
  )
})
