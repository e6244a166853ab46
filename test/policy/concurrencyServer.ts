/** A server with so many slots, calls that come to it, and what `Concurrency.learn` makes of its answers; in no time. */
import { Concurrency } from "effect-ollama"

/** Chances, the same for the same seed (mulberry32). */
const chances = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** How long an answer takes, in seconds; 5 on average. */
export const services = {
  "the same": () => 5,
  "one to nine seconds": (unit: () => number) => 1 + 8 * unit(),
  exponential: (unit: () => number) => -Math.log(1 - unit()) * 5
}

export interface Scenario {
  /** Calls that it works on at once, at a time. */
  readonly parallelism: (now: number) => number
  readonly service: (unit: () => number) => number
  /** So many callers who each ask again when they have their answer, or calls per second. */
  readonly load: { readonly callers: number } | { readonly rate: number }
  /** Calls per second of another client, which we know nothing of. */
  readonly others?: number
  /** The share of its work that a server takes besides. */
  readonly overhead?: number
  readonly seed: number
  readonly calls: number
}

export interface Moment {
  readonly at: number
  readonly learning: Concurrency.Learning
}

/** What was learned, answer by answer, and the seconds of work per second that our calls got. */
export const simulate = (scenario: Scenario): { readonly moments: ReadonlyArray<Moment>; readonly used: number } => {
  const unit = chances(scenario.seed)
  const moments: Array<Moment> = []
  const events: Array<{ readonly at: number; readonly run: () => void }> = []
  const atServer: Array<() => void> = []
  let now = 0
  let running = 0
  let inFlight = 0
  let waiting = 0
  let work = 0
  let learning = Concurrency.nothingLearned

  const at = (time: number, run: () => void): void => {
    // from behind: the next event is the last, and of two at the same time the first to be put in
    let i = events.length
    while (i > 0 && (events[i - 1]?.at ?? 0) <= time) i--
    events.splice(i, 0, { at: time, run })
  }
  const after = (rate: number): number => now - Math.log(1 - unit()) / rate

  const serve = (seconds: number, done: (wait: number) => void): void => {
    const came = now
    atServer.push(() => {
      running++
      const wait = now - came
      at(now + seconds, () => {
        running--
        begin()
        done(wait)
      })
    })
    begin()
  }
  const begin = (): void => {
    while (running < scenario.parallelism(now)) {
      const first = atServer.shift()
      if (first === undefined) return
      first()
    }
  }

  const send = (): void => {
    inFlight++
    const sentWith = inFlight
    const service = scenario.service(unit)
    serve(service, (wait) => {
      inFlight--
      work += service
      const queueSeconds = wait + service * (scenario.overhead ?? 0.005)
      learning = Concurrency.learn(learning, { inFlight: sentWith, queueSeconds, serviceSeconds: service })
      moments.push({ at: now, learning })
      if ("callers" in scenario.load) waiting++
      sendAll()
    })
  }
  const sendAll = (): void => {
    while (waiting > 0 && inFlight < Concurrency.limitOf(learning)) {
      waiting--
      send()
    }
  }

  const { load, others } = scenario
  const come = (): void => {
    waiting++
    sendAll()
    if ("rate" in load) at(after(load.rate), come)
  }
  const meddle = (rate: number): void => {
    serve(services.exponential(unit), () => {})
    at(after(rate), () => meddle(rate))
  }
  if ("callers" in load) {
    waiting = load.callers
    sendAll()
  } else come()
  if (others !== undefined) at(after(others), () => meddle(others))

  while (moments.length < scenario.calls) {
    const event = events.pop()
    if (event === undefined) throw new Error("nothing is left to happen")
    now = event.at
    event.run()
  }
  return { moments, used: work / now }
}

/** The share of the time, from the answer with this number on, in which the learned number was between these. */
export const timeBetween = (
  moments: ReadonlyArray<Moment>,
  from: number,
  [least, most]: readonly [number, number]
): number => {
  const later = moments.slice(from)
  let between = 0
  later.forEach(({ at, learning }, i) => {
    const until = later[i + 1]?.at ?? at
    if (learning.parallelism >= least && learning.parallelism <= most) between += until - at
  })
  return between / ((later.at(-1)?.at ?? 0) - (later[0]?.at ?? 0))
}
