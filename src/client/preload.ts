/**
 * Loads of models that belong to the client and not to a call: one for each key, shared by all who wait for it. Ollama
 * throws a load away when the request that caused it is left (`server/sched.go`), so that request must not be the one
 * of a caller who may lose patience.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Watchdog from "../internal/watchdog.js"
import type * as OllamaError from "../OllamaError.js"

const none: ReadonlyArray<readonly [model: string, since: number]> = []

/** How a load ends: whether the model is in memory; where it was stopped with the client, that is not known. */
export type End = Exit.Exit<boolean, OllamaError.OllamaError>

/** Learns of the end, which endpoint was asked, and whether nobody else has learned of it before. */
export type OnEnd = (end: End, path: string, isFirst: boolean) => void

export interface Options {
  readonly clock: Clock.Clock
  readonly watchdog: Watchdog.Watchdog
  /** Milliseconds that the one who comes would wait for a load; `undefined` is no limit. */
  readonly limit: number | undefined
  readonly path: string
  /** What is loaded. */
  readonly model: string
  /** Run when there is no load to join. */
  readonly load: Effect.Effect<void, OllamaError.OllamaError>
}

export interface Preloads {
  /** Whether there is a load of this key to join. */
  readonly isRunning: (key: string, options: Pick<Options, "clock" | "limit">) => boolean
  /** Joins the load of this key, or begins it; gives what stops the wait. */
  readonly join: (key: string, options: Options, onEnd: OnEnd) => Effect.Effect<Effect.Effect<void>>
  /** The models that are being loaded. */
  readonly running: () => ReadonlyArray<string>
  /** The same, and since when; milliseconds on Clock. */
  readonly loads: () => ReadonlyArray<readonly [model: string, since: number]>
}

/** A load that has ended, however many waited for it. */
export interface Ended {
  readonly model: string
  readonly outcome: OllamaError.OllamaError | "success" | "left"
  /** Milliseconds. */
  readonly took: number
  /** Milliseconds on Clock. */
  readonly at: number
  /** Whether no other load of this client ran meanwhile. */
  readonly wasAlone: boolean
}

/** How long a load may go on that nobody waits for: the server's own limit, OLLAMA_LOAD_TIMEOUT. */
const grace = Duration.toMillis("5 minutes")

interface Load {
  readonly startedAt: number
  /** Whether one who comes now had better wait for this load than begin another. */
  readonly isFor: (options: Pick<Options, "clock" | "limit">) => boolean
  /** Gives what stops the wait. */
  readonly enter: (limit: number | undefined, onEnd: OnEnd) => Effect.Effect<void>
  readonly start: (scope: Scope.Scope) => Effect.Effect<void>
}

/**
 * @param onOver called when nobody is to join it any more
 * @param onEnded called when it has ended
 */
const makeLoad = (options: Options, onOver: () => void, onEnded: (ended: Omit<Ended, "wasAlone">) => void): Load => {
  const { clock, path, watchdog } = options
  const startedAt = clock.unsafeCurrentTimeMillis()
  const waiting = new Set<OnEnd>()
  let fiber: Fiber.RuntimeFiber<unknown> | undefined
  let isOver = false
  let leftAt = startedAt
  // at least the grace time: a patience that is shorter than the load would throw it away each time, for ever
  let longest = grace
  let isEndless = false

  const over = (): void => {
    isOver = true
    onOver()
  }

  /** Stops the load when its time has passed and nobody waits. */
  const lingering: Watchdog.Entry = {
    check: (now) => {
      if (isOver || waiting.size > 0) return Number.POSITIVE_INFINITY
      const until = Math.max(startedAt + longest, isEndless ? leftAt + grace : 0)
      if (now < until) return until
      over()
      fiber?.unsafeInterruptAsFork(FiberId.none)
      return Number.POSITIVE_INFINITY
    }
  }

  const load = Effect.onExit(Effect.interruptible(options.load), (exit) =>
    Effect.sync(() => {
      over()
      watchdog.remove(clock, lingering)
      const end = Exit.isInterrupted(exit) ? Exit.succeed(false) : Exit.as(exit, true)
      const at = clock.unsafeCurrentTimeMillis()
      onEnded({ model: options.model, outcome: outcomeOf(end), took: at - startedAt, at })
      let isFirst = true
      for (const onEnd of waiting) {
        onEnd(end, path, isFirst)
        isFirst = false
      }
    })
  )

  return {
    startedAt,
    // one that ought to have ended may hang on a dead connection; if it goes on after all, the server finds the model in
    // memory when it comes to the second request
    isFor: ({ clock, limit = 0 }) => clock.unsafeCurrentTimeMillis() < startedAt + Math.max(longest, limit),
    enter: (limit, onEnd) => {
      waiting.add(onEnd)
      if (limit === undefined) isEndless = true
      else longest = Math.max(longest, limit)
      return Effect.suspend(() => {
        waiting.delete(onEnd)
        if (waiting.size > 0 || isOver) return Effect.void
        leftAt = clock.unsafeCurrentTimeMillis()
        return watchdog.add(clock, lingering)
      })
    },
    start: (scope) =>
      Effect.map(Effect.forkIn(Effect.exit(load), scope), (forked) => {
        fiber = forked
      })
  }
}

/** One that nobody wanted to its end was left, and so was one that ended with the client. */
const outcomeOf = (end: End): Ended["outcome"] =>
  Exit.match(end, {
    onSuccess: (isLoaded) => (isLoaded ? "success" : "left"),
    onFailure: (cause) => Option.getOrElse(Cause.failureOption(cause), () => "left" as const)
  })

/**
 * @param scope of the client: loads end with it, and not with one of those who wait
 * @param onEnded learns of the end of each
 * @param onChange is told that one has begun, or is over
 */
export const make = (
  scope: Scope.Scope,
  onEnded: (ended: Ended) => void = constVoid,
  onChange: () => void = constVoid
): Preloads => {
  const loads = new Map<string, Load>()
  const models = new Map<Load, string>()
  const crowded = new WeakSet<Load>()

  const begin = (key: string, options: Options): Load => {
    onChange()
    const over = (): void => {
      onChange()
      models.delete(load)
      if (loads.get(key) === load) loads.delete(key)
    }
    // those that run already, and those that begin meanwhile
    for (const other of models.keys()) crowded.add(other)
    const load: Load = makeLoad(options, over, (ended) => onEnded({ ...ended, wasAlone: !crowded.has(load) }))
    if (models.size > 0) crowded.add(load)
    loads.set(key, load)
    models.set(load, options.model)
    return load
  }

  const find = (key: string, options: Pick<Options, "clock" | "limit">): Load | undefined => {
    const load = loads.get(key)
    return load?.isFor(options) ? load : undefined
  }

  return {
    running: () => [...models.values()],
    loads: () => (models.size === 0 ? none : [...models].map(([{ startedAt }, model]) => [model, startedAt] as const)),
    isRunning: (key, options) => find(key, options) !== undefined,
    join: (key, options, onEnd) =>
      // in a region that cannot be interrupted, also for the load: its end is noticed however early it comes
      Effect.uninterruptible(
        Effect.suspend(() => {
          const running = find(key, options)
          if (running !== undefined) return Effect.succeed(running.enter(options.limit, onEnd))
          const load = begin(key, options)
          const leave = load.enter(options.limit, onEnd)
          return Effect.as(load.start(scope), leave)
        })
      )
  }
}
