/** Where an attempt goes: the call as that server gets it, and what it shares there with others. */
import * as Effect from "effect/Effect"
import * as OllamaError from "../OllamaError.js"
import * as Context from "../internal/context.js"
import * as Attempt from "./attempt.js"
import * as Clocks from "./clocks.js"
import type * as Guards from "./guards.js"
import * as Hedged from "./hedged.js"
import type { Asked, Loader, Place, Routes } from "./routes.js"
import * as Running from "./running.js"
import type * as Server from "./server.js"
import * as Timing from "./timing.js"
import { Trail } from "./trail.js"

type Failure = OllamaError.OllamaError

export interface Target<A, Response> {
  readonly call: Running.Call<A, Response>
  readonly running: Running.Running
  readonly server: Server.Server
  readonly shared: Guards.Shared
  /** Where there are several servers: the right to be at this one. */
  readonly place: Place | undefined
  /** Learns of the attempt that was won before anything can interrupt. */
  readonly hold: (won: Attempt.Won<A, Response>) => void
}

/** A server for all attempts, or one for each. */
export type Aim<A, Response> = One<A, Response> | Several<A, Response>

export interface One<A, Response> {
  readonly _tag: "One"
  readonly target: Target<A, Response>
}

export interface Several<A, Response> {
  readonly _tag: "Several"
  readonly routes: Routes
  /** The call as it was made to be placed. */
  readonly call: Running.Call<A, Response>
  readonly first: Server.Server
  readonly at: (place: Place) => Effect.Effect<Target<A, Response>, Failure>
}

/** What makes targets of places. */
export interface Making<A, Response> {
  readonly call: Running.Call<A, Response>
  readonly running: Running.Running
  /** The server that the call was made for. */
  readonly server: Server.Server
  /** Makes the call for another one. */
  readonly draft: (server: Server.Server) => Effect.Effect<Running.Call<A, Response>, Failure>
  readonly holding: (server: Server.Server, call: Running.Call<A, Response>) => (won: Attempt.Won<A, Response>) => void
}

/** @param shared of this server */
export const one = <A, Response>(
  { call, holding, running, server }: Making<A, Response>,
  shared: Guards.Shared
): One<A, Response> => ({
  _tag: "One",
  target: { call, running, server, shared, place: undefined, hold: holding(server, call) }
})

export const several = <A, Response>(making: Making<A, Response>, routes: Routes): Several<A, Response> => {
  const { call: asPlaced, draft, holding, running: asBegun, server: first } = making
  return {
    _tag: "Several",
    routes,
    call: asPlaced,
    first,
    at: (place) => {
      const { server } = place
      // a server in the cloud has other paths, and no memory of ours
      const made = server.host.isCloud === first.host.isCloud ? Effect.succeed(asPlaced) : draft(server)
      return Effect.flatMap(made, (call) => {
        const running = Running.at(asBegun, server, call)
        const hold = holding(server, call)
        return Effect.map(server.guards.of(call.plan, running.settings.policy), (shared) => ({
          call,
          running,
          server,
          shared: place.isPanic ? { ...shared, host: undefined, model: undefined } : shared,
          place,
          hold: (won) => hold(leaving(won, place))
        }))
      })
    }
  }
}

// apart from the call, which would live as long as its answer
const leaving = <A, Response>(won: Attempt.Won<A, Response>, place: Place): Attempt.Won<A, Response> =>
  Attempt.closing(won, () => {
    const { generated = 0, prompt = 0 } = Timing.tokens(won.trail.last)
    const answer = { outcome: won.outcome(), timing: won.timing(), tokens: prompt + generated }
    return Effect.sync(() => place.leave(answer))
  })

const offline: Context.Seed = (common) =>
  new OllamaError.Unreachable({
    ...common,
    reason: "offline",
    remedy: "The server has stopped answering: look at it, and at the network between"
  })

/** The attempt, which is given up where its server is found not to answer any more. */
export const unlessLost = <A, Response>(
  { call, hold, running, server, shared }: Target<A, Response>,
  place: Place,
  earlier: ReadonlyArray<OllamaError.Attempt>
): Effect.Effect<Attempt.Won<A, Response>, Failure> =>
  Effect.suspend(() => {
    const { clock, journal, startedAt } = running
    let isLost = false
    let late: Attempt.Won<A, Response> | undefined
    const lost = Effect.async<never, Failure>((resume) => {
      const stop = place.onLost(() => {
        isLost = true
        const about = Running.context(call, server, startedAt)
        const now = clock.unsafeCurrentTimeMillis()
        resume(Effect.fail(Context.make(offline, about, { phase: journal.phase().phase, now, attempts: earlier })))
      })
      return Effect.sync(stop)
    })
    const attempt = Hedged.run(call, running, server, shared, earlier, (won) => {
      if (isLost) late = won
      else hold(won)
    })
    // what is won in the moment in which it is given up is nobody's
    return Effect.onError(Effect.raceFirst(attempt, lost), () => late?.close ?? Effect.void)
  })

/** What is asked of the fleet for the next attempt. */
export const asked = <A, Response>(
  { call, first }: Several<A, Response>,
  running: Running.Running,
  { barred, earlier, tried }: Pick<Asked, "barred" | "tried"> & { readonly earlier: ReadonlyArray<OllamaError.Attempt> }
): Asked => {
  const { clock, deadline, journal, limits, note, settings, startedAt } = running
  const about = Running.context(call, first, startedAt)
  const { host: _, ...nobody } = about
  return {
    plan: call.plan,
    journal,
    loader: () => loader({ ...call, plan: Attempt.bare(call.plan) }, running),
    deadline,
    priority: settings.options?.priority,
    tried,
    barred,
    refused: (seed, phase) => {
      const now = clock.unsafeCurrentTimeMillis()
      return Context.make(seed, nobody, { phase, now, attempts: earlier })
    },
    late: () => Clocks.late(nobody, clock, earlier, "queue", limits),
    note
  }
}

// apart from the call, whose words it would keep
const loader = <A, Response>(call: Running.Call<A, Response>, { clock, limits, settings }: Running.Running): Loader => {
  const { lineLimit, watchdog } = settings
  return (server) =>
    Effect.suspend(() => {
      const startedAt = clock.unsafeCurrentTimeMillis()
      const { host, residency } = server
      const trail = new Trail(startedAt, host.address.url, call.plan.model)
      const options = { host, residency, watchdog, limits, lineLimit, trail, earlier: [], deadline: undefined }
      return Attempt.preload(call.plan, { ...options, call: Running.context(call, server, startedAt) }, clock)
    })
}
