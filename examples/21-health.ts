/**
 * How a host is, seen from outside: busy while it loads a model, which blocks `/api/ps`, unreachable when it is stopped,
 * and healthy again at its first answer. One probe that is missed says nothing, and no probe loads a model.
 *
 * expect: ^unknown, healthy, busy, healthy, unreachable, healthy$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Chunk, Console, Effect, Layer, Stream } from "effect"
import { HealthMonitor, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

/** Whenever the host becomes something else. */
const states = Stream.unwrap(Effect.map(HealthMonitor.HealthMonitor, ({ changes }) => changes)).pipe(
  Stream.changesWith((before, now) => before.status === now.status),
  Stream.tap(({ status, why }) => Console.log(`${status.padEnd(12)} ${why}`)),
  Stream.map(({ status }) => status)
)

/** What happens to the server meanwhile. */
const day = Effect.gen(function* () {
  const simulator = yield* OllamaSimulator.OllamaSimulator
  yield* Effect.sleep("1 minute")
  yield* OllamaClient.load({ model: "llama3.2" })
  yield* Effect.sleep("1 minute")
  yield* simulator.shutdown
  yield* Effect.sleep("1 minute")
  yield* simulator.restart
})

const program = Effect.gen(function* () {
  yield* Effect.fork(day)
  const seen = yield* Stream.runCollect(Stream.take(states, 6))
  yield* Console.log(Chunk.join(seen, ", "))
})

const Monitored = HealthMonitor.layer().pipe(
  Layer.provideMerge(OllamaClient.layer()),
  Layer.provideMerge(OllamaSimulator.layer({ loadTime: "30 seconds", psBlocksDuringLoad: true }))
)

program.pipe(Effect.provide(Monitored), onVirtualClock("10 minutes"), NodeRuntime.runMain)
