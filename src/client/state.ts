/** What a client holds at a moment. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ClientState, HostState, ModelState, RunningCall } from "../record/CallEvent.js"
import type { Hub } from "./hub.js"
import type { Journal } from "./journal.js"
import type { Knowledge } from "./knowledge.js"
import type { Server } from "./server.js"
import type { Servers } from "./servers.js"

const ofHost = ({ guards, host, residency }: Server): Effect.Effect<HostState> =>
  Effect.map(guards.state, ({ breaker, models }) => {
    const loading = new Set(residency.preloads.running())
    const names = new Set([...models.keys(), ...loading])
    return {
      host: host.address.url,
      breaker,
      models: [...names].map((model): ModelState => {
        const held = models.get(model)
        return {
          model,
          breaker: held?.breaker,
          inFlight: held?.inFlight,
          queued: held?.queued,
          limit: held?.limit,
          isLoading: loading.has(model)
        }
      })
    }
  })

const ofCall = (journal: Journal, knowledge: Knowledge, now: number): RunningCall => {
  const { phase, since } = journal.phase()
  return {
    call: journal.whereabouts,
    phase,
    elapsed: Duration.millis(now - journal.about.startedAt),
    inPhase: Duration.millis(now - since),
    chunks: journal.current()?.came().values ?? 0,
    verdict: knowledge.verdict(journal, now)
  }
}

export const make = (servers: Servers, hub: Hub, knowledge: Knowledge): Effect.Effect<ClientState> =>
  Effect.suspend(() =>
    Effect.all({
      hosts: Effect.forEach(servers.all(), ofHost),
      budget: servers.budget()?.state ?? Effect.succeed(undefined),
      now: Clock.currentTimeMillis
    })
  ).pipe(
    Effect.map(({ budget, hosts, now }) => ({
      hosts,
      budget: budget?.tokens,
      running: [...hub.running].map((journal) => ofCall(journal, knowledge, now)),
      dropped: hub.dropped()
    }))
  )
