/** What is left behind by all that happened: nothing is refused, no permit is held, and no part of the budget. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Fault } from "effect-ollama/testing"
import * as Callers from "./callers.js"
import type { Client } from "./clients.js"
import * as Plan from "./plan.js"
import type { World } from "./run.js"

type Problems = ReadonlyArray<string>

const models = [...Plan.generating, Plan.embedding]

/** Beyond the calls of the soak. */
const firstId = 1_000_000

const asking = (client: Client, model: string, id: number): Plan.Asked => ({
  id,
  at: 0,
  client: client.name,
  kind: model === Plan.embedding ? "embed" : "chat",
  model,
  words: 3,
  priority: "normal",
  patience: { how: "stays" }
})

/** Calls of one model at once: what they got, and what was decided for them. */
const together = (client: Client, model: string, count: number) =>
  Effect.suspend(() => {
    const records: Array<Callers.CallRecord> = []
    const onRecord = (record: Callers.CallRecord) => Effect.sync(() => records.push(record)).pipe(Effect.asVoid)
    const calls = Array.from({ length: count }, (_, n) =>
      Callers.call(client.service, asking(client, model, firstId + n), onRecord)
    )
    return Effect.map(Effect.all(calls, { concurrency: "unbounded" }), (told) => ({ told, records }))
  })

const got = ({ got }: Callers.Told): string => (got.is === "failure" ? got.error._tag : got.is)

/** Nobody is refused: breakers have closed, and the throttle has forgotten. */
const answered = ({ time }: World, client: Client, model: string) =>
  Effect.map(time.passing(together(client, model, 1)), ({ told }) =>
    told
      .filter(({ got }) => got.is !== "answer" && got.is !== "vectors")
      .map((told) => `${client.name}, ${model}: ${got(told)} when all was well`)
  )

const limit = 3

/** As many as may are at the server at once: with a permit that was never given back it would be fewer. */
const permitted = ({ time, wire }: World, client: Client, model: string) =>
  Effect.gen(function* () {
    const before = wire.sent.length
    const calls = yield* Effect.fork(together(client, model, limit + 2))
    yield* time.adjust("1 second")
    const sent = wire.sent.slice(before).filter(({ id }) => id !== undefined).length
    yield* time.passing(Fiber.join(calls))
    return sent === limit ? [] : [`${client.name}, ${model}: ${sent} calls at once, where ${limit} may`]
  })

const floor = 4

/** As many retries are granted as may run at once: with a grant that was never given back it would be fewer. */
const granted = ({ time }: World, client: Client, model: string) =>
  Effect.map(time.passing(together(client, model, floor + 3)), ({ records }) => {
    const retried = records.filter(({ decisions }) => decisions.some(({ what }) => what === "retried")).length
    return retried === floor ? [] : [`${client.name}: ${retried} retries at once, where ${floor} may`]
  })

export const problems = (world: World): Effect.Effect<Problems> =>
  Effect.gen(function* () {
    const { clients, simulator, time } = world
    const found: Array<string> = []
    for (const client of clients) {
      for (const model of models) found.push(...(yield* answered(world, client, model)))
      yield* client.become({
        breaker: "off",
        concurrency: { limit, queue: "unbounded", admission: "off" },
        budget: { floor, share: 0, pool: "off" },
        retry: { attempts: 2 }
      })
      yield* time.adjust("1 second")
      for (const model of models) {
        yield* time.passing(together(client, model, 1))
        yield* simulator.inject(Fault.slowHeaders("2 seconds"))
        found.push(...(yield* permitted(world, client, model)))
        yield* simulator.clearFaults
      }
      yield* client.become({ breaker: "off", concurrency: "off", budget: { floor, share: 0, pool: "off" } })
      yield* time.adjust("1 second")
      yield* time.passing(together(client, "beta", 1))
      yield* simulator.inject(Fault.serverBusy())
      found.push(...(yield* granted(world, client, "beta")))
      yield* simulator.clearFaults
    }
    return found
  })
