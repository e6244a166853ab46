/**
 * The scheduler's state with its transitions, by the rules of Ollama's `server/sched.go`. None of them can be interrupted,
 * and each is told the time (milliseconds) at which it happens.
 *
 * A request for a model that is loaded with its options goes on at once and waits for a turn of that model. All others
 * stand in one line with a limit. One worker takes them in order and does one thing at a time: it makes room (and waits
 * for answers that run on what has to go), then loads. The load belongs to the request that it is done for: when its
 * client leaves, the load is thrown away. Whoever leaves the line keeps the place until the worker comes to it, and a
 * worker that waits for room goes on waiting. What has to go is still open to new requests, and a keep_alive that one of
 * them brings counts: the worker waits until it is over.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Refusal } from "./json.js"
import * as ledger from "./ledger.js"
import type { Installed } from "./models.js"
import * as runners from "./runner.js"
import * as slots from "./slots.js"
import * as values from "./values.js"

/** What a request wants of a model. */
export interface Demand {
  readonly model: Installed
  readonly settings: values.Settings
  /** Milliseconds; `undefined` keeps what is in force. */
  readonly keepAlive: number | undefined
  /** Whether it needs a turn; one that only loads does not. */
  readonly runs: boolean
}

/** The model in memory, held for a request, and its place in the line for a turn. */
export interface Lease {
  readonly runner: runners.Runner
  readonly place: slots.Place | undefined
}

export interface Limits {
  /** How many may wait for the worker. */
  readonly maxQueue: number
  /** Models in memory. */
  readonly maxLoaded: number
  /** Bytes. */
  readonly memory: number
  /** Milliseconds. */
  readonly keepAlive: number
  readonly parallel: (model: Installed) => number
  /** Answers of all models at a time; `undefined` where each has its own. */
  readonly together: number | undefined
  /** How long a load takes now, in milliseconds. */
  readonly loadTime: (model: Installed) => number
}

/** What is answered where the scheduler itself refuses. */
export interface Words {
  readonly busy: Refusal
  readonly tooLarge: (model: Installed) => Refusal
  readonly died: Refusal
}

export interface Load {
  readonly millis: number
  readonly begunAt: number
  /** Fails when the process dies before it is ready. */
  readonly death: Deferred.Deferred<never, Refusal>
  /** Done when the load is over, however it ends. */
  readonly over: Deferred.Deferred<void>
}

/** A request in the hands of the scheduler. */
export interface Ticket {
  readonly demand: Demand
  /** The worker's word: the model is there, or load it now. */
  readonly called: Deferred.Deferred<Lease | Load, Refusal>
  state: "queued" | "served" | "loading" | "holding" | "over"
  load: Load | undefined
  lease: Lease | undefined
}

