/** Ours, as a program uses it: `OllamaNode.layer` with the default policy (the gap clock runs), `Stream.runForEach` and the folded `chat`. */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { type Contestant, messages } from "../contestant.js"

type Client = Effect.Effect.Success<typeof OllamaClient.OllamaClient>

/** What the consumer saw. */
interface Seen {
  lines: number
  text: number
}

const contestant = (
  name: string,
  consume: (client: Client, model: string, seen: Seen) => Effect.Effect<void, unknown>
): Contestant => ({
  name,
  open: async (host) => {
    const runtime = ManagedRuntime.make(OllamaNode.layer({ host }))
    const client = await runtime.runPromise(OllamaClient.OllamaClient)
    return {
      run: async (streams, model) => {
        const seen: Seen = { lines: 0, text: 0 }
        await runtime.runPromise(
          Effect.forEach(Array.from({ length: streams }), () => consume(client, model, seen), {
            concurrency: "unbounded",
            discard: true
          })
        )
        return seen.text > 0 ? seen.lines : 0
      },
      close: () => runtime.dispose()
    }
  }
})

export const forEach = contestant("effect-ollama chatStream, Stream.runForEach", (client, model, seen) =>
  Stream.runForEach(client.chatStream({ model, messages }), (chunk) =>
    Effect.sync(() => {
      seen.lines++
      seen.text += chunk.message.content.length
    })
  )
)

export const forEachChunk = contestant("effect-ollama chatStream, Stream.runForEachChunk", (client, model, seen) =>
  Stream.runForEachChunk(client.chatStream({ model, messages }), (chunks) =>
    Effect.sync(() => {
      for (const chunk of chunks) {
        seen.lines++
        seen.text += chunk.message.content.length
      }
    })
  )
)

export const chat = contestant("effect-ollama chat (folded)", (client, model, seen) =>
  Effect.map(client.chat({ model, messages }), (response) => {
    // the server counts its own lines in the last one
    seen.lines += response.eval_count ?? 0
    seen.text += response.message.content.length
  })
)
