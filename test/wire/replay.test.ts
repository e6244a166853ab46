import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { OllamaClient, Policy } from "effect-ollama"
import { Recorded } from "effect-ollama/testing"
import { make } from "./calls.js"
import { check } from "./check.js"
import { expected } from "./expected.js"
import { names, read, versions } from "./recordings.js"

const client = (exchange: Recorded.Exchange, headers: Readonly<Record<string, string>> | undefined) =>
  OllamaClient.layer({ policy: Policy.make({ retry: { attempts: 1 } }), ...(headers && { headers }) }).pipe(
    Layer.provide(Recorded.layer(exchange))
  )

/** Lets the time of the recording pass, second by second. */
const settled = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, E> =>
  TestClock.adjust("1 second").pipe(
    Effect.zipRight(Fiber.poll(fiber)),
    Effect.repeat({ until: Option.isSome }),
    Effect.zipRight(Fiber.join(fiber))
  )

for (const version of versions) {
  describe.concurrent(version, () => {
    it("expects something of every recording, and has a recording for every expectation", () => {
      assert.deepStrictEqual([...names(version)].sort(), Object.keys(expected[version]).sort())
    })

    for (const [name, expectation] of Object.entries(expected[version])) {
      if ("notOurs" in expectation) {
        it(`${name} is not ours: ${expectation.notOurs}`, () => {
          const { request } = read(version, name)
          assert.isTrue(
            request.method === "OPTIONS" || request.path === "/" || request.path.startsWith("/v1/"),
            `${request.method} ${request.path}`
          )
        })
        continue
      }
      for (const { calls, result } of expectation) {
        for (const call of calls) {
          it.effect(`${name} answers ${call.method}${call.headers ? ` with ${Object.keys(call.headers)}` : ""}`, () =>
            Effect.gen(function* () {
              const fiber = yield* make(call).pipe(
                Effect.provide(client(read(version, name), call.headers)),
                Effect.fork
              )
              check(yield* settled(fiber), call, result)
            })
          )
        }
      }
    }
  })
}
