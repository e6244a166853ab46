/** Several fleets over the same simulators, which share what they know through a store. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { type CallRecord, Fleet, type OllamaClient, SharedState } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { request, url } from "../scene.js"

/** One of several fleets. */
export interface One {
  readonly client: OllamaClient.Service
  readonly fleet: Fleet.Service
}

/** Simulators, and a way to make fleets over them in the Scope of the test. */
export const world = (
  hosts: Readonly<Record<string, OllamaSimulator.Options>>,
  store: Layer.Layer<SharedState.SharedState> = SharedState.layerMemory
) =>
  Effect.map(Layer.build(Layer.merge(OllamaSimulator.layerMany(hosts), store)), (context) => ({
    simulators: Context.get(context, OllamaSimulator.OllamaSimulators),
    store: Context.get(context, SharedState.SharedState),
    sharing: (options: Partial<Fleet.Options> = {}, shared: SharedState.Options = {}) =>
      Effect.provide(Fleet.make({ hosts: Object.keys(hosts), ...options, shared }), context),
    blind: (options: Partial<Fleet.Options> = {}) =>
      Effect.provide(Fleet.make({ hosts: Object.keys(hosts), ...options }), context)
  }))

/** A call of a fleet that is over within this time, and its record. */
export const recorded = (
  { client }: One,
  what: Parameters<OllamaClient.Service["chat"]>[0] = request,
  limit: Parameters<typeof TestClock.adjust>[0] = "1 second"
) =>
  Effect.gen(function* () {
    const records: Array<CallRecord.CallRecord> = []
    const fiber = yield* Effect.fork(
      Effect.either(client.chat(what, { onRecord: (record) => Effect.sync(() => void records.push(record)) }))
    )
    yield* TestClock.adjust(limit)
    const result = yield* Fiber.join(fiber)
    yield* Effect.yieldNow()
    const [record] = records
    if (record === undefined) return yield* Effect.dieMessage("a call without a record")
    return { result, record }
  })

export const stateOf = ({ fleet }: One, host: string) =>
  Effect.flatMap(fleet.state, ({ hosts }) => {
    const state = hosts.find((one) => one.host === url(host))
    return state === undefined ? Effect.dieMessage(`no host ${host}`) : Effect.succeed(state)
  })

export const modelOf = (one: One, host: string, model: string) =>
  Effect.map(stateOf(one, host), ({ models }) => models.find((state) => state.model === model))

/** A fleet whose own network is broken: nothing that it sends arrives anywhere. */
export const cutOff = (isCut: () => boolean): Partial<Fleet.Options> => ({
  transformClient: (client) =>
    HttpClient.make((request) =>
      isCut()
        ? Effect.fail(
            new HttpClientError.RequestError({
              request,
              reason: "Transport",
              cause: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
            })
          )
        : client.execute(request)
    )
})
