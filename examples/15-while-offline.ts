/**
 * A program that goes on when its server comes back: calls are held while the host cannot be reached, one prober asks
 * for all of them, and they go in their order when it answers.
 *
 * expect: ^3 answers, the first after (7[5-9]|8[0-2]) s$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, Layer } from "effect"
import { OllamaClient, Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const policy = Policy.make({ retry: { whileOffline: "wait", offlineLimit: "10 minutes" } })

const ask = (content: string) =>
  OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content }] }).pipe(
    Effect.zipRight(Clock.currentTimeMillis),
    Effect.tap((now) => Console.log(`${content}: answered after ${Math.round(now / 1000)} s`))
  )

const program = Effect.gen(function* () {
  const simulator = yield* OllamaSimulator.OllamaSimulator
  yield* Effect.fork(Effect.zipRight(Effect.sleep("75 seconds"), simulator.clearFaults))
  const times = yield* Effect.all([ask("first"), ask("second"), ask("third")], { concurrency: "unbounded" })
  yield* Console.log(`${times.length} answers, the first after ${Math.round(Math.min(...times) / 1000)} s`)
})

const Ollama = OllamaClient.layer({ policy }).pipe(
  Layer.provideMerge(OllamaSimulator.layer({ faults: [Fault.refused()] }))
)

program.pipe(Effect.provide(Ollama), onVirtualClock("5 minutes"), NodeRuntime.runMain)
