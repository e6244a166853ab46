/**
 * Hosts that stop, start, are drained, added and removed by chance while calls come by chance: each call ends once, those
 * that are answered are answered right and by one host, and nothing is left behind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import { type CallRecord, Chat, Fleet, OllamaClient } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import * as Virtual from "../soak/virtual.js"
import { url } from "./scene.js"

const hosts = ["a", "b", "c"] as const

type Host = (typeof hosts)[number]

interface Call {
  readonly at: number
  readonly model: "first" | "second"
  readonly total: number | undefined
  readonly leaves: number | undefined
  readonly isStreamed: boolean
}

interface Change {
  readonly at: number
  readonly host: Host
  readonly what: "shutdown" | "restart" | "drain" | "remove" | "add" | "crash" | "slow"
}

const at = FastCheck.integer({ min: 0, max: 60_000 })
const maybe = (min: number, max: number) =>
  FastCheck.option(FastCheck.integer({ min, max }), { nil: undefined, freq: 2 })

const calls = FastCheck.array(
  FastCheck.record<Call>({
    at,
    model: FastCheck.constantFrom("first", "second"),
    total: maybe(100, 40_000),
    leaves: maybe(1, 20_000),
    isStreamed: FastCheck.boolean()
  }),
  { minLength: 1, maxLength: 25 }
)

const changes = FastCheck.array(
  FastCheck.record<Change>({
    at,
    host: FastCheck.constantFrom(...hosts),
    what: FastCheck.constantFrom("shutdown", "restart", "drain", "remove", "add", "crash", "slow")
  }),
  { maxLength: 15 }
)

const reply = "one two three four five six"

const options: OllamaSimulator.Options = {
  models: [
    { name: "first", size: 6e9, loadRate: 2e9, promptTime: "200 millis", tokenTime: "300 millis" },
    { name: "second", size: 6e9, loadRate: 2e9, promptTime: "200 millis", tokenTime: "300 millis" }
  ],
  memory: 8e9,
  parallel: 2,
  reply
}

const change = ({ host, what }: Change) =>
  Effect.gen(function* () {
    const simulator = (yield* OllamaSimulator.OllamaSimulators).at(host)
    const fleet = yield* Fleet.Fleet
    switch (what) {
      case "shutdown":
        return yield* simulator.shutdown
      case "restart":
        return yield* simulator.restart
      case "crash":
        return yield* simulator.crash("first")
      case "slow":
        return yield* simulator.slowDown(3)
      case "add":
        return yield* fleet.add(host)
      case "drain":
      case "remove":
        // a host that is not there any more cannot be drained
        return yield* Effect.forkDaemon(Effect.either(fleet[what](host)))
    }
  })

const run = ({ isStreamed, leaves, model, total }: Call, n: number, records: Array<CallRecord.CallRecord>) =>
  Effect.gen(function* () {
    const request = { model, messages: [{ role: "user" as const, content: `call ${n}` }] }
    const asked: OllamaClient.CallOptions = {
      policy: { slow: "off", ...(total === undefined ? {} : { timeouts: { total } }) },
      onRecord: (record) => Effect.sync(() => void records.push(record))
    }
    const client = yield* OllamaClient.OllamaClient

    const call = isStreamed
      ? Effect.map(Chat.collect(client.chatStream(request, asked)), ({ message }) => message.content)
      : Effect.map(client.chat(request, asked), ({ message }) => message.content)
    const fiber = yield* Effect.fork(Effect.either(call))
    if (leaves !== undefined) {
      yield* Effect.sleep(leaves)
      return yield* Fiber.interrupt(fiber)
    }
    return yield* Fiber.await(fiber)
  })

const play = (asked: ReadonlyArray<Call>, changed: ReadonlyArray<Change>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(
      Layer.provideMerge(Fleet.layer({ hosts }), OllamaSimulator.layerMany({ a: options, b: options, c: options })),
      scope
    )
    const records = asked.map((): Array<CallRecord.CallRecord> => [])
    const told = yield* Effect.provide(
      Effect.gen(function* () {
        const changing = yield* Effect.fork(
          Effect.forEach(changed, (one) => Effect.delay(change(one), one.at), { concurrency: "unbounded" })
        )
        const exits = yield* Effect.forEach(asked, (call, n) => Effect.delay(run(call, n, records[n] ?? []), call.at), {
          concurrency: "unbounded"
        })
        yield* Fiber.join(changing)
        yield* Effect.sleep("1 second")
        const state = yield* Effect.flatMap(Fleet.Fleet, (fleet) => fleet.state)
        const running = yield* Effect.flatMap(OllamaClient.OllamaClient, (client) => client.state)
        return { exits, state, running }
      }),
      context
    )
    yield* Scope.close(scope, Exit.void)
    yield* Effect.sleep("1 minute")
    const { simulators } = { simulators: yield* Effect.provide(OllamaSimulator.OllamaSimulators, context) }
    const left = yield* Effect.forEach(hosts, (host) => simulators.at(host).inFlight)
    return { ...told, records, left }
  })

describe("whatever becomes of the hosts", () => {
  it.live(
    "each call ends once, answered right by one of them, or with a failure that says why",
    () =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(calls, changes, async (asked, changed) => {
            const virtual = Virtual.make()
            const { exits, left, records, running, state } = await Effect.runPromise(
              virtual.on(virtual.passing(play(asked, changed)))
            )
            exits.forEach((exit, n) => {
              const [record, ...more] = records[n] ?? []
              assert.isDefined(record, `call ${n} has no record`)
              assert.lengthOf(more, 0, `call ${n} has ended more than once`)
              if (Exit.isSuccess(exit) && Either.isRight(exit.value)) {
                assert.strictEqual(exit.value.right, reply)
                assert.include(hosts.map(url), record?.servedBy?.host ?? "")
              } else if (Exit.isFailure(exit)) {
                assert.isTrue(Exit.isInterrupted(exit) && asked[n]?.leaves !== undefined, String(exit))
              }
            })
            assert.deepStrictEqual(left, [0, 0, 0])
            assert.strictEqual(state.held, 0)
            assert.isTrue(state.hosts.every(({ inFlight }) => inFlight === 0))
            assert.lengthOf(running.running, 0)
          }),
          { numRuns: 10 }
        )
      ),
    300_000
  )
})
