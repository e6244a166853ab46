import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as HttpClient from "@effect/platform/HttpClient"
import { OllamaClient, Policy } from "effect-ollama"
import { Recorded } from "effect-ollama/testing"
import { make } from "./calls.js"
import { chats } from "./calls.js"
import { read } from "./recordings.js"
process.on("unhandledRejection", (e) => console.log("UNHANDLED", e))
it.effect("x", () => Effect.gen(function* () {
  const log = (s: string) => console.log(s)
  const inner = Recorded.make(read("v0.24", "abort-after-3")).client
  const layer = OllamaClient.layer({ policy: Policy.make({ retry: { attempts: 1 } }) }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, inner)))
  const fiber = yield* make(chats({ model: "gemma3:270m", messages: [{ role: "user", content: "Write a very long story." }] })[0]!).pipe(Effect.provide(layer), Effect.fork)
  yield* TestClock.adjust("2 minutes")
  log("adjusted")
  yield* Effect.promise(() => new Promise((r) => setTimeout(r, 500)))
  const st = yield* Fiber.dump(fiber)
  log(JSON.stringify(st).slice(0, 300))
  log(JSON.stringify(fiber.unsafePoll()))
  let sup: any = fiber
  for (const child of yield* Fiber.children(fiber)) { log("child " + JSON.stringify(yield* Fiber.status(child)) ) }
  for (const root of Array.from(yield* Fiber.roots)) log("root " + JSON.stringify(root.id())+ JSON.stringify(yield* Fiber.status(root)))
}), 8000)
