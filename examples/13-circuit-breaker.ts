/**
 * A circuit breaker of one's own, shared by the models of one program: what runs under it is refused at once while the
 * graphics card is sick, whichever model was asked for.
 *
 * (Every client has breakers of its own, one for its host and one for each model: `policy.breaker`. This one is for what
 * a program knows better: here, that two models share a card.)
 *
 * expect: ^closed: llama3\.2 answers again$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Fiber, Layer, Stream } from "effect"
import { CircuitBreaker, OllamaClient, Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const card = CircuitBreaker.of({ consecutive: 3, belief: "off", openFor: "10 seconds" })

const program = Effect.gen(function* () {
  const breaker = yield* CircuitBreaker.make(card, { name: "graphics card" })
  const told = yield* Effect.fork(
    Stream.runForEach(breaker.changes, ({ from, to }) => Console.log(`the breaker: ${from} -> ${to}`))
  )

  const ask = (model: string) =>
    breaker.run(OllamaClient.chat({ model, messages: [{ role: "user", content: "Hello" }] })).pipe(
      Effect.matchEffect({
        onSuccess: (answer) => Console.log(`${model}: ${answer.message.content}`),
        onFailure: (error) =>
          Console.log(
            error._tag === "CircuitOpen"
              ? `${model}: not sent, again in ${Duration.format(error.retryAfter)} (${error.lastFailure.tag})`
              : `${model}: ${error._tag}`
          )
      })
    )

  yield* Effect.forEach(["llama3.2", "qwen3", "llama3.2", "qwen3", "llama3.2"], ask)
  yield* Effect.sleep("10 seconds")
  yield* ask("llama3.2")
  const { state } = yield* breaker.state
  yield* Fiber.interrupt(told)
  yield* Console.log(`${state}: llama3.2 answers again`)
})

const Ollama = OllamaClient.layer({ policy: Policy.none }).pipe(
  Layer.provide(
    OllamaSimulator.layer({
      models: ["llama3.2", "qwen3"],
      reply: "Hello!",
      faults: [Fault.error("runner.stopped", { path: "/api/chat", times: 3 })]
    })
  )
)

program.pipe(Effect.scoped, Effect.provide(Ollama), onVirtualClock("1 minute"), NodeRuntime.runMain)
