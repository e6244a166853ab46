/** Things that happen at their time, in the order in which they were planned where the time is the same. */

interface Event {
  readonly at: number
  readonly order: number
  readonly does: () => void
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export interface Events {
  /** Seconds. */
  readonly now: () => number
  /** After so many seconds. */
  readonly after: (seconds: number, does: () => void) => void
  /** Lets everything happen until nothing is planned any more, or it is enough. */
  readonly run: (isEnough: () => boolean) => void
}

export const make = (): Events => {
  const heap: Array<Event> = []
  let order = 0
  let now = 0

  const swap = (a: number, b: number) => {
    const kept = heap[a]!
    heap[a] = heap[b]!
    heap[b] = kept
  }

  const push = (event: Event) => {
    let index = heap.push(event) - 1
    for (let parent = (index - 1) >> 1; index > 0 && isBefore(event, heap[parent]!); parent = (index - 1) >> 1) {
      swap(index, parent)
      index = parent
    }
  }

  const pop = (): Event | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    heap[0] = last
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2]
      if (left >= heap.length) break
      const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left
      if (!isBefore(heap[child]!, heap[index]!)) break
      swap(index, child)
      index = child
    }
    return first
  }

  return {
    now: () => now,
    after: (seconds, does) => push({ at: now + seconds, order: order++, does }),
    run: (isEnough) => {
      while (!isEnough()) {
        const event = pop()
        if (event === undefined) return
        now = event.at
        event.does()
      }
    }
  }
}
