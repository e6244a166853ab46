/**
 * The program that everybody writes first, and what it does when the server takes the call and says nothing: it waits
 * for ever, without a failure and without a reason.
 *
 * expect: ^A day later: no answer, no failure, no reason\.$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Option } from "effect"
import { OllamaClient, Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

// As with a bare `fetch`: one attempt, no clocks.
const hello = OllamaClient.chat(
  { model: "llama3.2", messages: [{ role: "user", content: "Hello" }] },
  { policy: Policy.none }
)

// ---- the stage: a server that is silent, and somebody who looks in after a day --------------------------------------

const silent = OllamaSimulator.layer({ faults: [Fault.blackHole()] })

hello.pipe(
  Effect.timeoutOption("1 day"),
  Effect.map(
    Option.match({
      onNone: () => "A day later: no answer, no failure, no reason.",
      onSome: (answer) => answer.message.content
    })
  ),
  Effect.flatMap(Console.log),
  Effect.provide(OllamaClient.layer().pipe(Layer.provide(silent))),
  onVirtualClock("1 day"),
  NodeRuntime.runMain
)
