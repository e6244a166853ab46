/** One line for all slots of all machines, where nothing ever has to be loaded and outages are foreseen. */
import type { Outcome, Played } from "../contestant.js"
import { done, failed } from "../outcome.js"
import { deadline, isUsable, type Machine, type Scenario, slowness } from "../scenario.js"
import type { Request } from "../traffic.js"
import * as Events from "./events.js"

interface Slot {
  readonly host: number
  readonly machine: Machine
  isFree: boolean
}

interface Waiting {
  readonly request: Request
  isOver: boolean
}

/** @param patience seconds after which a request that has not begun is given up; none is without */
export const play = (scenario: Scenario, requests: ReadonlyArray<Request>, patience?: number): Played => {
  const events = Events.make()
  const outcomes: Array<Outcome> = []
  const line: Array<Waiting> = []
  const slots = scenario.machines.flatMap((machine, host) =>
    Array.from({ length: machine.slots }, (): Slot => ({ host, machine, isFree: true }))
  )

  const lasts = (host: number, seconds: number): boolean => {
    for (let at = events.now(); at <= events.now() + seconds; at += 0.5) {
      if (!isUsable(scenario, host, at)) return false
    }
    return true
  }

  const times = ({ host, machine }: Slot, { answer, prompt }: Request) => {
    const factor = slowness(scenario, host, events.now())
    const first = (prompt / machine.promptRate) * factor
    return { first, whole: first + (answer / machine.tokenRate) * factor }
  }

  const end = (waiting: Waiting, firstAfter: number | undefined, endAfter: number, failure?: string) => {
    waiting.isOver = true
    outcomes.push({
      request: waiting.request,
      ...(firstAfter === undefined ? {} : { firstAfter }),
      endAfter,
      ending: failure === undefined ? done : failed(failure)
    })
  }

  const since = ({ at }: Request) => Math.round(events.now() * 1000) - at

  const serve = (): void => {
    for (let head = line[0]; head !== undefined; head = line[0]) {
      const { request } = head
      if (head.isOver) {
        line.shift()
        continue
      }
      if (patience !== undefined && since(request) > patience * 1000) {
        line.shift()
        end(head, undefined, since(request), "Overloaded client")
        continue
      }
      const free = slots.filter(({ isFree }) => isFree)
      const able = free
        .map((slot) => ({ slot, ...times(slot, request) }))
        .filter(({ slot, whole }) => lasts(slot.host, whole))
        .sort((a, b) => a.whole - b.whole)
      const [best] = able
      if (best === undefined) {
        if (free.length > 0) events.after(1, serve)
        return
      }
      const waiting = head
      line.shift()
      best.slot.isFree = false
      waiting.isOver = true
      const firstAfter = since(request) + Math.round(best.first * 1000)
      events.after(best.whole, () => {
        best.slot.isFree = true
        end(waiting, firstAfter, since(request))
        serve()
      })
    }
  }

  for (const request of requests) {
    events.after(request.at / 1000, () => {
      const waiting: Waiting = { request, isOver: false }
      line.push(waiting)
      events.after(deadline / 1000, () => {
        if (!waiting.isOver) end(waiting, undefined, deadline, "Timeout total")
      })
      serve()
    })
  }
  events.run(() => outcomes.length === requests.length)
  return {
    outcomes,
    attempts: [],
    ejections: [],
    work: { loads: 0, aborted: 0, evictions: 0, busy: scenario.machines.map(() => NaN), wasted: NaN }
  }
}
