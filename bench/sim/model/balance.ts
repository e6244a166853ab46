/** Requests over hosts of the model, by a way to choose one. */
import type { Attempt, Outcome, Played } from "../contestant.js"
import { done, failed } from "../outcome.js"
import { deadline, isUsable, outageOf, promptMean, type Scenario, slowness } from "../scenario.js"
import type { Request } from "../traffic.js"
import * as Events from "./events.js"
import * as Host from "./host.js"

export interface Candidate {
  readonly index: number
  readonly host: Host.Host
  /** Whether a request would reach it. */
  readonly isUp: boolean
  inFlight: number
}

export interface Balancer {
  /** The lowest is taken; of those that were not tried yet. */
  readonly score: (candidate: Candidate, request: Request, scenario: Scenario, turn: number) => number
  readonly attempts: number
}

/** Seconds until somebody learns that a connection is refused, or that it hangs. */
const refusedAfter = 0.002
const hangsFor = 2

export const play = (balancer: Balancer, scenario: Scenario, requests: ReadonlyArray<Request>): Played => {
  const events = Events.make()
  const outcomes: Array<Outcome> = []
  const attempts: Array<Attempt> = []
  const down = (index: number) => outageOf(scenario, index, events.now())
  const candidates = scenario.machines.map((machine, index): Candidate => ({
    index,
    host: Host.make(events, { machine, slowness: () => slowness(scenario, index, events.now()) }),
    inFlight: 0,
    get isUp() {
      return isUsable(scenario, index, events.now())
    }
  }))
  let turn = 0

  const arrive = (request: Request): void => {
    const tried = new Set<number>()
    let firstAfter: number | undefined
    let isOver = false
    let current: { readonly candidate: Candidate; readonly job: Host.Job } | undefined
    const since = () => Math.round(events.now() * 1000) - request.at

    const end = (failure?: string) => {
      if (isOver) return
      isOver = true
      if (current !== undefined) {
        current.candidate.inFlight--
        if (failure !== undefined) current.candidate.host.leave(current.job)
      }
      outcomes.push({
        request,
        ...(firstAfter === undefined ? {} : { firstAfter }),
        endAfter: since(),
        ending: failure === undefined ? done : failed(failure)
      })
    }

    const again = (lost: string) => {
      if (isOver) return
      if (current !== undefined) current.candidate.inFlight--
      current = undefined
      if (firstAfter !== undefined) end("broken")
      else if (tried.size >= balancer.attempts) end(lost)
      else attempt()
    }

    const attempt = () => {
      turn++
      const left = candidates.filter(({ index }) => !tried.has(index))
      if (left.length === 0) return end("no host")
      const scores = left.map((candidate) => balancer.score(candidate, request, scenario, turn))
      const candidate = left[scores.indexOf(Math.min(...scores))]!
      tried.add(candidate.index)
      attempts.push({ id: request.id, host: candidate.index, at: Math.round(events.now() * 1000) })
      candidate.inFlight++
      const job: Host.Job = {
        model: scenario.models[request.model]!,
        prompt: request.prompt,
        answer: request.answer,
        isOver: false,
        onFirst: () => {
          firstAfter ??= since()
        },
        onEnd: () => end(),
        onLost: () => again("broken")
      }
      current = { candidate, job }
      const how = down(candidate.index)
      if (how === undefined && candidate.isUp) candidate.host.submit(job)
      else events.after(how === "hang" ? hangsFor : refusedAfter, () => again(how ?? "broken"))
    }

    events.after(deadline / 1000, () => end("Timeout total"))
    attempt()
  }

  /** Somebody else asks this host, and then again, as long as there are requests. */
  const askForOthers = (candidate: Candidate): void => {
    const { others } = scenario
    if (others === undefined || outcomes.length === requests.length) return
    const again = () => events.after(others.every, () => askForOthers(candidate))
    candidate.host.submit({
      model: others.model,
      prompt: promptMean,
      answer: others.model.answer,
      isOver: false,
      onFirst: () => undefined,
      onEnd: again,
      onLost: again
    })
  }

  if (scenario.others !== undefined) {
    const { every } = scenario.others
    for (const candidate of candidates) {
      events.after((every * candidate.index) / 4, () => askForOthers(candidate))
    }
  }
  for (const { from, host, how } of scenario.outages ?? []) {
    if (how === "refuse") events.after(from, () => candidates[host]!.host.crash())
  }
  for (const request of requests) events.after(request.at / 1000, () => arrive(request))
  events.run(() => outcomes.length === requests.length)
  const counts = candidates.map(({ host }) => host.counts())
  const sum = (what: keyof ReturnType<Host.Host["counts"]>) => counts.reduce((total, count) => total + count[what], 0)
  return {
    outcomes,
    attempts,
    ejections: [],
    work: {
      loads: sum("loads"),
      aborted: sum("aborted"),
      evictions: sum("evictions"),
      busy: candidates.map(() => NaN),
      wasted: NaN
    }
  }
}
