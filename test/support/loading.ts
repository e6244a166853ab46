/** Routes that answer requests without a prompt, which only load a model, apart from calls. */
import * as Predicate from "effect/Predicate"
import { json, model, type Reply } from "./replies.js"
import type { Route, Seen, Server } from "./server.js"

/** Whether this request only loads a model. */
export const isLoad = ({ json }: Seen): boolean =>
  Predicate.isRecord(json) && !["messages", "prompt", "input"].some((field) => Predicate.hasProperty(json, field))

/** The answer to a request that only loads. */
export const loadAnswer: Reply = json({
  model,
  created_at: "2026-01-01T00:00:00Z",
  message: { role: "assistant", content: "" },
  done: true,
  done_reason: "load"
})

const pick = (route: Route, seen: Seen, nth: number): Reply => {
  if (typeof route === "function") return route(seen, nth)
  if (!("length" in route)) return route
  const reply = route[Math.min(nth, route.length - 1)]
  if (reply === undefined) throw new Error("a route without a reply")
  return reply
}

/** Loads are answered by the one, calls by the other, each counted for itself. */
export const cold = (calls: Route, loads: Route = loadAnswer): Route => {
  let nthLoad = 0
  let nthCall = 0
  return (seen) => (isLoad(seen) ? pick(loads, seen, nthLoad++) : pick(calls, seen, nthCall++))
}

/** The requests that only loaded, in their order. */
export const loadsOf = (server: Server): ReadonlyArray<Seen> =>
  server.seen.filter((seen) => seen.method === "POST" && isLoad(seen))

/** The calls proper, in their order. */
export const callsOf = (server: Server): ReadonlyArray<Seen> =>
  server.seen.filter((seen) => seen.method === "POST" && !isLoad(seen))
