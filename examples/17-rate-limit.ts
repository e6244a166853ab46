/**
 * A rate limit for a server that many share: Effect's own RateLimiter, around every request of the client.
 *
 * expect: ^6 answers in 4 s$
 */
import { HttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, Layer, RateLimiter } from "effect"
import { OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const Ollama = Layer.unwrapScoped(
  Effect.map(RateLimiter.make({ limit: 2, interval: "2 seconds", algorithm: "fixed-window" }), (limit) =>
    OllamaClient.layer({
      // retries count too, and a look at what is in memory does not
      transformClient: HttpClient.transform((response, request) =>
        request.url.endsWith("/api/ps") ? response : limit(response)
      )
    })
  )
).pipe(Layer.provide(OllamaSimulator.layer({ models: [{ name: "llama3.2", loaded: true }], reply: "Hello!" })))

const program = Effect.gen(function* () {
  const ask = OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hi" }] })
  const answers = yield* Effect.all(Effect.replicate(ask, 6), { concurrency: "unbounded" })
  yield* Console.log(`${answers.length} answers in ${(yield* Clock.currentTimeMillis) / 1000} s`)
})

program.pipe(Effect.provide(Ollama), onVirtualClock("1 minute"), NodeRuntime.runMain)
