/** A soak: many calls of several clients on one server whose faults come and go. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { OllamaSimulator } from "effect-ollama/testing"
import * as Callers from "./callers.js"
import * as Clients from "./clients.js"
import * as Plan from "./plan.js"
import * as Virtual from "./virtual.js"
import * as Weather from "./weather.js"

export interface Options {
  readonly calls: number
  readonly seed: number
  /** Whether connections and runners break, and models have to make room for each other. */
  readonly isHarmful: boolean
}

/** Everything that is known when all is over. */
export interface Outcome {
  readonly told: ReadonlyArray<Callers.Told>
  /** By call, in the order in which they came. */
  readonly records: ReadonlyMap<number, ReadonlyArray<Callers.CallRecord>>
  readonly sent: ReadonlyArray<Clients.Sent>
  readonly requests: ReadonlyArray<OllamaSimulator.Seen>
  readonly state: OllamaSimulator.State
  /** Loads that were under way when the server was shut down. */
  readonly cutLoads: number
  /** What was left and had its load thrown away for it, by the index of what was sent. */
  readonly threwAway: ReadonlyArray<number>
  /** Requests of which the clients have not seen the end. */
  readonly open: number
  /** What still waits for its time. */
  readonly sleeping: number
  readonly spells: ReadonlyArray<string>
  /** Milliseconds of virtual time. */
  readonly took: number
}

/** What is there when all is over, for what comes after. */
export interface World {
  readonly outcome: Outcome
  readonly clients: ReadonlyArray<Clients.Client>
  readonly simulator: OllamaSimulator.Service
  readonly wire: Clients.Wire
  readonly time: Virtual.Virtual
}

const billion = 1e9

const models: ReadonlyArray<OllamaSimulator.Model> = [
  { name: "alpha", size: 5 * billion, loadTime: "6 seconds", tokenTime: Plan.quantum, loaded: true },
  { name: "beta", size: 4 * billion, loadTime: "4 seconds" },
  { name: "gamma", size: 6 * billion, loadTime: "15 seconds", promptTime: "1 second" },
  { name: "delta", size: 3 * billion, loadTime: "3 seconds", promptTime: "2 seconds", tokenTime: Plan.quantum },
  { name: Plan.embedding, size: billion, loadTime: "1 second" }
]

const serverOf = ({ isHarmful }: Options): OllamaSimulator.Options => ({
  models: isHarmful ? models : models.map((model) => ({ ...model, loaded: false })),
  parallel: 4,
  maxQueue: isHarmful ? 60 : 512,
  memory: (isHarmful ? 12 : 20) * billion,
  maxLoaded: 5,
  reply: ({ text }) => Plan.answer(text)
})

const play = (options: Options, time: Virtual.Virtual) =>
  Effect.gen(function* () {
    const { calls, isHarmful, seed } = options
    const { client: transport, simulator } = yield* OllamaSimulator.make(serverOf(options))
    const wire: Clients.Wire = { sent: [], isUp: true, open: 0, threwAway: [], aborted: 0 }
    const clients = yield* Effect.forEach(Clients.names, (name) => Clients.make(name, transport, simulator, wire))
    const services = new Map<string, Clients.Client>(clients.map((client) => [client.name, client]))
    const plan = Plan.calls(calls, Clients.names, seed)
    const spells = Weather.spells(plan.at(-1)?.at ?? 0, seed + 1, isHarmful)

    let cutLoads = 0
    const power = (isUp: boolean) =>
      Effect.map(simulator.state, ({ loading }) => {
        if (!isUp && loading !== undefined) {
          cutLoads++
          wire.aborted++
        }
        wire.isUp = isUp
      })

    const records = new Map<number, Array<Callers.CallRecord>>()
    const onRecord = (id: number) => (record: Callers.CallRecord) =>
      Effect.sync(() => {
        const known = records.get(id)
        if (known === undefined) records.set(id, [record])
        else known.push(record)
      })
    const asking = (asked: Plan.Asked) => {
      const client = services.get(asked.client)
      return client === undefined
        ? Effect.dieMessage(`no client ${asked.client}`)
        : Effect.fork(Callers.call(client.service, asked, onRecord(asked.id)))
    }

    const started = yield* Clock.currentTimeMillis
    const arriving = Effect.gen(function* () {
      const fibers: Array<Fiber.Fiber<Callers.Told>> = []
      let now = 0
      for (const asked of plan) {
        if (asked.at > now) yield* Effect.sleep(asked.at - now)
        now = asked.at
        fibers.push(yield* asking(asked))
      }
      return yield* Effect.forEach(fibers, Fiber.join)
    })
    const weather = yield* Effect.fork(Weather.happen({ simulator, power }, spells))
    const told = yield* time.passing(arriving)
    yield* time.passing(Fiber.join(weather))
    const took = (yield* Clock.currentTimeMillis) - started
    // loads that nobody waits for any more have their time, and so have connections that are about to close
    yield* time.adjust("20 minutes")

    const outcome: Outcome = {
      told,
      records,
      sent: [...wire.sent],
      requests: yield* simulator.requests,
      state: yield* simulator.state,
      cutLoads,
      threwAway: wire.threwAway,
      open: wire.open,
      sleeping: time.sleeping(),
      spells: spells.map(({ name }) => name),
      took
    }
    const world: World = { outcome, clients, simulator, wire, time }
    return world
  })

/** The same for the same options. What is done with the world at the end is on its clock, too. */
export const soak = <A, E, R>(options: Options, after: (world: World) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const time = Virtual.make()
    return time.on(Effect.withRandom(Effect.flatMap(play(options, time), after), Random.make(options.seed)))
  })
