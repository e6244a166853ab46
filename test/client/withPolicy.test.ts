import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { OllamaClient, type OllamaError, Policy } from "effect-ollama"
import { expectTag, expectTimeout, failsAt, within } from "../support/clock.js"
import { digest, model, request, silent, stream, silence, token } from "../support/replies.js"
import { make } from "../support/server.js"

const gap = (millis: number): Policy.Patch => ({ timeouts: { gap: millis } })

const hanging = () => make({ "/api/chat": stream(token("a"), silence), "/api/version": silent })

describe("the policy in force", () => {
  it.scoped("is the client's, then withPolicy's from outside in, then the call's", () =>
    Effect.gen(function* () {
      const client = yield* hanging().connect({
        // five failures in a row are what a breaker is for
        policy: Policy.make({ timeouts: { gap: 5000 }, breaker: "off" })
      })
      const call = client.chat(request)
      const limit = (effect: Effect.Effect<unknown, OllamaError.OllamaError>, millis: number) =>
        Effect.map(failsAt(effect, millis), (error) => expectTimeout(error, "gap", millis))
      yield* limit(call, 5000)
      yield* limit(OllamaClient.withPolicy(call, gap(4000)), 4000)
      yield* limit(call.pipe(OllamaClient.withPolicy(gap(3000)), OllamaClient.withPolicy(gap(4000))), 3000)
      yield* limit(OllamaClient.withPolicy(client.chat(request, { policy: gap(2000) }), gap(3000)), 2000)
      yield* limit(call, 5000)
    })
  )

  it.scoped("is joined field by field, and what is absent or undefined is inherited", () =>
    Effect.gen(function* () {
      const client = yield* hanging().connect()
      const call = client.chat(request, { policy: { timeouts: { gap: undefined }, retry: { attempts: 1 } } })
      const inner = OllamaClient.withPolicy(call, { timeouts: { load: 1, gap: undefined } })
      const outer = OllamaClient.withPolicy(inner, { timeouts: { gap: 777 } })
      expectTimeout(yield* failsAt(outer, 777), "gap", 777)
      const nothing = OllamaClient.withPolicy(client.chat(request, { policy: { timeouts: undefined } }), gap(888))
      expectTimeout(yield* failsAt(nothing, 888), "gap", 888)
    })
  )

  it.scoped("is looked up when a call is run, not when it is made", () =>
    Effect.gen(function* () {
      const client = yield* hanging().connect()
      const made = yield* OllamaClient.withPolicy(
        Effect.sync(() => client.chat(request)),
        gap(1)
      )
      expectTimeout(yield* failsAt(made, 30_000), "gap", 30_000)
      expectTimeout(yield* failsAt(OllamaClient.withPolicy(made, gap(50)), 50), "gap", 50)
    })
  )

  it.scoped("holds for a stream that is run inside, wherever it was made", () =>
    Effect.gen(function* () {
      const client = yield* hanging().connect()
      const made = client.chatStream(request)
      const run = Stream.runDrain(made)
      expectTimeout(yield* failsAt(OllamaClient.withPolicy(run, gap(60)), 60), "gap", 60)
      expectTimeout(yield* failsAt(run, 30_000), "gap", 30_000)
      const byCall = client.chatStream(request, { policy: gap(70) })
      expectTimeout(yield* failsAt(Stream.runDrain(byCall).pipe(OllamaClient.withPolicy(gap(60))), 70), "gap", 70)
    })
  )

  it.scoped("holds for the calls of forked fibers, and for the accessors", () =>
    Effect.gen(function* () {
      const server = hanging()
      const calls = Effect.all([Effect.flip(OllamaClient.chat(request)), Effect.flip(OllamaClient.version())], {
        concurrency: 2
      })
      const [chat, version] = yield* within(
        calls.pipe(
          OllamaClient.withPolicy({ timeouts: { gap: 100, firstToken: 100 }, retry: { attempts: 1 } }),
          Effect.provide(OllamaClient.layer()),
          Effect.provide(server.layer)
        ),
        100
      )
      expectTimeout(chat, "gap", 100)
      expectTimeout(version, "response", 100)
    })
  )
})

describe("an impossible change of the policy", () => {
  const bad = { timeouts: { gap: -1 } }
  type Call = (
    client: OllamaClient.Service,
    options?: OllamaClient.CallOptions
  ) => Effect.Effect<unknown, OllamaError.OllamaError>
  const calls: ReadonlyArray<readonly [string, Call]> = [
    ["chat", (client, options) => client.chat(request, options)],
    ["chatStream", (client, options) => Stream.runDrain(client.chatStream(request, options))],
    ["version", (client, options) => client.version(options)],
    ["pull", (client, options) => Stream.runDrain(client.pull({ model }, options))],
    ["hasBlob", (client, options) => client.hasBlob(digest, options)],
    ["uploadBlob", (client, options) => client.uploadBlob({ digest, content: new Uint8Array() }, options)],
    ["ensureModel", (client, options) => client.ensureModel(model, options)],
    ["load", (client, options) => client.load({ model }, options)]
  ]
  for (const [name, call] of calls) {
    it.scoped(`fails ${name} as InvalidRequest that names the field, and nothing is sent`, () =>
      Effect.gen(function* () {
        const server = hanging()
        const client = yield* server.connect()
        for (const effect of [call(client, { policy: bad }), OllamaClient.withPolicy(call(client), bad)]) {
          const error = expectTag(yield* failsAt(effect, 0), "InvalidRequest")
          assert.strictEqual(error.field, "policy.timeouts.gap")
          assert.strictEqual(error.issue, "malformed")
          assert.strictEqual(error.phase, "prepare")
          assert.match(error.message, /negative/)
        }
        assert.lengthOf(server.seen, 0)
      })
    )
  }

  it.scoped("names the field of other mistakes, too", () =>
    Effect.gen(function* () {
      const server = hanging()
      const client = yield* server.connect()
      const fieldOf = (policy: object) =>
        Effect.map(Effect.flip(client.version({ policy })), (error) => expectTag(error, "InvalidRequest").field)
      assert.strictEqual(yield* fieldOf({ retry: { attempts: 0 } }), "policy.retry.attempts")
      assert.strictEqual(yield* fieldOf({ timeouts: { nap: 1 } }), "policy.timeouts.nap")
      assert.strictEqual(yield* fieldOf({ budget: {} }), "policy.budget")
      assert.strictEqual(yield* fieldOf({ timeouts: 5 }), "policy.timeouts")
      assert.strictEqual(yield* fieldOf({ retry: null }), "policy.retry")
      const outer = OllamaClient.withPolicy(client.version({ policy: { timeouts: 5 } as object }), gap(5))
      assert.strictEqual(expectTag(yield* Effect.flip(outer), "InvalidRequest").field, "policy.timeouts")
      assert.lengthOf(server.seen, 0)
    })
  )

  it.scoped("that is put right further in, is right", () =>
    Effect.gen(function* () {
      const client = yield* hanging().connect()
      const call = OllamaClient.withPolicy(client.chat(request, { policy: gap(5) }), bad)
      expectTimeout(yield* failsAt(call, 5), "gap", 5)
    })
  )
})
