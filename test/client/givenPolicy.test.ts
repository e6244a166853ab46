/** Policies from programs that no compiler checks: refused with the field that is wrong, and never half in force. */
import { assert, describe, it } from "@effect/vitest"
import { Fleet, OllamaClient, Policy } from "effect-ollama"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { expectTag, expectTimeout, failsAt } from "../support/clock.js"
import { chat, loaded, ps, request, silent } from "../support/replies.js"
import { make } from "../support/server.js"

/** As JavaScript would give it. */
const unchecked = (u: unknown): never => u as never

const server = () => make({ "/api/chat": () => chat("a"), "/api/ps": () => ps(loaded()) })

const { defaults } = Policy

const wrong: ReadonlyArray<readonly [what: string, policy: unknown, field: string]> = [
  ["a number", 5, "policy"],
  ["a text", "defaults", "policy"],
  ["a list", [], "policy"],
  ["a part of one", { retry: defaults.retry }, "policy.timeouts"],
  ["one with a part that is null", { ...defaults, breaker: null }, "policy.breaker"],
  [
    "one with an impossible number",
    { ...defaults, retry: { ...defaults.retry, attempts: -3 } },
    "policy.retry.attempts"
  ],
  ["one with a field of another name", { ...defaults, retries: 3 }, "policy.retries"]
]

describe("a policy that is none", () => {
  for (const [what, policy, field] of wrong) {
    it.scoped(`${what}: a client is not made`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(server().connect({ policy: unchecked(policy) }))
        assert.strictEqual(error.issue, "malformed")
        assert.strictEqual(error.field, field)
        assert.include(error.remedy, "Policy.make")
      })
    )
  }

  it.scoped("all that is wrong with it is told at once", () =>
    Effect.gen(function* () {
      const policy = unchecked({ ...defaults, breaker: null, slow: 4, timeouts: { ...defaults.timeouts, gap: -1 } })
      const { remedy } = yield* Effect.flip(server().connect({ policy }))
      for (const field of ["policy.timeouts.gap (", "policy.breaker (", "policy.slow ("]) assert.include(remedy, field)
    })
  )

  it.scoped("a fleet is not made", () =>
    Effect.gen(function* () {
      const here = server()
      const fleet = Fleet.make({ hosts: ["a"], policy: unchecked({ ...defaults, breaker: null }) })
      const error = yield* Effect.flip(Effect.provide(fleet, here.layer))
      assert.strictEqual(error.field, "policy.breaker")
      const own = Fleet.make({ hosts: [{ host: "a", policy: unchecked(null) }] })
      assert.strictEqual((yield* Effect.flip(Effect.provide(own, here.layer))).field, "hosts[0].policy")
    })
  )

  for (const [what, patch, field] of [
    ["null", null, "policy"],
    ["a number", 5, "policy"],
    ["a list", [], "policy"],
    ["a part that is null", { breaker: null }, "policy.breaker"]
  ] as const) {
    it.scoped(`as a change for a call, ${what}: the call is not made`, () =>
      Effect.gen(function* () {
        const here = server()
        const client = yield* here.connect({})
        const local = OllamaClient.withPolicy(client.chat(request), unchecked(patch))
        const option = client.chat(request, { policy: unchecked(patch) })
        for (const call of [local, option]) {
          const error = expectTag(yield* Effect.flip(call), "InvalidRequest")
          assert.strictEqual(error.field, field)
        }
        assert.strictEqual(here.at("/api/chat").length, 0)
      })
    )
  }
})

describe("a change of the policy that is none", () => {
  it.scoped("is refused as a whole, with a warning, and those after it are taken", () => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message }) => void warnings.push(String(message)))
    return Effect.gen(function* () {
      const changes = yield* Queue.unbounded<Policy.Policy>()
      const here = make({ "/api/chat": [chat("a"), silent], "/api/ps": ps(loaded()) })
      const client = yield* here.connect({ policyChanges: Stream.fromQueue(changes) })
      yield* Queue.offer(changes, unchecked({ ...defaults, budget: null }))
      yield* TestClock.adjust(0)
      assert.strictEqual(warnings.length, 1)
      assert.match(warnings[0] ?? "", /policy\.budget.*The last good policy stays in force/s)
      assert.strictEqual((yield* client.chat(request)).message.content, "a")
      yield* Queue.offer(changes, Policy.make({ timeouts: { total: "1 second" } }))
      yield* TestClock.adjust(0)
      assert.strictEqual(warnings.length, 1)
      expectTimeout(yield* failsAt(client.chat(request), "1 second"), "total", "1 second")
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })
})
