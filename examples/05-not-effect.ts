/**
 * The library in a program that is not written with Effect: one runtime for the whole program, promises with an
 * AbortSignal, failures as values, an answer with `for await`.
 *
 * expect: ^Timeout \(total\): .+
 */
import { Effect, Either, ManagedRuntime, Stream } from "effect"
import { Chat, OllamaClient } from "effect-ollama"
import { ollama } from "./_ollama.js"

// Made once; connections and what was learned of the server live in it.
const runtime = ManagedRuntime.make(
  ollama({
    models: [{ name: "llama3.2", loaded: true, tokenTime: "20 millis", reply: "One two three four five six." }]
  })
)

const request = (content: string) => ({ model: "llama3.2", messages: [{ role: "user", content }] })

// 1. One answer. Aborting the signal closes the connection, and the server stops; the promise rejects.
const answer = await runtime.runPromise(OllamaClient.chat(request("Count")), { signal: AbortSignal.timeout(60_000) })
console.log(answer.message.content)

// 2. The answer as it arrives. Leaving the loop stops the server.
const words = Stream.toAsyncIterableRuntime(
  OllamaClient.chatStream(request("Count")).pipe(Chat.text),
  await runtime.runtime()
)
for await (const text of words) {
  process.stdout.write(text)
  if (text.includes("three")) break
}
console.log(" … left")

// 3. A person who changes their mind: the same with a signal of one's own.
const controller = new AbortController()
const abandoned = runtime.runPromise(
  OllamaClient.chatStream(request("Count")).pipe(
    Stream.tap(() => Effect.sync(() => controller.abort())),
    Stream.runDrain
  ),
  { signal: controller.signal }
)
await abandoned.catch(() => console.log("aborted"))

// 4. A failure as a value, with its type: `either.left` is an OllamaError.
const either = await runtime.runPromise(
  Effect.either(OllamaClient.chat(request("Count"), { policy: { timeouts: { total: "1 millis" } } }))
)
if (Either.isLeft(either)) console.log(`${either.left._tag} (${either.left.phase}): ${either.left.remedy}`)

await runtime.dispose()
