/** Calls through a breaker, in virtual time. */
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { CircuitBreaker, OllamaError } from "effect-ollama"
import { expectTag } from "../support/clock.js"

export const call = { host: "http://h:11434", endpoint: "/api/chat", model: "m" }

/** A failure for a host, and one for a model. */
export const refused = new OllamaError.Unreachable({ ...call, reason: "refused" })
export const crashed = new OllamaError.ServerError({ ...call, crashed: true })

/** A breaker that opens at the second failure in a row, for 10 seconds; with some fields changed. */
export const simple = (patch: CircuitBreaker.Patch = {}): CircuitBreaker.CircuitBreaker =>
  CircuitBreaker.of({ consecutive: 2, belief: "off", openFor: "10 seconds", openFactor: 1, ramp: "off", ...patch })

export const make = (patch?: CircuitBreaker.Patch, options?: CircuitBreaker.Options) =>
  CircuitBreaker.make(simple(patch), options)

/** Calls that fail, so many times. */
export const fails = (breaker: CircuitBreaker.Breaker, times: number) =>
  Effect.repeatN(Effect.flip(breaker.run(Effect.fail(crashed))), times - 1)

/** Fails until it opens. */
export const opens = (breaker: CircuitBreaker.Breaker) =>
  Effect.iterate(undefined, {
    while: () => breaker.unsafeWeight(0) > 0,
    body: () => Effect.asVoid(fails(breaker, 1))
  })

/** Fails until it opens, and lets the wait pass. */
export const opensAndWaits = (breaker: CircuitBreaker.Breaker) =>
  Effect.gen(function* () {
    yield* opens(breaker)
    yield* TestClock.adjust((yield* breaker.state).retryAfter)
  })

/** The call is refused; gives the failure. */
export const isRefused = (breaker: CircuitBreaker.Breaker) =>
  Effect.map(Effect.flip(breaker.run(Effect.die("ran"))), (error) => expectTag(error, "CircuitOpen"))

export const stateIs = (breaker: CircuitBreaker.Breaker, state: CircuitBreaker.StateName) =>
  Effect.map(breaker.state, (found) => assert.strictEqual(found.state, state))

/** A call that takes so long. */
export const lasting = (duration: Duration.DurationInput) => Effect.sleep(duration)

export const nowMillis = Effect.map(Effect.clock, (clock) => clock.unsafeCurrentTimeMillis())

/** A call that is held open until it is settled by hand. */
export const held = (breaker: CircuitBreaker.Breaker) =>
  Effect.map(nowMillis, (now) => {
    const permit = breaker.unsafeAcquire(now)
    return permit._tag === "Permit" ? permit : assert.fail("refused")
  })

/** What is left until a call may pass, in milliseconds. */
export const waitOf = (breaker: CircuitBreaker.Breaker) =>
  Effect.map(breaker.state, ({ retryAfter }) => Duration.toMillis(retryAfter))

/** Runs what listens to changes until it hears. */
export const listening = <A>(use: Effect.Effect<A>) => Effect.tap(Effect.fork(use), () => TestClock.adjust(0))
