/**
 * The order in which waiting calls get their turn.
 *
 * Six lanes: each priority has one for calls with a deadline, the earliest first, and behind it one for those without,
 * in the order they came. A lane goes before those after it, but one that was passed over nine times while a call waited
 * in it has the next turn, so that no stream of more urgent calls starves the others for ever. (By turns and not by age:
 * after a while all calls of a large batch are old, and would go before any person's.)
 */

/**
 * Whose turn is first.
 *
 * @since 0.1.0
 * @category models
 */
export type Priority = "interactive" | "normal" | "batch"

/** The priorities, the first turn first. */
export const priorities: ReadonlyArray<Priority> = ["interactive", "normal", "batch"]

/** What the order looks at; whoever waits has these fields. */
export interface Place {
  readonly lane: number
  /** Milliseconds on Clock; infinity is none. */
  readonly deadline: number
  /** Where it stands in its lane's heap, and its number in the order of arrival; the queue's own. */
  position: number
  arrival: number
}

/** So often a lane is passed over before it has a turn. */
const passes = 9

/** The lane of a call. */
export const laneOf = (priority: Priority, deadline: number): number =>
  2 * priorities.indexOf(priority) + (deadline < Number.POSITIVE_INFINITY ? 0 : 1)

const isBefore = (a: Place, b: Place): boolean =>
  a.deadline < b.deadline || (a.deadline === b.deadline && a.arrival < b.arrival)

/** A binary heap whose members know where they stand, so that one that leaves costs no search. */
class Lane<A extends Place> {
  readonly heap: Array<A> = []
  passedOver = 0

  push(place: A): void {
    this.heap.push(place)
    this.rise(place, this.heap.length - 1)
  }

  remove(place: A): void {
    const last = this.heap.pop()
    if (last === undefined || last === place) return
    const at = place.position
    const parent = this.heap[(at - 1) >> 1]
    if (at > 0 && parent !== undefined && isBefore(last, parent)) this.rise(last, at)
    else this.sink(last, at)
  }

  private rise(place: A, from: number): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.heap[above]
      if (parent === undefined || !isBefore(place, parent)) break
      this.set(parent, at)
      at = above
    }
    this.set(place, at)
  }

  private sink(place: A, from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const [a, b] = [this.heap[left], this.heap[left + 1]]
      if (a === undefined) break
      const child = b !== undefined && isBefore(b, a) ? b : a
      if (!isBefore(child, place)) break
      this.set(child, at)
      at = child === a ? left : left + 1
    }
    this.set(place, at)
  }

  private set(place: A, at: number): void {
    this.heap[at] = place
    place.position = at
  }
}

/** Who waits. */
export class Queue<A extends Place> {
  private readonly lanes: ReadonlyArray<Lane<A>> = priorities.flatMap(() => [new Lane<A>(), new Lane<A>()])
  private arrivals = 0
  size = 0

  push(place: A): void {
    place.arrival = this.arrivals++
    this.lanes[place.lane]?.push(place)
    this.size++
  }

  /** Who is in this queue leaves it. */
  remove(place: A): void {
    const lane = this.lanes[place.lane]
    if (lane === undefined) return
    lane.remove(place)
    if (lane.heap.length === 0) lane.passedOver = 0
    this.size--
  }

  /** Whose turn it is leaves the queue. */
  pop(): A | undefined {
    const chosen = this.next()
    const place = chosen?.heap[0]
    if (chosen === undefined || place === undefined) return undefined
    for (const lane of this.lanes) {
      if (lane !== chosen && lane.heap.length > 0) lane.passedOver++
    }
    this.remove(place)
    chosen.passedOver = 0
    return place
  }

  /** Whose turn it is; it stays in the queue. */
  peek(): A | undefined {
    return this.next()?.heap[0]
  }

  private next(): Lane<A> | undefined {
    let chosen: Lane<A> | undefined
    for (const lane of this.lanes) {
      if (lane.heap.length === 0) continue
      if (chosen === undefined || (lane.passedOver >= passes && lane.passedOver > chosen.passedOver)) chosen = lane
    }
    return chosen
  }

  /** How many wait with this priority. */
  waiting(priority: Priority): number {
    const lane = 2 * priorities.indexOf(priority)
    return this.length(lane) + this.length(lane + 1)
  }

  /** How many have their turn before a call that came now would, or comes before this one. */
  ahead(lane: number, deadline: number): number {
    let count = 0
    for (let before = 0; before < lane; before++) count += this.length(before)
    for (const place of this.lanes[lane]?.heap ?? []) if (place.deadline <= deadline) count++
    return count
  }

  /** Who has the last turn of all. */
  last(): A | undefined {
    const lane = this.lanes.findLast(({ heap }) => heap.length > 0)
    return lane?.heap.reduce((last, place) => (isBefore(last, place) ? place : last))
  }

  private length(lane: number): number {
    return this.lanes[lane]?.heap.length ?? 0
  }
}
