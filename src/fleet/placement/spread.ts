/**
 * Which models to load on further hosts, before calls have to wait for it. Pure.
 *
 * Expected completion charges a load to the call that causes it, so a second copy comes only when the queue is as long as a
 * load. Where memory is free that is too late: in the simulation of the resilience notes (5.6, all models fit) fewest
 * calls in flight, which spreads copies at once, has the better 95 % of first tokens. So free memory is used early, in the
 * background, and never at the cost of what is there.
 */

/**
 * A host, with all its models. Sizes in 10^9 bytes, times in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Room {
  readonly host: string
  /** Whether it may get calls at all: neither blocked, drained, nor just back. */
  readonly isOpen: boolean
  /** What is left of all loads there; 0 if there is none. */
  readonly loadsLeft: number
  /** All models in memory or being loaded. */
  readonly heldGigabytes: number
  /** The most that was seen in memory at once (`Capacity.most`). */
  readonly mostGigabytes: number
  /** Since it put a model out for want of memory (`Capacity.putOutAt`); milliseconds, infinity if it never has. */
  readonly sincePutOut: number
  /** How many calls it works on at once. */
  readonly parallelism: number
  /** The names of the models in memory or being loaded. */
  readonly models: ReadonlySet<string>
  /** The names of models that are known not to be installed there. */
  readonly missing: ReadonlySet<string>
}

/**
 * How much a model is asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Demand {
  readonly model: string
  readonly gigabytes: number
  /** How many of its calls there are at once, on average over the last minutes (`demand.ts`), those that wait included. */
  readonly calls: number
}

/**
 * A load to begin in the background.
 *
 * @since 0.1.0
 * @category models
 */
export interface Preload {
  readonly host: string
  readonly model: string
}

/** A copy that would have fewer calls than this at once is not worth a load: it would be used a tenth of the time. */
const leastCalls = 0.1

const holders = (rooms: ReadonlyArray<Room>, model: string): number => {
  let count = 0
  for (const room of rooms) if (room.isOpen && room.models.has(model)) count++
  return count
}

const quiet = 300_000

const hasLimit = ({ sincePutOut }: Room): boolean => sincePutOut < Number.POSITIVE_INFINITY

/** A host that could load a model now. */
interface Plan {
  readonly room: Room
  /** Calls that it has at once, if those of each model are shared by all that have it, over those it works on. */
  readonly calls: number
}

/**
 * The loads to begin now: at most one for each host, and none where one is going on, because a server loads one model at a
 * time. Nothing begins while a model that is asked for has no copy at all: the first copy goes first.
 *
 * The model with the most calls for each of its copies goes first, to the host that is least busy, where it fits: where the
 * host has held as much before, or where any other has, as long as this one has put nothing out. Where a model was put out
 * a moment ago memory is not free, whatever it holds just now: nothing is loaded there for five minutes.
 *
 * While no host has put anything out and none is loading, one is tried with more than any has held, and with as little more
 * as can be: what it shows is learned before others follow.
 *
 * @since 0.1.0
 * @category getters
 */
export const spread = (rooms: ReadonlyArray<Room>, demands: ReadonlyArray<Demand>): ReadonlyArray<Preload> => {
  const asked = demands.filter(({ calls }) => calls > 0)
  const copies = new Map(asked.map(({ model }) => [model, holders(rooms, model)]))
  const lacksFirst = asked.some(
    ({ calls, model }) =>
      calls >= leastCalls && copies.get(model) === 0 && rooms.some((room) => room.isOpen && !room.missing.has(model))
  )
  if (lacksFirst) return []
  const busy = (room: Room): number => {
    let calls = 0
    for (const { calls: all, model } of asked) if (room.models.has(model)) calls += all / (copies.get(model) ?? 1)
    return calls
  }
  const plans = rooms
    .filter(({ isOpen, loadsLeft, sincePutOut }) => isOpen && loadsLeft === 0 && sincePutOut >= quiet)
    .map((room): Plan => ({ room, calls: busy(room) / room.parallelism }))
  const seen = Math.max(0, ...rooms.map(({ mostGigabytes }) => mostGigabytes))
  const preloads: Array<Preload> = []
  const take = ({ demand, plan }: Step): void => {
    preloads.push({ host: plan.room.host, model: demand.model })
    plans.splice(plans.indexOf(plan), 1)
    copies.set(demand.model, (copies.get(demand.model) ?? 0) + 1)
  }
  for (let next = best(asked, copies, plans, seen); next !== undefined; next = best(asked, copies, plans, seen))
    take(next)
  if (preloads.length > 0 || rooms.some((room) => hasLimit(room) || room.loadsLeft > 0)) return preloads
  const trial = leastMore(asked, copies, plans)
  if (trial !== undefined) take(trial)
  return preloads
}

/** A load that could begin. */
interface Step {
  readonly demand: Demand
  readonly plan: Plan
}

/** Calls for each copy of a model, or undefined where one copy more would not be used. */
const share = ({ calls, model }: Demand, copies: ReadonlyMap<string, number>): number | undefined => {
  const there = copies.get(model) ?? 0
  return there === 0 || calls / (there + 1) < leastCalls ? undefined : calls / there
}

/** @param seen what fits into a host that has put nothing out */
const best = (
  asked: ReadonlyArray<Demand>,
  copies: ReadonlyMap<string, number>,
  plans: ReadonlyArray<Plan>,
  seen: number
): Step | undefined => {
  let found: Step | undefined
  let most = 0
  for (const demand of asked) {
    const each = share(demand, copies) ?? 0
    const plan = each > most ? leastBusy(plans, demand, seen) : undefined
    if (plan === undefined) continue
    found = { demand, plan }
    most = each
  }
  return found
}

/** The one that makes a host hold the least; of equal ones that of the model with the most calls for each copy. */
const leastMore = (
  asked: ReadonlyArray<Demand>,
  copies: ReadonlyMap<string, number>,
  plans: ReadonlyArray<Plan>
): Step | undefined => {
  let found: Step | undefined
  let least = Number.POSITIVE_INFINITY
  let most = 0
  for (const demand of asked) {
    const each = share(demand, copies)
    if (each === undefined) continue
    for (const plan of plans) {
      const total = plan.room.heldGigabytes + demand.gigabytes
      if (total > least || (total === least && each <= most) || !fits(plan, demand, total)) continue
      found = { demand, plan }
      least = total
      most = each
    }
  }
  return found
}

const fits = ({ room }: Plan, { gigabytes, model }: Demand, most: number): boolean =>
  !room.models.has(model) &&
  !room.missing.has(model) &&
  room.heldGigabytes + gigabytes <= (hasLimit(room) ? room.mostGigabytes : most)

const leastBusy = (plans: ReadonlyArray<Plan>, demand: Demand, most: number): Plan | undefined => {
  let found: Plan | undefined
  for (const plan of plans) {
    if (fits(plan, demand, most) && (found === undefined || plan.calls < found.calls)) found = plan
  }
  return found
}
