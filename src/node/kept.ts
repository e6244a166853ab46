/**
 * The connections that are kept for the next call, by origin. They die together (the server restarts, a firewall forgets
 * them, the machine changes its network), so one that turns out to be dead takes the others with it: else a call that is
 * sent again would meet them one after the other, and spend its attempts on them.
 */
import * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Kept {
  /** Sends over a connection that is kept for the origin, or a fresh one. */
  readonly dispatch: Undici.Dispatcher["dispatch"]
  /** Keeps no connection any longer that there is to this origin; calls that use one go on. */
  readonly renew: (origin: string) => void
}

/** All connections end with the Scope. */
export const make = (options: Undici.Agent.Options): Effect.Effect<Kept, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ current: new Map<string, Undici.Agent>(), living: new Set<Undici.Agent>() })),
      ({ current, living }) =>
        Effect.promise(() => {
          current.clear()
          return Promise.all([...living].map((agent) => agent.destroy()))
        })
    ),
    ({ current, living }) => {
      const of = (origin: string): Undici.Agent => {
        const known = current.get(origin)
        if (known !== undefined) return known
        const agent = new Undici.Agent(options)
        current.set(origin, agent)
        living.add(agent)
        return agent
      }
      return {
        dispatch: (options, handler) => of(String(options.origin)).dispatch(options, handler),
        renew: (origin) => {
          const agent = current.get(origin)
          if (agent === undefined) return
          current.delete(origin)
          const over = () => living.delete(agent)
          // it fails where the Scope ends first, and destroys it
          agent.close().then(over, over)
        }
      }
    }
  )
