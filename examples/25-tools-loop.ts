/**
 * An agent without @effect/ai: tools made of schemas, run until the model has its answer, with limits on turns and time.
 * What the model gets wrong it is told, and corrects; what it may not see fails the run.
 *
 * expect: ^3 answers, 3 calls, 1 of them refused: It is warmer in Paris\.$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { Tool } from "effect-ollama"
import type { OllamaSimulator } from "effect-ollama/testing"
import { ollama } from "./_ollama.js"

class UnknownCity extends Schema.TaggedError<UnknownCity>()("UnknownCity", { city: Schema.String }) {}

const degrees: Readonly<Record<string, number>> = { Paris: 21, Oslo: 4 }

const weather = Tool.make({
  name: "get_weather",
  description: "The weather in a city, so many days from now",
  parameters: Schema.Struct({ city: Schema.NonEmptyString, days: Schema.Int.pipe(Schema.between(0, 7)) }),
  success: Schema.Struct({ degrees: Schema.Number }),
  // the model is told of it; any other failure would fail the run
  failure: UnknownCity,
  handler: ({ city }) => {
    const found = degrees[city]
    return found === undefined ? Effect.fail(new UnknownCity({ city })) : Effect.succeed({ degrees: found })
  }
})

/** Before anything is sent: Ollama drops these from what the model is told, so that it can only guess them. */
const warning = Effect.forEach(
  weather.dropped.filter(({ isConstraint }) => isConstraint),
  ({ keyword, path }) => Console.log(`The model never sees: ${path} ${keyword}`)
)

const program = Effect.gen(function* () {
  yield* warning
  const { response, turns } = yield* Tool.runTools(
    {
      model: "llama3.2",
      messages: [{ role: "user", content: "Where is it warmer tomorrow, in Paris or in Oslo?" }],
      tools: [weather]
    },
    {
      turns: 5,
      time: "2 minutes",
      concurrency: "unbounded",
      onTurn: ({ calls }) =>
        Effect.forEach(calls, ({ call, content }) => Console.log(`${call.function.name} -> ${content}`), {
          discard: true
        })
    }
  )
  const calls = turns.flatMap((turn) => turn.calls)
  const refused = calls.filter(({ isFailure }) => isFailure).length
  yield* Console.log(
    `${turns.length} answers, ${calls.length} calls, ${refused} of them refused: ${response.message.content}`
  )
}).pipe(
  Effect.catchTag("ToolLimitReached", ({ limit, turns }) =>
    Console.error(`Gave up after ${turns} answers: no more ${limit}`)
  )
)

const call = (city: string, days: number) => ({ name: "get_weather", arguments: { city, days } })

// In the simulator the model first asks for a day that there is not.
const turns: ReadonlyArray<OllamaSimulator.Reply> = [
  { toolCalls: [call("Paris", 1), call("Oslo", 30)] },
  { toolCalls: [call("Oslo", 1)] },
  "It is warmer in Paris."
]
let turn = 0
const reply = () => turns[turn++] ?? ""

program.pipe(Effect.provide(ollama({ reply })), NodeRuntime.runMain)
