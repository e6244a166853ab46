/** Records of calls, for tests: collected as they end, and in milliseconds. */
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type CallEvent, type CallRecord, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"

/** The client of a simulator, and the simulator. */
export const simulated = (simulator: OllamaSimulator.Options, options: OllamaClient.Options = {}) =>
  Layer.provideMerge(OllamaClient.layer(options), OllamaSimulator.layer(simulator))

/** What a client tells from now on. */
export const heard = (client: Pick<OllamaClient.Service, "listen">) =>
  Effect.gen(function* () {
    const events: Array<CallEvent.CallEvent> = []
    yield* client.listen((event) => events.push(event))
    return {
      events,
      tags: () => events.map(({ _tag }) => _tag),
      records: () => events.flatMap((event) => (event._tag === "Ended" ? [event.record] : [])),
      slow: () => events.flatMap((event) => (event._tag === "Slow" ? [event.slow] : []))
    }
  })

/** The milliseconds of each phase that is there. */
export const millis = ({ phases }: CallRecord.CallRecord): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(phases).map(([phase, { actual }]) => [phase, Duration.toMillis(actual)]))

/** Each millisecond of a call is in one phase. */
export const assertWhole = (record: CallRecord.CallRecord): void => {
  const parts = Object.values(millis(record))
  for (const part of parts) assert.isAtLeast(part, 0, JSON.stringify(millis(record)))
  const sum = parts.reduce((total, part) => total + part, 0)
  assert.approximately(sum, Duration.toMillis(record.elapsed), 1e-6, JSON.stringify(millis(record)))
}
