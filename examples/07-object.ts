/**
 * An answer with a shape: the schema is sent as `format`, the answer is decoded with it, and one that does not fit is a
 * failure that can be asked again.
 *
 * expect: ^Canada, capital Ottawa, speaks English and French$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { OllamaClient } from "effect-ollama"
import { ollama } from "./_ollama.js"

const Country = Schema.Struct({
  name: Schema.String,
  capital: Schema.String,
  languages: Schema.NonEmptyArray(Schema.String)
})

const program = OllamaClient.chatObject({
  model: "llama3.2",
  schema: Country,
  messages: [{ role: "user", content: "Tell me about Canada." }],
  options: { temperature: 0 }
}).pipe(
  Effect.tapErrorTag("MalformedOutput", ({ issues }) =>
    Console.log(`Does not fit: ${issues.map(({ message, path }) => `${path} ${message}`).join("; ")}. Asking again.`)
  ),
  Effect.retry({ times: 2, while: (error) => error._tag === "MalformedOutput" }),
  Effect.flatMap(({ value }) =>
    Console.log(`${value.name}, capital ${value.capital}, speaks ${value.languages.join(" and ")}`)
  )
)

// In the simulator the first answer does not fit.
let asked = 0
const reply = () =>
  JSON.stringify({
    name: "Canada",
    capital: "Ottawa",
    languages: asked++ === 0 ? [] : ["English", "French"]
  })

program.pipe(Effect.provide(ollama({ reply })), NodeRuntime.runMain)
