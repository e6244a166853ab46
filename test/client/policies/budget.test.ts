/** How much is sent again: one budget for all calls of a client. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Policy } from "effect-ollama"
import { expectTag, within } from "../../support/clock.js"
import { broken, chat, failure, late, psEmpty, refused, type Reply, request } from "../../support/replies.js"
import { make } from "../../support/server.js"

const onlyBudget = (rest: Policy.Patch = {}) => Policy.make({ breaker: "off", concurrency: "off", ...rest })

/** Calls against a server that answers all with this, so many at a time: attempts for each call. */
const attemptsPerCall = (reply: Reply, calls: number, atOnce: number, policy: Policy.Policy) =>
  Effect.gen(function* () {
    const server = make({ "/api/chat": reply, "/api/ps": refused })
    const client = yield* server.connect({ policy })
    const all = Effect.forEach(Array.from({ length: calls }), () => Effect.flip(client.chat(request)), {
      concurrency: atOnce
    })
    const failures = yield* within(all, "10 hours")
    assert.strictEqual(failures.length, calls)
    return { server, client, failures, amplification: server.at("/api/chat").length / calls }
  })

describe("1,000 calls against a dead server, 16 at a time", () => {
  for (const [name, reply] of [
    ["refuses at once", refused],
    ["takes two seconds to be unreachable", late("2 seconds", broken("UND_ERR_CONNECT_TIMEOUT"))],
    ["sheds at once", failure(503, "server busy, please try again.  maximum pending requests exceeded")]
  ] as const) {
    it.scoped(`that ${name}: at most 1.2 attempts for each`, () =>
      Effect.gen(function* () {
        const { amplification } = yield* attemptsPerCall(reply, 1000, 16, onlyBudget())
        assert.isAtMost(amplification, 1.2)
        assert.isAbove(amplification, 1)
      })
    )
  }

  it.scoped("with all policies on: less still, because most are refused", () =>
    Effect.gen(function* () {
      const { amplification } = yield* attemptsPerCall(refused, 1000, 16, Policy.defaults)
      assert.isAtMost(amplification, 1.2)
    })
  )

  it.scoped("without a budget: three for each", () =>
    Effect.gen(function* () {
      const { amplification } = yield* attemptsPerCall(refused, 100, 16, onlyBudget({ budget: "off" }))
      assert.strictEqual(amplification, 3)
    })
  )
})

describe("a lone caller", () => {
  it.scoped("uses all its attempts until the pool is empty, then one for each call", () =>
    Effect.gen(function* () {
      const { failures, server } = yield* attemptsPerCall(refused, 60, 1, onlyBudget())
      const attempts = failures.map((error) => error.attempts.length + 1)
      assert.deepStrictEqual(
        attempts.slice(0, 50),
        Array.from({ length: 50 }, () => 3)
      )
      assert.deepStrictEqual(
        attempts.slice(50),
        Array.from({ length: 10 }, () => 1)
      )
      assert.strictEqual(server.at("/api/chat").length, 160)
    })
  )

  it.scoped("earns a retry with five successes", () =>
    Effect.gen(function* () {
      let isUp = false
      const server = make({ "/api/chat": () => (isUp ? chat("Hello") : refused), "/api/ps": psEmpty })
      const client = yield* server.connect({ policy: onlyBudget({ budget: { pool: { initial: 0 } } }) })
      const attempts = within(
        Effect.map(Effect.flip(client.chat(request)), (error) => error.attempts.length + 1),
        "1 minute"
      )
      assert.strictEqual(yield* attempts, 1)
      isUp = true
      yield* within(Effect.replicateEffect(client.chat(request), 5), "1 minute")
      isUp = false
      assert.strictEqual(yield* attempts, 2)
      assert.strictEqual(yield* attempts, 1)
    })
  )
})

describe("the budget", () => {
  it.scoped("fails with the failure itself, whose attempts are the ones there were", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": refused, "/api/ps": refused })
      const client = yield* server.connect({ policy: onlyBudget({ budget: { floor: 0, share: 0 } }) })
      const error = expectTag(yield* within(Effect.flip(client.chat(request))), "Unreachable")
      assert.deepStrictEqual(error.attempts, [])
    })
  )

  it.scoped("holds for a schedule of one's own, too", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": refused, "/api/ps": refused })
      const client = yield* server.connect({
        policy: onlyBudget({ budget: { pool: { size: 7 } } }),
        retrySchedule: Schedule.spaced("1 second")
      })
      yield* within(Effect.flip(client.chat(request)), "1 hour")
      assert.strictEqual(server.at("/api/chat").length, 8)
    })
  )

  it.scoped("is left alone by a call that switches it off", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": refused, "/api/ps": refused })
      const client = yield* server.connect({ policy: onlyBudget({ budget: { floor: 0, share: 0 } }) })
      const free = client.chat(request, { policy: { budget: "off" } })
      assert.strictEqual((yield* within(Effect.flip(free))).attempts.length, 2)
    })
  )
})
