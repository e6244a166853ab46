/** Any sequence of callers who come, lose patience and leave, against a simple model of what has to become of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type OllamaError, Policy } from "effect-ollama"
import { callsOf, cold, loadAnswer, loadsOf } from "../support/loading.js"
import { chat, failure, late, psEmpty, request, silent } from "../support/replies.js"
import { make } from "../support/server.js"
import * as Model from "./ownedLoadModel.js"

type Command =
  | { readonly do: "join"; readonly limit: number | undefined }
  | { readonly do: "leave"; readonly caller: number }
  | { readonly do: "advance"; readonly millis: number }

// limits and loads end at different milliseconds of a second, so that what comes first is always certain
const limits = [undefined, 1301, 10_301, 50_301, 300_301, 700_301]
const loads = [7, 5007, 60_007, 299_007, 400_007, 1_000_007]
const waits = [1000, 10_000, 30_000, 61_000, 100_000, 299_000, 301_000]

const anyCommand: FastCheck.Arbitrary<Command> = FastCheck.oneof(
  {
    weight: 4,
    arbitrary: FastCheck.record({ do: FastCheck.constant("join" as const), limit: FastCheck.constantFrom(...limits) })
  },
  { weight: 2, arbitrary: FastCheck.record({ do: FastCheck.constant("leave" as const), caller: FastCheck.nat(9) }) },
  {
    weight: 4,
    arbitrary: FastCheck.record({
      do: FastCheck.constant("advance" as const),
      millis: FastCheck.constantFrom(...waits)
    })
  }
)

const anyOutcome: FastCheck.Arbitrary<Model.Outcome> = FastCheck.oneof(
  { weight: 5, arbitrary: FastCheck.record({ after: FastCheck.constantFrom(...loads), good: FastCheck.boolean() }) },
  { weight: 1, arbitrary: FastCheck.constant("hangs" as const) }
)

const stateOf = (exit: Option.Option<Exit.Exit<unknown, OllamaError.OllamaError>>): Model.CallerState => {
  if (Option.isNone(exit)) return "waiting"
  if (Exit.isSuccess(exit.value)) return "answered"
  if (Exit.isInterrupted(exit.value)) return "left"
  const error = Exit.match(exit.value, {
    onSuccess: () => undefined,
    onFailure: (cause) => (cause._tag === "Fail" ? cause.error : undefined)
  })
  if (error?._tag === "ServerError") return "failed"
  assert.strictEqual(error?._tag, "Timeout")
  assert.strictEqual(error?.phase, "load")
  return "expired"
}

describe("loads of the client", () => {
  it.effect.prop(
    "become what the model says, and so do those who wait",
    [
      FastCheck.array(anyCommand, { minLength: 1, maxLength: 25 }),
      FastCheck.array(anyOutcome, { minLength: 1, maxLength: 5 })
    ],
    ([commands, outcomes]) =>
      Effect.gen(function* () {
        const model = Model.make(outcomes)
        const replies = (_: unknown, nth: number) => {
          const outcome = outcomes[nth % outcomes.length] ?? "hangs"
          return outcome === "hangs"
            ? silent
            : late(outcome.after, outcome.good ? loadAnswer : failure(500, "permission denied"))
        }
        const server = make({ "/api/chat": cold(chat("a"), replies), "/api/ps": psEmpty })
        const scope = yield* Scope.make()
        const client = yield* Scope.extend(server.connect({ policy: Policy.make({ retry: { attempts: 1 } }) }), scope)
        const callers: Array<Fiber.RuntimeFiber<unknown, OllamaError.OllamaError>> = []

        const compare = Effect.gen(function* () {
          yield* TestClock.adjust(0)
          const states = yield* Effect.forEach(callers, (caller) => Effect.map(Fiber.poll(caller), stateOf))
          assert.deepStrictEqual(
            states,
            model.callers.map((caller) => caller.state)
          )
          assert.deepStrictEqual(
            loadsOf(server).map((seen) => [seen.at, seen.left]),
            model.loads.map((load) => [load.startedAt, load.state === "aborted"])
          )
          assert.strictEqual(callsOf(server).length, states.filter((state) => state === "answered").length)
        })

        for (const command of commands) {
          switch (command.do) {
            case "join": {
              model.join(command.limit)
              const timeouts = { load: command.limit ?? "none" } as const
              callers.push(yield* Effect.forkDaemon(client.chat(request, { policy: { timeouts } })))
              break
            }
            case "leave": {
              const caller = callers[command.caller]
              model.leave(command.caller)
              if (caller !== undefined) yield* Fiber.interrupt(caller)
              break
            }
            case "advance": {
              model.advance(command.millis)
              yield* TestClock.adjust(command.millis)
              break
            }
          }
          yield* compare
        }
        model.close()
        yield* Scope.close(scope, Exit.void)
        yield* compare
      }),
    { fastCheck: { numRuns: 100 } }
  )
})
