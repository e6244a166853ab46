/** A fleet over simulators, on the clock of the test. */
import type * as Duration from "effect/Duration"
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

/** A call that is over within this time, and its record. */
export const recorded = (
  asked: OllamaClient.CallOptions = {},
  what: Parameters<typeof OllamaClient.chat>[0] = request,
  limit: Duration.DurationInput = "1 second"
) =>
  Effect.gen(function* () {
    const records: Array<CallRecord.CallRecord> = []
    const fiber = yield* Effect.fork(
      Effect.either(
        OllamaClient.chat(what, { ...asked, onRecord: (record) => Effect.sync(() => void records.push(record)) })
      )
    )
    yield* TestClock.adjust(limit)
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

/** What was decided on the way. */
export const decisions = ({ decisions }: CallRecord.CallRecord): ReadonlyArray<string> =>
  decisions.map(({ what, why }) => `${what}: ${why}`)

/** Hosts that are asked in this order. */
export const inOrder = (...hosts: ReadonlyArray<string>): Partial<Fleet.Options> => ({
  placement: { by: "priority" },
  hosts: hosts.map((host, priority) => ({ host, priority }))
})
