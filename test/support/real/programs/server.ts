/** The simulator as a process of its own, with calls of other clients if the job has them. */
import { OllamaSimulatorServer } from "effect-ollama/testing/node"
import { Effect } from "effect"
import type { ServerJob } from "./protocol.js"
import { endWithParent, job, say } from "./say.js"

const { others = [], ...options } = job<ServerJob>()

/** A call of somebody else, who waits for the end of the answer. */
const call = async (url: string, model: string): Promise<void> => {
  const response = await fetch(`${url}/api/chat`, {
    method: "POST",
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Somebody else's question" }] })
  })
  await response.text()
}

const program = Effect.gen(function* () {
  const server = yield* OllamaSimulatorServer.make(options)
  let asked = 0
  for (const { calls, model } of others) {
    for (let nth = 0; nth < calls; nth++) {
      yield* Effect.forkScoped(Effect.ignore(Effect.promise(() => call(server.url, model))))
      yield* server.arrived(asked++)
    }
  }
  say("ready")
  return yield* Effect.never
})

endWithParent()
Effect.runFork(Effect.scoped(program))
