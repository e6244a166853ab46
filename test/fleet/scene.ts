/** A fleet over simulators, on the clock of the test. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { type CallRecord, Fleet, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"

export const model = "llama3.2"

export const request = { model, messages: [{ role: "user" as const, content: "Hi" }] }

export const url = (host: string): string => `http://${host}:11434`

/** Simulators at these addresses, all of them in the fleet unless it is told otherwise. */
export const world = (hosts: Readonly<Record<string, OllamaSimulator.Options>>, options: Partial<Fleet.Options> = {}) =>
  Layer.provideMerge(Fleet.layer({ hosts: Object.keys(hosts), ...options }), OllamaSimulator.layerMany(hosts))

export const simulator = (host: string) =>
  Effect.map(OllamaSimulator.OllamaSimulators, (simulators) => simulators.at(host))

/** The fleet has looked at its hosts. */
export const settled = TestClock.adjust("100 millis")

/** A call, and its record. */
export const recorded = (
  asked: OllamaClient.CallOptions = {},
  what: Parameters<typeof OllamaClient.chat>[0] = request
) =>
  Effect.gen(function* () {
    const records: Array<CallRecord.CallRecord> = []
    const fiber = yield* Effect.fork(
      Effect.either(
        OllamaClient.chat(what, { ...asked, onRecord: (record) => Effect.sync(() => void records.push(record)) })
      )
    )
    yield* TestClock.adjust("10 minutes")
    const result = yield* Fiber.join(fiber)
    yield* Effect.yieldNow()
    const [record] = records
    if (record === undefined || records.length > 1) {
      return yield* Effect.dieMessage(`a call with ${records.length} records`)
    }
    return { result, record }
  })

/** How often a host was asked at a path. */
export const asked = (host: string, path: string) =>
  Effect.map(
    Effect.flatMap(simulator(host), (control) => control.requests),
    (requests) => requests.filter((request) => request.path === path).length
  )
