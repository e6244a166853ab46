/**
 * What permits have to do, said as plainly as it can be: everybody who waits in one list, looked through from the start
 * for every question.
 */
import * as Duration from "effect/Duration"
import { Concurrency } from "effect-ollama"

export interface Caller {
  readonly id: number
  readonly priority: Concurrency.Priority
  /** Infinity is none. */
  readonly deadline: number
}

/** What became of a call; `left` was interrupted. */
export type End = "granted" | "left" | Concurrency.Refusal["reason"]

const priorities: ReadonlyArray<Concurrency.Priority> = ["interactive", "normal", "batch"]

const rank = ({ deadline, priority }: Omit<Caller, "id">): number =>
  priorities.indexOf(priority) * 2 + (deadline === Number.POSITIVE_INFINITY ? 1 : 0)

export interface Model {
  readonly ends: ReadonlyMap<number, End>
  /** Who was granted a permit, in order. */
  readonly grants: ReadonlyArray<number>
  readonly held: ReadonlyArray<number>
  readonly waiting: ReadonlyArray<Caller>
  readonly limit: () => number
  readonly learning: () => Concurrency.Learning
  readonly ask: (caller: Caller, now: number) => void
  readonly release: (id: number, now: number, sample: Concurrency.Sample | undefined) => void
  readonly leave: (id: number, now: number) => void
  readonly retune: (value: Concurrency.Concurrency, now: number) => void
  readonly observe: (now: number) => void
}

export const make = (initial: Concurrency.Concurrency): Model => {
  let value = initial
  let learning = Concurrency.nothingLearned
  let waiting: Array<Caller> = []
  const held: Array<number> = []
  const grants: Array<number> = []
  const ends = new Map<number, End>()
  /** How often those of a rank were passed over. */
  const passedOver = [0, 0, 0, 0, 0, 0]
  const aboveSince = new Map<Concurrency.Priority, number>()

  const limit = (): number => (value.limit === "learned" ? Concurrency.limitOf(learning) : value.limit)
  const ranks = (): ReadonlyArray<number> => [...new Set(waiting.map(rank))].sort((a, b) => a - b)
  const inOrder = (callers: ReadonlyArray<Caller>): ReadonlyArray<Caller> =>
    [...callers].sort((a, b) => rank(a) - rank(b) || (a.deadline === b.deadline ? 0 : a.deadline - b.deadline))
  const remove = (id: number): void => {
    waiting = waiting.filter((caller) => caller.id !== id)
    for (let i = 0; i < passedOver.length; i++) if (!ranks().includes(i)) passedOver[i] = 0
  }
  const grant = (id: number): void => {
    held.push(id)
    grants.push(id)
    ends.set(id, "granted")
  }

  const handOver = (): void => {
    while (waiting.length > 0 && held.length < limit()) {
      const most = Math.max(...ranks().map((i) => passedOver[i] ?? 0))
      const turn = most >= 9 ? ranks().find((i) => passedOver[i] === most) : ranks()[0]
      const next = inOrder(waiting).find((caller) => rank(caller) === turn)
      if (next === undefined) return
      for (const i of ranks()) passedOver[i] = i === turn ? 0 : (passedOver[i] ?? 0) + 1
      remove(next.id)
      grant(next.id)
    }
  }

  const predicted = (caller: Omit<Caller, "id">): number => {
    const before = waiting.filter(
      (other) => rank(other) < rank(caller) || (rank(other) === rank(caller) && other.deadline <= caller.deadline)
    ).length
    const atOnce = Math.min(limit(), learning.hasQueue ? learning.parallelism : Number.POSITIVE_INFINITY)
    return (before / atOnce) * (learning.serviceSeconds ?? 0) * 1000
  }

  const observe = (now: number): void => {
    for (const priority of priorities) {
      const isAbove =
        value.admission !== "off" &&
        predicted({ priority, deadline: Number.POSITIVE_INFINITY }) > Duration.toMillis(value.admission.target)
      if (!isAbove) aboveSince.delete(priority)
      else if (!aboveSince.has(priority)) aboveSince.set(priority, now)
    }
  }

  const refusal = (caller: Caller, now: number): Concurrency.Refusal["reason"] | undefined => {
    if (value.admission !== "off") {
      const since = aboveSince.get(caller.priority)
      if (caller.deadline < Number.POSITIVE_INFINITY) {
        if (predicted(caller) > caller.deadline - now) return "deadline"
      } else if (since !== undefined && now - since >= Duration.toMillis(value.admission.interval)) return "target"
    }
    if (value.queue === "unbounded" || waiting.length < value.queue) return undefined
    return waiting.some((other) => priorities.indexOf(other.priority) > priorities.indexOf(caller.priority))
      ? undefined
      : "queueFull"
  }

  return {
    ends,
    grants,
    held,
    get waiting() {
      return waiting
    },
    limit,
    learning: () => learning,
    ask: (caller, now) => {
      observe(now)
      if (waiting.length === 0 && held.length < limit()) return grant(caller.id)
      const reason = refusal(caller, now)
      if (reason !== undefined) return void ends.set(caller.id, reason)
      if (value.queue !== "unbounded" && waiting.length >= value.queue) {
        const last = inOrder(waiting).at(-1)
        if (last !== undefined) {
          remove(last.id)
          ends.set(last.id, "pushedOut")
        }
      }
      waiting.push(caller)
      observe(now)
    },
    release: (id, now, sample) => {
      held.splice(held.indexOf(id), 1)
      if (sample !== undefined) learning = Concurrency.learn(learning, sample)
      handOver()
      observe(now)
    },
    leave: (id, now) => {
      remove(id)
      ends.set(id, "left")
      observe(now)
    },
    retune: (next, now) => {
      value = next
      if (value.admission === "off") aboveSince.clear()
      handOver()
      observe(now)
    },
    observe
  }
}
