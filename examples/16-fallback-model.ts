/**
 * A smaller model in the place of one that does not fit into memory: said in the policy, and told in the answer and in
 * the record of the call.
 *
 * expect: ^fellBack: LoadFailed: llama3\.2:1b$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { OllamaClient, Policy } from "effect-ollama"
import { Fault } from "effect-ollama/testing"
import { ollama } from "./_ollama.js"

const policy = Policy.make({
  fallback: [{ model: "llama3.2:1b", on: ["LoadFailed", "ModelNotFound", "Overloaded", "Timeout"] }]
})

const program = Effect.gen(function* () {
  const { message, model } = yield* OllamaClient.chat(
    { model: "llama3.3:70b", messages: [{ role: "user", content: "Why is the sky blue?" }] },
    {
      onRecord: ({ attempts, decisions }) =>
        Effect.zipRight(
          Effect.forEach(attempts, ({ detail, tag }) => Console.log(`${tag}: ${detail ?? ""}`)),
          Effect.forEach(decisions, ({ what, why }) => Console.log(`${what}: ${why}`))
        )
    }
  )
  yield* Console.log(`${model}: ${message.content}`)
})

const stage = {
  models: ["llama3.3:70b", "llama3.2:1b"],
  reply: "Because of Rayleigh scattering.",
  faults: [Fault.error("load.outOfMemory", { model: "llama3.3:70b" })]
}

program.pipe(Effect.provide(ollama(stage, policy)), NodeRuntime.runMain)
