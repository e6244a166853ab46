/** A request as a call of this library's client. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { OllamaClient, OllamaError, Policy } from "effect-ollama"
import type { Client } from "../contestant.js"
import { done, type Ending, failed } from "../outcome.js"
import { deadline, type Scenario } from "../scenario.js"
import { promptOf } from "../servers.js"

/** The class of a failure, and what it says of itself in one word. */
export const nameOf = (error: OllamaError.OllamaError): string => {
  switch (error._tag) {
    case "Timeout":
      return `Timeout ${error.phase}`
    case "Unreachable":
      return `Unreachable ${error.reason}`
    case "Overloaded":
    case "Blocked":
      return `${error._tag} ${error.by}`
    default:
      return error._tag
  }
}

/** Every call has the caller's time; thousands of slow calls would each be told in the log. */
export const basic = { timeouts: { total: deadline }, slow: { log: false } } satisfies Policy.Patch

export const clientOf = (service: OllamaClient.Service, scenario: Scenario): Client => ({
  run: (request, onFirst) => {
    let verdict: string | undefined
    const call = service.chatStream(
      {
        model: scenario.models[request.model]!.name,
        messages: [{ role: "user", content: promptOf(request) }]
      },
      {
        onRecord: (record) =>
          Effect.sync(() => {
            verdict = record.verdict._tag
          })
      }
    )
    return Effect.matchEffect(
      Stream.runForEach(call, () => Effect.sync(onFirst)),
      {
        onSuccess: () => Effect.succeed<Ending>(done),
        // the record is made behind the end of the call
        onFailure: (error) => Effect.map(Effect.yieldNow(), () => failed(nameOf(error), verdict))
      }
    )
  }
})
