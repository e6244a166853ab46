/**
 * The call of 01 as we recommend it: the remedies are one value (a clock for each phase, a limit on the whole, retries),
 * the answer is shown as it arrives, and what still fails is told apart by its cause.
 *
 * expect: ^Hello! What can I do for you\?$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Stream } from "effect"
import { Chat, OllamaClient, Policy } from "effect-ollama"
import { Fault } from "effect-ollama/testing"
import { ollama } from "./_ollama.js"

const policy = Policy.make({
  timeouts: {
    connect: "2 seconds",
    load: "3 minutes",
    firstToken: "30 seconds",
    gap: "15 seconds",
    total: "5 minutes"
  },
  retry: { attempts: 4, baseDelay: "250 millis", maxDelay: "5 seconds" }
})

const hello = OllamaClient.chatStream({
  model: "llama3.2",
  messages: [{ role: "user", content: "Hello" }]
}).pipe(
  Chat.text,
  Stream.runForEach((text) => Effect.sync(() => process.stdout.write(text))),
  Effect.zipRight(Console.log())
)

const program = hello.pipe(
  Effect.catchTags({
    Unreachable: ({ reason, remedy }) => Console.error(`Ollama cannot be reached (${reason}). ${remedy}.`),
    Timeout: ({ limit, phase, remedy }) =>
      Console.error(`Nothing within ${Duration.format(limit)} (${phase}). ${remedy}.`),
    Overloaded: ({ by, remedy }) => Console.error(`Too much at once for the ${by}. ${remedy}.`),
    Blocked: ({ by, remedy }) => Console.error(`Something on the way forbids it (${by}). ${remedy}.`),
    ModelNotFound: ({ model, remedy }) => Console.error(`There is no ${model}. ${remedy}.`),
    StreamInterrupted: ({ partial }) => Console.error(`\nBroke off after ${partial?.chunks ?? 0} chunks.`)
  }),
  // the others: OllamaError.message says what happened and what to do, in one line
  Effect.catchAll((error) => Console.error(error.message))
)

// In the simulator: shed twice, then a cold model. None of it is seen.
const Ollama = ollama(
  {
    models: [
      { name: "llama3.2", reply: "Hello! What can I do for you?", loadTime: "500 millis", tokenTime: "30 millis" }
    ],
    faults: [Fault.serverBusy({ times: 2 })]
  },
  policy
)

program.pipe(Effect.provide(Ollama), NodeRuntime.runMain)
