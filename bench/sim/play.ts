/** One contestant in one scenario, on a virtual clock. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Virtual from "../../test/soak/virtual.js"
import type { Client, Ejection, Outcome, Played, Player } from "./contestant.js"
import * as network from "./network.js"
import type { Scenario } from "./scenario.js"
import * as servers from "./servers.js"
import type { Request } from "./traffic.js"

/** The clock of a computer that is set forward; what sleeps is not woken by it. */
const jumping = (clock: Clock.Clock, { at, by }: { readonly at: number; readonly by: number }): Clock.Clock => {
  const shown = (now: number) => (now >= at * 1000 ? now + by * 1000 : now)
  const nanos = () => BigInt(Math.round(shown(clock.unsafeCurrentTimeMillis()) * 1e6))
  return {
    ...clock,
    sleep: (duration) => clock.sleep(duration),
    unsafeCurrentTimeMillis: () => shown(clock.unsafeCurrentTimeMillis()),
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, shown),
    currentTimeNanos: Effect.sync(nanos)
  }
}

/** Lets a request arrive at its time, and notes what becomes of it. */
const arrival = (
  clients: ReadonlyArray<Client>,
  clock: Clock.Clock,
  outcomes: Array<Outcome>,
  request: Request
): Effect.Effect<void> =>
  Effect.suspend(() => {
    let firstAfter: number | undefined
    const since = () => clock.unsafeCurrentTimeMillis() - request.at
    const onFirst = () => {
      firstAfter ??= since()
    }
    return Effect.map(clients[request.client]!.run(request, onFirst), (ending) => {
      outcomes.push({
        request,
        ...(firstAfter === undefined ? {} : { firstAfter }),
        endAfter: since(),
        ending
      })
    })
  })

const program = (player: Player, scenario: Scenario, requests: ReadonlyArray<Request>, seed: number) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const machines = yield* servers.make(scenario, requests)
    const { attempts, http } = yield* network.make(scenario, requests, machines, clock)
    const ejections: Array<Ejection> = []
    const outcomes: Array<Outcome> = []
    for (const blows of servers.fate(scenario, machines, player.connectLimit)) yield* Effect.forkScoped(blows)
    for (const [index, machine] of machines.entries()) {
      yield* Effect.forkScoped(servers.others(scenario, machine, index))
    }
    const ofClients = Effect.gen(function* () {
      const clients = yield* Effect.forEach(Array.from({ length: scenario.clients ?? 1 }), (_, index) =>
        player.make({
          scenario,
          hosts: machines.map(({ address }) => address),
          http,
          seed: seed * 104729 + 5 + index,
          ejected: (host, isOut) => ejections.push({ host, at: clock.unsafeCurrentTimeMillis(), isOut })
        })
      )
      const running: Array<Fiber.RuntimeFiber<void>> = []
      for (const request of requests) {
        const now = clock.unsafeCurrentTimeMillis()
        if (request.at > now) yield* Effect.sleep(request.at - now)
        running.push(yield* Effect.fork(arrival(clients, clock, outcomes, request)))
      }
      yield* Fiber.awaitAll(running)
    })
    yield* scenario.clockJump === undefined
      ? ofClients
      : Effect.withClock(ofClients, jumping(clock, scenario.clockJump))
    const done = new Set(outcomes.flatMap(({ ending, request }) => (ending.isDone ? [request.id] : [])))
    const work = yield* servers.work(machines, (id) => done.has(id))
    const played: Played = { outcomes, attempts, ejections, work }
    return played
  })

/** The same for the same seed. */
export const play = (
  player: Player,
  scenario: Scenario,
  requests: ReadonlyArray<Request>,
  seed: number
): Promise<Played> => {
  const clock = Virtual.make()
  const run = Effect.scoped(clock.passing(program(player, scenario, requests, seed)))
  return Effect.runPromise(clock.on(Effect.withRandom(run, Random.make(seed))))
}
