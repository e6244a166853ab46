/** What the tests of the client's loads have in common. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { cold, loadAnswer } from "../support/loading.js"
import { chat, late, psEmpty } from "../support/replies.js"
import { make, type Route, type Server } from "../support/server.js"

export const firstToken = 30_000 + 10 * "Hello".length
export const load = 300_000
export const minute = 60_000

/** A server that has nothing in memory, and takes a minute to load. */
export const coldServer = (loads: Route = late(minute, loadAnswer), calls: Route = chat("a")): Server =>
  make({ "/api/chat": cold(calls, loads), "/api/ps": psEmpty })

/** Begins a call, up to where it waits. */
export const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.tap(Effect.fork(effect), () => TestClock.adjust(0))

/** Interrupts a call, until the server has noticed. */
export const leave = (caller: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.tap(Fiber.interrupt(caller), () => TestClock.adjust(0))
