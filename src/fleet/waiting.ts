/** Calls that are held in the client until a host has room, in the order in which they get it. Synchronous steps. */
import { laneOf, type Place, type Priority, Queue } from "../policy/concurrency/queue.js"
import type { Member } from "./member.js"

/** A call that waits. */
export interface Waiter extends Place {
  readonly priority: Priority
  /** Those of one kind have the same answer from the placement. */
  readonly kind: string
  readonly since: number
  /** Milliseconds that it will take. */
  readonly work: number
  /** Which host it waits for, as things stand. */
  heldFor: Member | undefined
  /** Tries again; whether it is to wait no more. */
  readonly attempt: () => boolean
  /** Ends the wait, in the place of one that goes before it. */
  readonly pushOut: () => void
}

const none = Number.POSITIVE_INFINITY

export const waiter = (
  about: Pick<Waiter, "kind" | "since" | "work" | "attempt" | "pushOut">,
  priority: Priority = "normal",
  deadline: number = none
): Waiter => ({
  ...about,
  priority,
  deadline,
  lane: laneOf(priority, deadline),
  position: 0,
  arrival: 0,
  heldFor: undefined
})

const isBefore = (a: Waiter, b: Waiter): boolean =>
  a.lane < b.lane ||
  (a.lane === b.lane && (a.deadline < b.deadline || (a.deadline === b.deadline && a.since < b.since)))

export class Waiting {
  /** A queue for each kind: where the first of a kind has to wait, so have the others. */
  private readonly kinds = new Map<string, Queue<Waiter>>()
  private isHandingOver = false
  private isAskedAgain = false
  size = 0

  /** Holds it for this host. */
  hold(waiter: Waiter, member: Member | undefined): void {
    if (waiter.heldFor === member) return
    if (waiter.heldFor !== undefined) waiter.heldFor.held -= waiter.work
    if (member !== undefined) member.held += waiter.work
    waiter.heldFor = member
  }

  push(waiter: Waiter): void {
    const queue = this.kinds.get(waiter.kind) ?? new Queue<Waiter>()
    this.kinds.set(waiter.kind, queue)
    queue.push(waiter)
    this.size++
  }

  remove(waiter: Waiter): void {
    const queue = this.kinds.get(waiter.kind)
    if (queue === undefined) return
    queue.remove(waiter)
    this.left(waiter, queue)
  }

  private left(waiter: Waiter, queue: Queue<Waiter>): void {
    this.size--
    this.hold(waiter, undefined)
    if (queue.size === 0) this.kinds.delete(waiter.kind)
  }

  /** Who would have the last turn of all. */
  last(): Waiter | undefined {
    let last: Waiter | undefined
    for (const queue of this.kinds.values()) {
      const one = queue.last()
      if (one !== undefined && (last === undefined || isBefore(last, one))) last = one
    }
    return last
  }

  /** Something has changed: those whose turn it is try again. */
  handOver(): void {
    this.isAskedAgain = true
    // what is found for one may itself change something
    if (this.isHandingOver) return
    this.isHandingOver = true
    while (this.isAskedAgain) {
      this.isAskedAgain = false
      this.round()
    }
    this.isHandingOver = false
  }

  private round(): void {
    const stuck = new Set<Queue<Waiter>>()
    for (;;) {
      let first: Waiter | undefined
      let from: Queue<Waiter> | undefined
      for (const queue of this.kinds.values()) {
        if (stuck.has(queue)) continue
        const one = queue.peek()
        if (one !== undefined && (first === undefined || isBefore(one, first))) {
          first = one
          from = queue
        }
      }
      if (first === undefined || from === undefined) return
      if (first.attempt()) {
        from.pop()
        this.left(first, from)
      } else stuck.add(from)
    }
  }
}
