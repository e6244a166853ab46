/**
 * How much fits into the memory of a host, learned from what it puts out. Pure.
 *
 * Ollama does not tell how much memory it has. But what was in memory at once fits, and when a model is put out before its
 * time because another comes, both together did not fit: the limit lies between. In the simulation of the resilience notes
 * (5.6) an unknown memory costs 98 loads more, and learning it gives back nearly all of that.
 */
import * as Schema from "effect/Schema"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** A model in memory, as `/api/ps` has it. */
const Held = Schema.Struct({
  /** 10^9 bytes. */
  gigabytes: Schema.Finite,
  /** When it will leave by itself, in milliseconds on Clock; absent where that is not known. */
  expiresAt: optional(Schema.Finite)
})

/**
 * What is known of the memory of a host. Sizes in 10^9 bytes, times in milliseconds on Clock.
 *
 * @since 0.1.0
 * @category models
 */
export const Capacity = Schema.Struct({
  /** The most that was seen in memory at once, since the limit was last found to be lower. */
  most: Schema.Finite,
  /** The least that did not fit; absent where nothing says so. */
  tooMuch: optional(Schema.Finite),
  /** When a model was last put out; absent if none was. */
  putOutAt: optional(Schema.Finite),
  /** How often in a row less than the most did not fit. */
  doubts: Schema.Int,
  /** What was there when it was last looked at. */
  models: Schema.Record({ key: Schema.String, value: Held }),
  /** How much was there before a model left early, while it is not known why. */
  left: optional(Schema.Struct({ gigabytes: Schema.Finite, at: Schema.Finite }))
})

/**
 * @since 0.1.0
 * @category models
 */
export type Capacity = typeof Capacity.Type

export const nothingSeen: Capacity = { most: 0, doubts: 0, models: {} }

/**
 * A look at a host.
 *
 * @since 0.1.0
 * @category models
 */
export interface Look {
  readonly at: number
  readonly models: Capacity["models"]
  /** The model that is being loaded there, as far as this client knows. */
  readonly arriving?: { readonly model: string; readonly gigabytes: number } | undefined
}

/** So long after a model has left early, one that comes is the reason. */
const related = 60_000

const doubtsToFall = 3

/** More models than any host holds. */
const mostModels = 256

const sum = (models: Capacity["models"]): number => {
  let all = 0
  for (const { gigabytes } of Object.values(models)) all += gigabytes
  return all
}

const newcomers = (before: Capacity["models"], { arriving, models }: Look): number => {
  let all = 0
  for (const [name, { gigabytes }] of Object.entries(models)) if (!Object.hasOwn(before, name)) all += gigabytes
  return arriving === undefined || Object.hasOwn(models, arriving.model) ? all : all + arriving.gigabytes
}

/** Whether a model is gone though its time was not over. Where its time is not known, it may have been. */
const hasLeftEarly = (before: Capacity["models"], { at, models }: Look): boolean =>
  Object.entries(before).some(
    ([name, { expiresAt }]) => !Object.hasOwn(models, name) && (expiresAt === undefined || expiresAt > at)
  )

/**
 * With one more look. A model counts as put out when it has left before its time and another comes within a minute; what
 * leaves by itself, or is unloaded by somebody, says nothing.
 *
 * That less did not fit than has fitted may only mean that more has come and gone between two looks. But the third time
 * in a row it means that there is less memory than there was: other programs have taken it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const observe = (capacity: Capacity, look: Look): Capacity => {
  const now = sum(look.models)
  const models = Object.fromEntries(Object.entries(look.models).slice(0, mostModels))
  const left = hasLeftEarly(capacity.models, look) ? { gigabytes: sum(capacity.models), at: look.at } : capacity.left
  const { left: _, ...rest } = capacity
  const seen = bounded({ ...rest, models }, Math.max(capacity.most, now), capacity.tooMuch)
  if (left === undefined || look.at - left.at > related) return seen
  const come = newcomers(capacity.models, look)
  return come === 0 ? { ...seen, left } : putOut({ ...seen, putOutAt: look.at }, left.gigabytes + come, now)
}

/** What was seen to fit is not too much. */
const bounded = ({ tooMuch: _, ...rest }: Capacity, most: number, tooMuch: number | undefined): Capacity =>
  tooMuch === undefined || tooMuch <= most ? { ...rest, most } : { ...rest, most, tooMuch }

const putOut = (capacity: Capacity, tooMuch: number, now: number): Capacity => {
  const { doubts, most } = capacity
  const known: Capacity = { ...capacity, doubts: 0 }
  if (tooMuch > most) return bounded(known, most, Math.min(tooMuch, capacity.tooMuch ?? tooMuch))
  return doubts + 1 < doubtsToFall ? { ...known, doubts: doubts + 1 } : bounded(known, now, tooMuch)
}

/**
 * With what others have seen of the same host: what has fitted for anybody fits, and the least that did not is the limit.
 *
 * @since 0.1.0
 * @category combinators
 */
export const together = (
  capacity: Capacity,
  { most, putOutAt, tooMuch }: Pick<Capacity, "most" | "putOutAt" | "tooMuch">
): Capacity => {
  const least = Math.min(capacity.tooMuch ?? Number.POSITIVE_INFINITY, tooMuch ?? Number.POSITIVE_INFINITY)
  const known = bounded(capacity, Math.max(capacity.most, most), Number.isFinite(least) ? least : undefined)
  const last = Math.max(capacity.putOutAt ?? 0, putOutAt ?? 0)
  return capacity.putOutAt === undefined && putOutAt === undefined ? known : { ...known, putOutAt: last }
}

/**
 * How much fits, in 10^9 bytes: half way between what did and what did not; undefined until a model was put out.
 *
 * @since 0.1.0
 * @category getters
 */
export const of = ({ most, putOutAt, tooMuch }: Capacity): number | undefined =>
  putOutAt === undefined ? undefined : (most + (tooMuch ?? most)) / 2
