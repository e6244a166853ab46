/** What has to become of loads and of those who wait for them, said in the simplest way: one event after the other. */

/** What the server does with a load: it ends well or badly after so long, or hangs. */
export type Outcome = { readonly after: number; readonly good: boolean } | "hangs"

export type CallerState = "waiting" | "answered" | "failed" | "expired" | "left"

interface Load {
  readonly startedAt: number
  readonly outcome: Outcome
  state: "running" | "ended" | "aborted"
  /** The largest limit of those who waited. */
  longest: number
  isEndless: boolean
  leftAt: number
}

interface Caller {
  readonly joinedAt: number
  readonly limit: number | undefined
  readonly load: Load | undefined
  hasLooked: boolean
  state: CallerState
}

interface Event {
  readonly at: number
  readonly happen: () => void
}

const grace = 300_000
const warmFor = 60_000
const lookBefore = 500

export const make = (outcomes: ReadonlyArray<Outcome>) => {
  const loads: Array<Load> = []
  const callers: Array<Caller> = []
  let now = 0
  let warmUntil = 0
  let current: Load | undefined

  const waitingFor = (load: Load) => callers.filter((caller) => caller.load === load && caller.state === "waiting")

  const seen = (): void => {
    warmUntil = now + warmFor
  }

  const leave = (caller: Caller, state: CallerState): void => {
    caller.state = state
    if (state === "answered") seen()
    if (caller.load !== undefined && waitingFor(caller.load).length === 0) caller.load.leftAt = now
  }

  const over = (load: Load, state: Load["state"]): void => {
    load.state = state
    if (current === load) current = undefined
  }

  const eventsOf = (load: Load): ReadonlyArray<Event> => {
    if (load.state !== "running") return []
    const waiting = waitingFor(load)
    const until = Math.max(load.startedAt + load.longest, load.isEndless ? load.leftAt + grace : 0)
    const { outcome } = load
    const end: Event | undefined =
      outcome === "hangs"
        ? undefined
        : {
            at: load.startedAt + outcome.after,
            happen: () => {
              over(load, "ended")
              if (outcome.good) seen()
              for (const caller of waiting) leave(caller, outcome.good ? "answered" : "failed")
            }
          }
    return [
      ...(end === undefined ? [] : [end]),
      ...(waiting.length > 0 ? [] : [{ at: until, happen: () => over(load, "aborted") }])
    ]
  }

  const eventOf = (caller: Caller): ReadonlyArray<Event> => {
    const { joinedAt, limit, state } = caller
    if (state !== "waiting" || limit === undefined) return []
    if (caller.hasLooked) return [{ at: joinedAt + limit, happen: () => leave(caller, "expired") }]
    return [
      {
        at: joinedAt + limit - lookBefore,
        happen: () => {
          caller.hasLooked = true
          if (now < warmUntil) leave(caller, "answered")
        }
      }
    ]
  }

  const next = (until: number): Event | undefined =>
    [...loads.flatMap(eventsOf), ...callers.flatMap(eventOf)]
      .filter((event) => event.at <= until)
      .sort((a, b) => a.at - b.at)[0]

  const advance = (millis: number): void => {
    const until = now + millis
    for (let event = next(until); event !== undefined; event = next(until)) {
      now = Math.max(now, event.at)
      event.happen()
    }
    now = until
  }

  const begin = (): Load => {
    const load: Load = {
      startedAt: now,
      outcome: outcomes[loads.length % outcomes.length] ?? "hangs",
      state: "running",
      longest: grace,
      isEndless: false,
      leftAt: now
    }
    loads.push(load)
    current = load
    return load
  }

  return {
    callers,
    loads,
    advance,
    join: (limit: number | undefined): void => {
      if (now < warmUntil) {
        callers.push({ joinedAt: now, limit, load: undefined, hasLooked: false, state: "answered" })
        return seen()
      }
      const isShared = current !== undefined && now < current.startedAt + Math.max(current.longest, limit ?? 0)
      const load = isShared && current !== undefined ? current : begin()
      if (limit === undefined) load.isEndless = true
      else load.longest = Math.max(load.longest, limit)
      callers.push({ joinedAt: now, limit, load, hasLooked: false, state: "waiting" })
    },
    leave: (index: number): void => {
      const caller = callers[index]
      if (caller?.state === "waiting") leave(caller, "left")
      advance(0)
    },
    /** The client is closed: what it loads is thrown away, and who waits asks for himself. */
    close: (): void => {
      for (const load of loads) if (load.state === "running") over(load, "aborted")
      for (const caller of callers) if (caller.state === "waiting") caller.state = "answered"
    }
  }
}
