/**
 * Whoever leaves a stream stops the server: by taking what they want, by losing a race, by being interrupted. The
 * connection is closed at once, and the model is free for the next call.
 *
 * expect: ^interrupted before the first token: the server noticed, after 0 chunks$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Layer, Option, Stream } from "effect"
import { Chat, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"

const story = OllamaClient.chatStream({
  model: "llama3.2",
  messages: [{ role: "user", content: "Tell me a story." }]
}).pipe(Chat.text)

const takesThree = story.pipe(
  Stream.take(3),
  Stream.mkString,
  Effect.tap((text) => Console.log(text))
)

const losesARace = Stream.runDrain(story).pipe(Effect.timeoutOption("100 millis"), Effect.tap(Option.isNone))

const isInterrupted = (server: OllamaSimulator.Service) =>
  Effect.gen(function* () {
    const index = (yield* server.requests).length
    const fiber = yield* Effect.fork(Stream.runDrain(story))
    yield* server.arrived(index)
    yield* Fiber.interrupt(fiber)
  })

/** What the server has to say of the last chat. */
const report = (what: string) =>
  Effect.gen(function* () {
    const server = yield* OllamaSimulator.OllamaSimulator
    const last = (yield* server.requests).findLast(({ path }) => path === "/api/chat")
    const ended = yield* server.ended(last?.index ?? 0)
    const how = ended.how === "left" ? "the server noticed" : ended.how
    yield* Console.log(`${what}: ${how}, after ${ended.chunks} chunks`)
  })

const program = Effect.gen(function* () {
  const server = yield* OllamaSimulator.OllamaSimulator
  yield* Effect.zipRight(takesThree, report("took three"))
  yield* Effect.zipRight(losesARace, report("lost a race"))
  yield* Effect.zipRight(isInterrupted(server), report("interrupted before the first token"))
})

const simulator = OllamaSimulator.layer({
  models: [{ name: "llama3.2", promptTime: "40 millis", tokenTime: "20 millis" }],
  reply: "Once upon a time there was a server that wrote and wrote because nobody had told it that they had left."
})

program.pipe(Effect.provide(OllamaClient.layer().pipe(Layer.provideMerge(simulator))), NodeRuntime.runMain)
