/**
 * The parts of a policy that have state, as the calls of one server share them: made when they are first needed, kept as
 * long as the client lives, and changed without losing what they have learned.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as CircuitBreaker from "../policy/CircuitBreaker.js"
import * as Concurrency from "../policy/Concurrency.js"
import * as Hedging from "../policy/Hedging.js"
import type { Policy } from "../policy/Policy.js"
import * as Throttle from "../policy/Throttle.js"
import type { Plan } from "./attempt.js"
import type { Hub } from "./hub.js"
import * as Residency from "./residency.js"

/** What a call shares with the other calls of its server and model; without what its policy switches off. */
export interface Shared {
  readonly throttle: Throttle.Throttler | undefined
  readonly host: CircuitBreaker.Breaker | undefined
  readonly model: CircuitBreaker.Breaker | undefined
  readonly permits: Concurrency.Permits | undefined
  readonly hedging: Hedging.Hedger | undefined
}

export interface Guards {
  /** @param policy that is in force for the call */
  readonly of: (plan: Target, policy: Policy) => Effect.Effect<Shared>
  /** The host answered somebody: there is no reason left to refuse calls to it. */
  readonly answered: Effect.Effect<void>
  /** Another policy: what did not change in it keeps its memory. */
  readonly retune: (policy: Policy) => Effect.Effect<void>
  /** What a fleet wants to know of them before it sends a call there. */
  readonly look: (model: string | undefined, now: number) => Look
  /** The breaker of the host, and what is held for each model. */
  readonly state: Effect.Effect<State>
  /** The breakers, as they stand. */
  readonly breakers: Effect.Effect<Breakers>
  /** Somebody else has seen otherwise of a model: the next calls of it decide. */
  readonly doubt: (model: string) => Effect.Effect<void>
}

export interface Breakers {
  readonly host: CircuitBreaker.Reading | undefined
  readonly models: ReadonlyMap<string, CircuitBreaker.Reading>
}

export interface State {
  readonly breaker: CircuitBreaker.StateName | undefined
  readonly models: ReadonlyMap<string, StateOfModel>
}

/** Counts of permits are absent where nothing limits the calls. */
export interface StateOfModel {
  readonly breaker: CircuitBreaker.StateName | undefined
  readonly inFlight: number | undefined
  readonly queued: number | undefined
  readonly limit: number | undefined
}

export interface Look {
  readonly host: CircuitBreaker.StateName | undefined
  /** For how much longer the breaker of the model refuses; milliseconds. */
  readonly refusedFor: number
  /** Whether that is so until something is told of a change. */
  readonly isSteady: boolean
  /** What was learned of the calls that the server works on at once: of this model, and of the others. */
  readonly own: Concurrency.Learning | undefined
  readonly others: ReadonlyArray<Concurrency.Learning>
}

/** What is looked at of a call. */
type Target = Pick<Plan<never, unknown>, "endpoint" | "model">

/** What the calls of one model share. */
interface OfModel {
  readonly scope: Scope.CloseableScope
  readonly breaker: CircuitBreaker.Breaker | undefined
  readonly permits: Concurrency.Permits | undefined
  readonly hedging: Hedging.Hedger | undefined
}

/** Models that are remembered at once; beyond it one that is idle is forgotten. */
const modelsLimit = 256

/** The others let calls pass as time goes by, and as trials come and go. */
const isSteady = (state: CircuitBreaker.StateName | undefined): boolean => state !== "open" && state !== "halfOpen"

const withoutRamp = { ramp: false }

const none: Omit<OfModel, "scope"> = { breaker: undefined, permits: undefined, hedging: undefined }

const breakersOf = ({ breaker }: Policy) => (breaker === "off" ? { host: breaker, model: breaker } : breaker)

/** Makes a part, changes it, or takes it away. */
export const tuned = <Value, Part>(
  part: Part | undefined,
  value: Value | "off",
  make: (value: Value) => Effect.Effect<Part, never, Scope.Scope>,
  retune: (part: Part, value: Value) => void
): Effect.Effect<Part | undefined, never, Scope.Scope> =>
  Effect.suspend(() => {
    if (value === "off") return Effect.succeed(undefined)
    if (part === undefined) return make(value)
    retune(part, value)
    return Effect.succeed(part)
  })

const nobody: ReadonlyArray<Concurrency.Learning> = []

