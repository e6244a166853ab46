/**
 * Which models are in memory, and who waits: one load at a time for the whole server, owned by the request that began it
 * and thrown away when that request's client leaves; one answer at a time for each model.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Refusal, refuse } from "./json.js"
import type { Installed } from "./models.js"
import { texts } from "./texts.js"

export interface Resident {
  readonly model: Installed
  readonly slot: Effect.Semaphore
  readonly key: string
  readonly contextLength: number
  running: number
  keepAlive: number
  expiresAt: number
  /** It is to be loaded again with other options as soon as it is idle. */
  leaving: boolean
}

export interface Demand {
  readonly model: Installed
  readonly key: string
  readonly contextLength: number
  /** Milliseconds; `undefined` keeps what is in force. */
  readonly keepAlive: number | undefined
}

export interface Scheduler {
  /** Has the model in memory for as long as the scope is open. */
  readonly use: (demand: Demand) => Effect.Effect<Resident, Refusal, Scope.Scope>
  /** Waits for the model's turn and holds it until the scope closes. */
  readonly turn: (resident: Resident) => Effect.Effect<void, never, Scope.Scope>
  /** Lets the model go as soon as it is idle. */
  readonly unload: (name: string) => Effect.Effect<void>
  /** Models in memory now, the longest remaining lifetime first. */
  readonly residents: Effect.Effect<ReadonlyArray<Resident>>
  readonly loads: Effect.Effect<{ readonly begun: number; readonly finished: number; readonly aborted: number }>
}

const busy = refuse(503, JSON.parse(texts["server.busy"].body).error)

export const make = (
  initial: ReadonlyArray<Demand>,
  maxQueue: number,
  defaultKeepAlive: number
): Effect.Effect<Scheduler> =>
  Effect.gen(function* () {
    const loading = yield* Effect.makeSemaphore(1)
    const memory = new Map<string, Resident>()
    let queued = 0
    let begun = 0
    let finished = 0
    let aborted = 0

    const load = (demand: Demand, now: number): Resident => {
      const keepAlive = demand.keepAlive ?? defaultKeepAlive
      const resident: Resident = {
        model: demand.model,
        slot: Effect.unsafeMakeSemaphore(1),
        key: demand.key,
        contextLength: demand.contextLength,
        running: 0,
        keepAlive,
        expiresAt: now + keepAlive,
        leaving: false
      }
      memory.set(demand.model.name, resident)
      return resident
    }

    const isLive = (resident: Resident, now: number) => resident.running > 0 || now < resident.expiresAt

    const find = (demand: Demand, now: number): Resident | undefined => {
      const resident = memory.get(demand.model.name)
      if (resident === undefined) return undefined
      if (isLive(resident, now)) return resident.key === demand.key && !resident.leaving ? resident : undefined
      memory.delete(demand.model.name)
      return undefined
    }

    const leave = (resident: Resident) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        resident.running--
        resident.expiresAt = now + resident.keepAlive
      })

    /** Not interruptible between counting in and promising to count out. */
    const enter = (resident: Resident, demand: Demand): Effect.Effect<Resident, never, Scope.Scope> =>
      Effect.suspend(() => {
        resident.running++
        if (demand.keepAlive !== undefined) resident.keepAlive = demand.keepAlive
        return Effect.as(
          Effect.addFinalizer(() => leave(resident)),
          resident
        )
      })

    /** What is loaded with other options must be idle first. */
    const makeRoom = (demand: Demand): Effect.Effect<void> =>
      Effect.suspend(() => {
        const previous = memory.get(demand.model.name)
        if (previous === undefined) return Effect.void
        previous.leaving = true
        return previous.slot.withPermits(1)(Effect.sync(() => void memory.delete(demand.model.name)))
      })

    const read = (demand: Demand): Effect.Effect<void> =>
      Effect.suspend(() => {
        begun++
        return Effect.onInterrupt(Effect.sleep(Duration.millis(demand.model.loadTime)), () =>
          Effect.sync(() => void aborted++)
        )
      })

    const loadInTurn = (demand: Demand): Effect.Effect<Resident, never, Scope.Scope> =>
      loading.withPermits(1)(
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const found = find(demand, yield* Clock.currentTimeMillis)
            if (found !== undefined) return yield* enter(found, demand)
            yield* restore(makeRoom(demand))
            yield* restore(read(demand))
            finished++
            return yield* enter(load(demand, yield* Clock.currentTimeMillis), demand)
          })
        )
      )

    const use: Scheduler["use"] = (demand) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const found = find(demand, yield* Clock.currentTimeMillis)
          if (found !== undefined) return yield* enter(found, demand)
          if (queued > maxQueue) return yield* busy
          queued++
          return yield* Effect.ensuring(
            restore(loadInTurn(demand)),
            Effect.sync(() => void queued--)
          )
        })
      )

    const turn: Scheduler["turn"] = ({ slot }) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(
          restore(slot.take(1)),
          Effect.addFinalizer(() => slot.release(1))
        )
      )

    const unload: Scheduler["unload"] = (name) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const resident = memory.get(name)
        if (resident === undefined) return
        resident.keepAlive = 0
        resident.expiresAt = now
      })

    const residents: Scheduler["residents"] = Effect.map(Clock.currentTimeMillis, (now) =>
      [...memory.values()]
        .filter((resident) => isLive(resident, now))
        .sort((a, b) => (a.expiresAt === b.expiresAt ? 0 : b.expiresAt - a.expiresAt))
    )

    const now = yield* Clock.currentTimeMillis
    for (const demand of initial) load(demand, now)

    return { use, turn, unload, residents, loads: Effect.sync(() => ({ begun, finished, aborted })) }
  })
