/** Effects and streams that hold a permit while they run, and wait for it first. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Bracket from "../../internal/bracket.js"
import type * as OllamaError from "../../OllamaError.js"
import type { AcquireOptions, Permits } from "../Concurrency.js"
import { type Gate, type Permit, waiterOf } from "./gate.js"
import type { Refusal } from "./refusal.js"

/** How often a weight that grows is looked at while calls wait. */
const rampInterval = "1 second"

export const make = (
  gate: Gate,
  scope: Scope.Scope,
  failure: (refusal: Refusal) => OllamaError.Overloaded
): Pick<Permits, "acquire" | "run" | "runStream"> => {
  const ramp = makeRamp(gate, scope)

  const acquire = (options?: AcquireOptions): Effect.Effect<Permit, Refusal> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.clock, (clock) => {
        const granted = gate.tryAcquire(clock.unsafeCurrentTimeMillis(), options)
        if (granted?._tag === "Refusal") return Effect.fail(granted)
        if (granted !== undefined) {
          options?.hold?.(granted)
          return Effect.succeed(granted)
        }
        const wait = turn(gate, clock, options, restore)
        return gate.weightAt(clock.unsafeCurrentTimeMillis()) < 1 ? Effect.zipRight(ramp(clock), wait) : wait
      })
    )

  /** A permit at once, or what waits for one; `end` gives it back. */
  const begin = (clock: Clock.Clock, options: AcquireOptions | undefined) => {
    let permit: Permit | undefined
    const hold = (granted: Permit): void => {
      permit = granted
      options?.hold?.(granted)
    }
    const granted = gate.tryAcquire(clock.unsafeCurrentTimeMillis(), options)
    if (granted?._tag === "Permit") hold(granted)
    const end = (): void => permit?.release(clock.unsafeCurrentTimeMillis())
    if (permit !== undefined) return { waiting: undefined, end }
    const waiting = granted?._tag === "Refusal" ? Effect.fail(granted) : acquire({ ...options, hold })
    return { waiting: Effect.mapError(waiting, failure), end }
  }

  return {
    acquire,
    run: (effect, options) =>
      Bracket.effect(Effect.clock, (clock) => {
        const { end, waiting } = begin(clock, options)
        return { effect: waiting === undefined ? effect : Effect.zipRight(waiting, effect), end }
      }),
    runStream: (stream, options) =>
      Bracket.stream(Effect.clock, (clock) => {
        const { end, waiting } = begin(clock, options)
        return { stream: waiting === undefined ? stream : Stream.unwrap(Effect.as(waiting, stream)), end }
      })
  }
}

/** Waits for a permit. To be run where nothing can interrupt but what `restore` is around. */
const turn = (
  gate: Gate,
  clock: Clock.Clock,
  options: AcquireOptions | undefined,
  restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>
): Effect.Effect<Permit, Refusal> => {
  let abandon = (): void => {}
  const wait = Effect.async<Permit, Refusal>((resume) => {
    const now = clock.unsafeCurrentTimeMillis()
    const grant = (permit: Permit): void => {
      abandon = () => permit.release(clock.unsafeCurrentTimeMillis())
      options?.hold?.(permit)
      resume(Effect.succeed(permit))
    }
    const refuse = (refusal: Refusal): void => {
      abandon = () => {}
      resume(Effect.fail(refusal))
    }
    // once more: the fiber may have been made to yield since it was told to wait
    const granted = gate.tryAcquire(now, options)
    if (granted?._tag === "Permit") return grant(granted)
    if (granted?._tag === "Refusal") return refuse(granted)
    const waiter = waiterOf(options, { grant, refuse })
    abandon = () => gate.leave(clock.unsafeCurrentTimeMillis(), waiter)
    gate.enqueue(now, waiter)
  })
  return Effect.catchAllCause(restore(wait), (cause) => {
    abandon()
    return Effect.failCause(cause)
  })
}

/** While calls wait because a weight has not grown yet, one fiber looks whether it has. */
const makeRamp = (gate: Gate, scope: Scope.Scope) => {
  let isRunning = false
  const climb = (clock: Clock.Clock): Effect.Effect<void> =>
    Effect.flatMap(Effect.sleep(rampInterval), () => {
      const now = clock.unsafeCurrentTimeMillis()
      gate.handOver(now)
      return gate.queue.size > 0 && gate.weightAt(now) < 1 ? climb(clock) : Effect.void
    })
  const over = Effect.sync(() => {
    isRunning = false
  })
  return (clock: Clock.Clock): Effect.Effect<void> => {
    if (isRunning) return Effect.void
    isRunning = true
    return Effect.asVoid(Effect.forkIn(Effect.ensuring(Effect.interruptible(climb(clock)), over), scope))
  }
}