/** The state with its transitions; none of them can be interrupted, and each takes the time at which it happens. */
export const make = (limits: Limits, words: Words) => {
  const loaded = new Map<string, runners.Runner>()
  const counts = ledger.make()
  const line = limits.together === undefined ? undefined : slots.line(limits.together)
  let queue: Array<Ticket> = []
  /** What the worker is at: it loads for it, or waits until something has left the memory. */
  let serving: Ticket | undefined
  /** Whether something has left the memory since the worker looked. */
  let hasLeft = false

  const loading = (): Ticket | undefined => (serving?.state === "loading" ? serving : undefined)

  const isWaiting = (): boolean => serving !== undefined && serving.state !== "loading"

  const used = (): number => {
    let bytes = loading()?.demand.model.size ?? 0
    for (const { model } of loaded.values()) bytes += model.size
    return bytes
  }

  const runnerOf = (demand: Demand, keepAlive: number, usedAt: number): runners.Runner =>
    runners.make({
      model: demand.model,
      settings: demand.settings,
      slots: slots.make(limits.parallel(demand.model), (busy) => counts.busy(demand.model.name, busy), line),
      keepAlive,
      usedAt
    })

  const serves = (runner: runners.Runner, demand: Demand): boolean =>
    !runner.isDead && !values.differ(runner.settings, demand.settings)

  /** Counts in, and takes a place for a turn: nobody who comes later stands before it. */
  const hold = (ticket: Ticket, runner: runners.Runner, now: number): Lease => {
    const lease: Lease = { runner, place: ticket.demand.runs ? runner.slots.enter() : undefined }
    runner.users++
    runner.usedAt = now
    if (ticket.demand.keepAlive !== undefined) {
      runner.keepAlive = ticket.demand.keepAlive
      runner.isVictim = false
    }
    ticket.state = "holding"
    ticket.lease = lease
    return lease
  }

  const refuse = (ticket: Ticket, refusal: Refusal): void => {
    ticket.state = "over"
    counts.gone(ticket.demand.model.name)
    Deferred.unsafeDone(ticket.called, Effect.fail(refusal))
  }

  const remove = (runner: runners.Runner): void => {
    if (loaded.get(runner.model.name) !== runner) return
    loaded.delete(runner.model.name)
    if (runner.isVictim) counts.evicted()
    hasLeft = true
  }

  const begin = (ticket: Ticket, now: number): void => {
    const load: Load = {
      begunAt: now,
      millis: limits.loadTime(ticket.demand.model),
      death: Deferred.unsafeMake(FiberId.none),
      over: Deferred.unsafeMake(FiberId.none)
    }
    ticket.state = "loading"
    ticket.load = load
    counts.loads("begun")
    Deferred.unsafeDone(ticket.called, Effect.succeed(load))
  }

  /** One step for the request the worker is at; whether it is done with it. */
  const step = (ticket: Ticket, now: number): boolean => {
    const { demand } = ticket
    if (ticket.state === "over") return true
    const current = loaded.get(demand.model.name)
    if (current !== undefined && serves(current, demand)) {
      Deferred.unsafeDone(ticket.called, Effect.succeed(hold(ticket, current, now)))
      return true
    }
    const fits = loaded.size < limits.maxLoaded && used() + demand.model.size <= limits.memory
    const leaving = current ?? (fits ? undefined : runners.victim(loaded.values()))
    if (leaving !== undefined) {
      leaving.keepAlive = 0
      leaving.isVictim = leaving !== current
      if (leaving.users === 0) remove(leaving)
      return false
    }
    if (fits) {
      begin(ticket, now)
      return false
    }
    counts.loads("begun")
    counts.loads("failed")
    refuse(ticket, words.tooLarge(demand.model))
    return true
  }

  /** Works until it loads, has to wait, or has nothing to do. */
  const work = (now: number): void => {
    while (serving !== undefined) {
      hasLeft = false
      if (step(serving, now)) serving = queue.shift()
      else if (!hasLeft) return
      if (serving?.state === "queued") serving.state = "served"
    }
  }

  /** A worker that waits goes on when something has left the memory, and not before. */
  const goOn = (now: number): void => {
    if (hasLeft && loading() === undefined) work(now)
  }

  const next = (now: number): void => {
    serving = queue.shift()
    if (serving?.state === "queued") serving.state = "served"
    work(now)
  }

  /** Lets go whose time is over. */
  const settle = (now: number): void => {
    for (const runner of loaded.values()) if (runners.isExpired(runner, now)) remove(runner)
    goOn(now)
  }

  const arrive = (demand: Demand, now: number): Ticket => {
    settle(now)
    const ticket: Ticket = {
      demand,
      called: Deferred.unsafeMake(FiberId.none),
      state: "queued",
      load: undefined,
      lease: undefined
    }
    const current = loaded.get(demand.model.name)
    const isThere = current !== undefined && serves(current, demand)
    if (!isThere && serving !== undefined && queue.length >= limits.maxQueue) {
      ticket.state = "over"
      Deferred.unsafeDone(ticket.called, Effect.fail(words.busy))
      return ticket
    }
    counts.come(demand.model.name)
    if (isThere) {
      Deferred.unsafeDone(ticket.called, Effect.succeed(hold(ticket, current, now)))
    } else {
      queue.push(ticket)
      if (serving === undefined) next(now)
    }
    return ticket
  }

  const endLoad = (ticket: Ticket, how: "finished" | "aborted" | "failed", now: number): void => {
    counts.loads(how)
    if (how !== "finished") counts.lost(now - (ticket.load?.begunAt ?? now))
    if (ticket.load !== undefined) Deferred.unsafeDone(ticket.load.over, Effect.void)
  }

  /** The load is complete, unless the process died or the server went down in the same moment. */
  const finish = (ticket: Ticket, now: number): Lease | undefined => {
    if (ticket.state !== "loading") return undefined
    const runner = runnerOf(ticket.demand, ticket.demand.keepAlive ?? limits.keepAlive, now)
    loaded.set(ticket.demand.model.name, runner)
    endLoad(ticket, "finished", now)
    const lease = hold(ticket, runner, now)
    next(now)
    return lease
  }

  /** Counts out. Gives the milliseconds after which to settle, where somebody waits for the memory until then. */
  const letGo = ({ place, runner }: Lease, now: number): number | undefined => {
    if (place !== undefined) runner.slots.close(place)
    runner.users--
    runner.usedAt = now
    if (runner.users > 0) return undefined
    runner.expiresAt = now + runner.keepAlive
    if (runner.keepAlive <= 0) {
      remove(runner)
      goOn(now)
    }
    return isWaiting() && Number.isFinite(runner.keepAlive) ? runner.keepAlive : undefined
  }

  /** The request is over, or its client has left: from every state, once. */
  const close = (ticket: Ticket, now: number): number | undefined => {
    const was = ticket.state
    if (was === "over") return undefined
    ticket.state = "over"
    counts.gone(ticket.demand.model.name)
    if (was === "holding" && ticket.lease !== undefined) return letGo(ticket.lease, now)
    if (was === "loading") {
      endLoad(ticket, "aborted", now)
      next(now)
    }
    return undefined
  }

  const unload = (name: string, now: number): void => {
    settle(now)
    const runner = loaded.get(name)
    if (runner === undefined) return
    runner.keepAlive = 0
    runner.expiresAt = now
    settle(now)
  }

  const crash = (name: string, now: number): boolean => {
    settle(now)
    const ticket = loading()
    if (ticket?.demand.model.name === name) {
      ticket.state = "over"
      counts.gone(name)
      counts.crashed()
      if (ticket.load !== undefined) Deferred.unsafeDone(ticket.load.death, Effect.fail(words.died))
      endLoad(ticket, "failed", now)
      next(now)
      return true
    }
    const runner = loaded.get(name)
    if (runner === undefined || runner.isDead) return false
    counts.crashed()
    runners.kill(runner)
    return true
  }

  /** Nobody is told: the connections of all of them break. */
  const reset = (now: number): void => {
    const ticket = loading()
    if (ticket !== undefined) endLoad(ticket, "aborted", now)
    for (const waiting of serving === undefined ? queue : [serving, ...queue]) {
      if (waiting.state !== "over") counts.gone(waiting.demand.model.name)
      waiting.state = "over"
    }
    loaded.clear()
    queue = []
    serving = undefined
  }

  const put = (demand: Demand, now: number): void => {
    if (loaded.size >= limits.maxLoaded || used() + demand.model.size > limits.memory) return
    const runner = runnerOf(demand, limits.keepAlive, now)
    runner.expiresAt = now + runner.keepAlive
    loaded.set(demand.model.name, runner)
  }

  const snapshot = (): ledger.Counts =>
    counts.read({
      queued: queue.length,
      loading: loading()?.demand.model.name,
      isWaiting: isWaiting(),
      used: used(),
      runners: [...loaded.values()]
    })

  return { arrive, close, crash, finish, loaded, loading, put, reset, settle, snapshot, unload }
}