/** What was learned of the other models; what is known for sure of one needs no others. */
const othersThan = (
  models: ReadonlyMap<string, OfModel>,
  model: string | undefined,
  own: Concurrency.Learning | undefined
): ReadonlyArray<Concurrency.Learning> => {
  if (own?.hasQueue === true || models.size <= (own === undefined ? 0 : 1)) return nobody
  const found: Array<Concurrency.Learning> = []
  for (const [name, { permits }] of models) {
    if (name !== model && permits !== undefined) found.push(permits.unsafeLearned())
  }
  return found
}

/** Whether a breaker would refuse a call that came at this moment. */
export const isRefusing = ({ host, model, permits }: Shared, at: number): boolean =>
  host?.unsafeIsRefusing(at) === true || model?.unsafeIsRefusing(at, { ramp: permits === undefined }) === true

/** Calls that occupy the model. */
const isGenerated = ({ endpoint }: Target): boolean => endpoint.kind === "generation" || endpoint.kind === "embedding"

const readingOf = (breaker: CircuitBreaker.Breaker | undefined) =>
  breaker === undefined ? Effect.succeed(undefined) : breaker.state

const stateOfBreaker = (breaker: CircuitBreaker.Breaker | undefined) =>
  Effect.map(readingOf(breaker), (reading) => reading?.state)

const readingsOf = (models: ReadonlyMap<string, OfModel>): Effect.Effect<Breakers["models"]> =>
  Effect.map(
    Effect.forEach([...models], ([model, { breaker }]) =>
      breaker === undefined ? Effect.succeed([]) : Effect.map(breaker.state, (state) => [[model, state] as const])
    ),
    (all) => new Map(all.flat())
  )

const stateOfModel = ({ breaker, permits }: OfModel): Effect.Effect<StateOfModel> =>
  Effect.map(
    Effect.all([stateOfBreaker(breaker), permits === undefined ? Effect.succeed(undefined) : permits.state]),
    ([breaker, state]) => {
      const { batch = 0, interactive = 0, normal = 0 } = state?.waiting ?? {}
      const limit = state?.limit
      return {
        breaker,
        inFlight: state?.inFlight,
        queued: state === undefined ? undefined : batch + interactive + normal,
        limit: limit !== undefined && Number.isFinite(limit) ? limit : undefined
      }
    }
  )

/**
 * @param scope of the client
 * @param hub is told what breakers do
 * @param onChange is told that something is not as `look` has said
 */
