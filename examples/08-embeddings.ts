/**
 * Vectors for several texts in one call, and the text that is nearest to a question.
 *
 * expect: ^Nearest: .+ \(0\.\d\d\)$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Array, Console, Effect, Order } from "effect"
import { OllamaClient } from "effect-ollama"
import { ollama } from "./_ollama.js"

const texts = ["The sky is blue.", "Bread is made of flour.", "Whales are not fish."] as const

const embed = (input: string | ReadonlyArray<string>) =>
  Effect.map(OllamaClient.embed({ model: "all-minilm", input }), ({ embeddings }) => embeddings)

/** Ollama's vectors have length 1, so the product is the cosine. */
const similarity = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)

const program = Effect.gen(function* () {
  const [question = []] = yield* embed("Which colour does the sky have?")
  const vectors = yield* embed(texts)
  const scored = Array.zip(texts, vectors).map(([text, vector]) => ({ text, score: similarity(question, vector) }))
  const byScore = Order.reverse(Order.mapInput(Order.number, (one: { readonly score: number }) => one.score))
  const [nearest] = Array.sort(scored, byScore)
  yield* Console.log(`Nearest: ${nearest?.text} (${nearest?.score.toFixed(2)})`)
})

program.pipe(Effect.provide(ollama()), NodeRuntime.runMain)
