/**
 * The call of 01 with limits, three attempts five seconds apart by a Schedule of your own, a log line for each attempt
 * that failed, and a last word that names cause and remedy.
 *
 * expect: ^Remedy: .+
 * expect-exit: 1
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Schedule } from "effect"
import { OllamaClient, type OllamaError } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

/** Sees every failure that another attempt may cure, and decides on the next one: two more, five seconds apart. */
const retrySchedule = Schedule.spaced("5 seconds").pipe(
  Schedule.intersect(Schedule.recurs(2)),
  Schedule.tapInput((error: OllamaError.OllamaError) =>
    Effect.log(`Attempt ${error.attempts.length + 1} failed: ${error.message}`)
  )
)

const hello = OllamaClient.chat(
  { model: "llama3.2", messages: [{ role: "user", content: "Hello" }] },
  { policy: { timeouts: { load: "10 seconds", firstToken: "10 seconds" } }, retrySchedule }
)

const program = hello.pipe(
  Effect.tap((answer) => Console.log(answer.message.content)),
  Effect.tapError((error) =>
    Console.log(
      [
        `No answer after ${error.attempts.length + 1} attempts.`,
        `Cause: ${error._tag}, in phase ${error.phase}`,
        `Remedy: ${error.remedy}`
      ].join("\n")
    )
  )
)

// ---- the stage: a server that is silent. The attempts take 42 seconds; on a virtual clock nobody waits for them ------

const silent = OllamaSimulator.layer({ faults: [Fault.blackHole()] })

program.pipe(
  Effect.provide(OllamaClient.layer().pipe(Layer.provide(silent))),
  onVirtualClock("1 minute"),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