export const make = (
  initial: Policy,
  host: string,
  scope: Scope.Scope,
  hub: Hub,
  onChange: () => void
): Effect.Effect<Guards> =>
  Effect.gen(function* () {
    let policy = initial
    let breaker: CircuitBreaker.Breaker | undefined
    let throttle: Throttle.Throttler | undefined
    const models = new Map<string, OfModel>()

    const changed =
      (model: string | undefined) =>
      ({ from, to }: CircuitBreaker.Change): void => {
        onChange()
        if (hub.isHeard()) hub.tell({ _tag: "Breaker", host, model, from, to })
      }

    const tuneHost = Effect.suspend(() =>
      Effect.gen(function* () {
        throttle = yield* tuned(throttle, policy.throttle, Throttle.make, (part, value) => part.unsafeRetune(value))
        breaker = yield* tuned(
          breaker,
          breakersOf(policy).host,
          (value) => CircuitBreaker.make(value, { host, name: "host", onChange: changed(undefined) }),
          (part, value) => part.unsafeRetune(value)
        )
        onChange()
      }).pipe(Scope.extend(scope))
    )

    const tuneModel = (model: string, was: Omit<OfModel, "scope">, own: Scope.CloseableScope) =>
      Effect.suspend(() =>
        Effect.gen(function* () {
          const ofModel = yield* tuned(
            was.breaker,
            breakersOf(policy).model,
            (value) => CircuitBreaker.make(value, { host, model, name: "model", onChange: changed(model) }),
            (part, value) => part.unsafeRetune(value)
          )
          const permits = yield* tuned(
            was.permits,
            policy.concurrency,
            (value) =>
              Concurrency.make(value, {
                host,
                model,
                // who comes back after a recovery waits for its turn, and is not refused
                weight: (at) => models.get(model)?.breaker?.unsafeWeight(at) ?? 1,
                onLearn: onChange
              }),
            (part, value) => part.unsafeRetune(value)
          )
          const parts: OfModel = { scope: own, breaker: ofModel, permits, hedging: was.hedging }
          models.set(model, parts)
          onChange()
          return parts
        }).pipe(Scope.extend(own))
      )

    const isIdle = ({ breaker, permits }: OfModel) =>
      Effect.gen(function* () {
        if (breaker !== undefined && (yield* breaker.state).state !== "closed") return false
        return permits === undefined || (yield* permits.state).inFlight === 0
      })

    const makeRoom = Effect.gen(function* () {
      if (models.size < modelsLimit) return
      for (const [model, parts] of models) {
        if (!(yield* isIdle(parts))) continue
        models.delete(model)
        onChange()
        return yield* Scope.close(parts.scope, Exit.void)
      }
    })

    const makeModel = (model: string): Effect.Effect<OfModel> =>
      Effect.uninterruptible(
        Effect.flatMap(Effect.zipRight(makeRoom, Scope.fork(scope, ExecutionStrategy.sequential)), (own) =>
          Effect.suspend(() => {
            const meanwhile = models.get(model)
            return meanwhile === undefined
              ? tuneModel(model, none, own)
              : Effect.as(Scope.close(own, Exit.void), meanwhile)
          })
        )
      )

    /** Who hedges learns from then on how long first values take; nobody else pays for it. */
    const learning = (model: string, parts: OfModel, inForce: Policy): Effect.Effect<OfModel> =>
      inForce.hedging === "off" || parts.hedging !== undefined
        ? Effect.succeed(parts)
        : Effect.map(Scope.extend(Hedging.make(Hedging.defaults), parts.scope), (hedging) => {
            const after: OfModel = { ...(models.get(model) ?? parts), hedging }
            models.set(model, after)
            return after
          })

    const shared = (target: Target, inForce: Policy, ofModel: Omit<OfModel, "scope">): Shared => {
      const { endpoint } = target
      const breakers = breakersOf(inForce)
      const occupies = isGenerated(target)
      return {
        throttle: inForce.throttle === "off" || endpoint.kind === "read" ? undefined : throttle,
        // what only asks is how a person, or a probe, finds out whether the host is back
        host: breakers.host === "off" || endpoint.kind === "read" ? undefined : breaker,
        model: breakers.model === "off" ? undefined : ofModel.breaker,
        permits: inForce.concurrency === "off" || !occupies ? undefined : ofModel.permits,
        hedging: inForce.hedging === "off" || !occupies ? undefined : ofModel.hedging
      }
    }

    yield* tuneHost

    return {
      of: (target, inForce) => {
        const { endpoint, model } = target
        if (model === undefined || !(isGenerated(target) || endpoint.kind === "load")) {
          return Effect.succeed(shared(target, inForce, none))
        }
        const name = Residency.normalName(model)
        const known = models.get(name)
        const parts = known === undefined ? makeModel(name) : Effect.succeed(known)
        return Effect.map(
          Effect.flatMap(parts, (made) => learning(name, made, inForce)),
          (made) => shared(target, inForce, made)
        )
      },
      answered: Effect.suspend(() => {
        const host = breaker
        return host === undefined
          ? Effect.void
          : Effect.flatMap(host.state, ({ state }) =>
              state === "open" || state === "halfOpen" ? host.force("closed") : Effect.void
            )
      }),
      look: (model, now) => {
        const parts = model === undefined ? undefined : models.get(model)
        const own = parts?.permits?.unsafeLearned()
        return {
          host: breaker?.unsafeState(),
          isSteady: isSteady(parts?.breaker?.unsafeState()),
          refusedFor: parts?.breaker?.unsafeWait(now, withoutRamp) ?? 0,
          own,
          others: othersThan(models, model, own)
        }
      },
      state: Effect.suspend(() =>
        Effect.all({
          breaker: stateOfBreaker(breaker),
          models: Effect.map(
            Effect.forEach([...models], ([model, parts]) =>
              Effect.map(stateOfModel(parts), (state) => [model, state] as const)
            ),
            (all) => new Map(all)
          )
        })
      ),
      breakers: Effect.suspend(() =>
        Effect.all({
          host: readingOf(breaker),
          models: readingsOf(models)
        })
      ),
      doubt: (model) =>
        Effect.suspend(() => {
          const known = models.get(model)
          // hearsay does not fill the memory
          if (known === undefined && models.size >= modelsLimit / 2) return Effect.void
          return Effect.flatMap(known === undefined ? makeModel(model) : Effect.succeed(known), ({ breaker }) =>
            breaker === undefined ? Effect.void : breaker.force("halfOpen")
          )
        }),
      retune: (next) =>
        Effect.uninterruptible(
          Effect.suspend(() => {
            policy = next
            return Effect.zipRight(
              tuneHost,
              Effect.forEach([...models], ([model, parts]) => tuneModel(model, parts, parts.scope), { discard: true })
            )
          })
        )
    }
  })
