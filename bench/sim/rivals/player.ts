/** Plays a balancer by its rules. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Client, Player, Site } from "../contestant.js"
import { dice } from "../dice.js"
import { done, type Ending, failed } from "../outcome.js"
import { deadline } from "../scenario.js"
import type { Request } from "../traffic.js"
import * as exchange from "./exchange.js"
import { known, type Known, type Rules } from "./rules.js"

/** Milliseconds in which the moving mean forgets. */
const memory = 10_000

const learn = (host: Known, took: number, now: number): void => {
  const kept = Math.exp(-(now - host.ewmaAt) / memory)
  host.ewma = took > host.ewma * kept ? took : took * (1 - kept) + host.ewma * kept
  host.ewmaAt = now
}

const lowest = (hosts: ReadonlyArray<Known>, score: (host: Known) => number): Known | undefined => {
  let best: Known | undefined
  let least = Infinity
  for (const host of hosts) {
    const points = score(host)
    if (points < least) {
      least = points
      best = host
    }
  }
  return best
}

const make = (rules: Rules, site: Site) =>
  Effect.gen(function* () {
    const random = dice(site.seed)
    const hosts = site.scenario.machines.map((machine, index) => known(index, machine))
    let turn = 0

    const leaveAlone = (host: Known, millis: number, now: number): void => {
      host.outUntil = Math.max(host.outUntil, now + millis)
      host.cooldowns++
      site.ejected(host.index, true)
    }

    const choose = (request: Request, tried: ReadonlySet<number>, now: number): Known | undefined => {
      turn++
      const left = hosts.filter(({ index }) => !rules.avoidsTried || !tried.has(index))
      const open = left.filter(({ outUntil }) => outUntil <= now)
      let candidates = open.length > 0 ? open : left
      if (rules.ofTwo === true && candidates.length > 2) {
        const first = Math.floor(random() * candidates.length)
        const other = Math.floor(random() * (candidates.length - 1))
        candidates = [candidates[first]!, candidates[other >= first ? other + 1 : other]!]
      }
      const ask = { scenario: site.scenario, request, hosts, turn, now, random }
      return lowest(candidates, (host) => rules.score(host, ask))
    }

    /** One attempt, with what it teaches. */
    const attempt = (host: Known, request: Request, onFirst: () => void) =>
      Effect.gen(function* () {
        const sent = yield* Clock.currentTimeMillis
        let hasAnswered = false
        const talk = exchange.chat(site.http, site.scenario, site.hosts[host.index]!, request, () => {
          hasAnswered = true
          onFirst()
        })
        const limited =
          rules.firstByteLimit === undefined
            ? talk
            : Effect.raceFirst(
                talk,
                Effect.flatMap(Effect.sleep(rules.firstByteLimit), () =>
                  hasAnswered ? Effect.never : new exchange.Lost({ how: "first byte" })
                )
              )
        const result = yield* Effect.either(limited)
        const now = yield* Clock.currentTimeMillis
        host.ends.push({ at: now, isDone: result._tag === "Right" })
        if (result._tag === "Right") {
          learn(host, now - sent, now)
          host.answered++
          host.failures = 0
          host.timeouts = 0
          return undefined
        }
        const isTimeout = result.left.how === "first byte" || result.left.how === "connect timeout"
        if (isTimeout) host.timeouts++
        host.failures++
        const out = rules.cooldown?.(host, isTimeout, now)
        if (out !== undefined) leaveAlone(host, out, now)
        return { how: result.left.how, isTimeout, hasAnswered }
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            host.inFlight--
          })
        )
      )

    const attempts = (request: Request, onFirst: () => void): Effect.Effect<Ending> =>
      Effect.gen(function* () {
        const tried = new Set<number>()
        for (let count = 1; ; count++) {
          const host = choose(request, tried, yield* Clock.currentTimeMillis)
          if (host === undefined) return failed("no host")
          tried.add(host.index)
          host.inFlight++
          const lost = yield* attempt(host, request, onFirst)
          if (lost === undefined) return done
          const isOver =
            lost.hasAnswered || count >= rules.attempts || (lost.isTimeout && rules.timeoutsAreFinal === true)
          if (isOver) return failed(lost.how)
          const pause = rules.backoff(count, random)
          if (pause > 0) yield* Effect.sleep(pause)
        }
      })

    const every = (millis: number, look: (host: Known) => Effect.Effect<void>) =>
      Effect.forEach(
        hosts,
        (host) => Effect.forkScoped(Effect.forever(Effect.zipRight(look(host), Effect.sleep(millis)))),
        { discard: true }
      )

    if (rules.health !== undefined) {
      const { health } = rules
      yield* every(health, (host) =>
        Effect.flatMap(
          Effect.timeoutTo(exchange.isUp(site.http, site.hosts[host.index]!), {
            duration: 5000,
            onTimeout: () => false,
            onSuccess: (isUp) => isUp
          }),
          (isUp) =>
            Effect.map(Clock.currentTimeMillis, (now) => (isUp ? undefined : leaveAlone(host, 1.2 * health, now)))
        )
      )
    }
    if (rules.heartbeat !== undefined) {
      yield* every(rules.heartbeat, (host) =>
        Effect.matchEffect(Effect.timeout(exchange.running(site.http, site.hosts[host.index]!), 5000), {
          onFailure: () => Effect.void,
          onSuccess: (resident) =>
            Effect.sync(() => {
              host.resident = resident
            })
        })
      )
    }

    const client: Client = {
      run: (request, onFirst) =>
        Effect.timeoutTo(attempts(request, onFirst), {
          duration: deadline,
          onTimeout: () => failed("Timeout total"),
          onSuccess: (ending) => ending
        })
    }
    return client
  })

export const player = (rules: Rules): Player => ({
  _tag: "Player",
  name: rules.name,
  says: rules.says,
  connectLimit: rules.connectLimit,
  make: (site) => make(rules, site)
})
