/**
 * The model of a host with Ollama that the references are computed on: requests for models in memory share the slots in the
 * order of arrival; all others stand in one line, whose head has room made for it and is loaded, one at a time. What has to
 * go is the idle model that was not used for the longest time. Where none is idle Ollama chooses one all the same, and waits
 * for its end even if another one becomes idle first. The load is lost when the request it is for leaves.
 */
import type { Machine, Model } from "../scenario.js"
import type { Events } from "./events.js"

/** A request at a host. Of each exactly one of `onEnd` and `onLost` is called, unless it leaves. */
export interface Job {
  readonly model: Model
  /** Tokens. */
  readonly prompt: number
  readonly answer: number
  readonly onFirst: () => void
  readonly onEnd: () => void
  readonly onLost: () => void
  isOver: boolean
}

export interface Options {
  readonly machine: Machine
  /** How many times as long everything takes that begins now. */
  readonly slowness: () => number
}

export interface Host {
  readonly submit: (job: Job) => void
  readonly leave: (job: Job) => void
  /** The process ends: everything is lost. */
  readonly crash: () => void
  /** Seconds from now at which a job of this model that came now would begin, known exactly. */
  readonly waitFor: (model: Model) => number
  /** Seconds that the work itself takes. */
  readonly workOf: (job: Pick<Job, "prompt" | "answer">) => number
  readonly counts: () => { readonly loads: number; readonly aborted: number; readonly evictions: number }
}

interface Running {
  readonly endsAt: number
}

export const make = (events: Events, { machine, slowness }: Options): Host => {
  /** In memory, with the time of the last use. */
  const resident = new Map<Model, number>()
  const running = new Map<Job, Running>()
  let ready: Array<Job> = []
  let line: Array<Job> = []
  let load: { readonly model: Model; readonly job: Job; readonly endsAt: number } | undefined
  /** It was chosen to go while it was at work. */
  let victim: Model | undefined
  const counts = { loads: 0, aborted: 0, evictions: 0 }

  const used = (): number => [...resident.keys()].reduce((sum, { size }) => sum + size, load?.model.size ?? 0)
  const loadTime = ({ size }: Model): number => (size / machine.loadRate) * slowness()
  const promptTime = ({ prompt }: Pick<Job, "prompt">): number => (prompt / machine.promptRate) * slowness()
  const workOf = (job: Pick<Job, "prompt" | "answer">): number =>
    promptTime(job) + (job.answer / machine.tokenRate) * slowness()

  const isIdle = (model: Model): boolean =>
    ![...running.keys()].some((job) => job.model === model) && !ready.some((job) => job.model === model && !job.isOver)

  const evict = (model: Model): void => {
    resident.delete(model)
    counts.evictions++
  }

  /** Whether what was chosen to go has gone. */
  const hasLeft = (): boolean => {
    if (victim === undefined) return true
    if (!isIdle(victim)) return false
    evict(victim)
    victim = undefined
    return true
  }

  const makeRoom = (size: number): boolean => {
    while (used() + size > machine.memory) {
      const byUse = [...resident].sort(([, a], [, b]) => a - b).map(([model]) => model)
      victim = byUse.find(isIdle) ?? byUse[0]
      if (victim === undefined || !hasLeft()) return false
    }
    return true
  }

  const pump = (): void => {
    while (running.size < machine.slots) {
      const job = ready.shift()
      if (job === undefined) return
      if (job.isOver) continue
      const takes = workOf(job)
      running.set(job, { endsAt: events.now() + takes })
      events.after(promptTime(job), () => {
        if (running.has(job)) job.onFirst()
      })
      events.after(takes, () => {
        if (!running.delete(job)) return
        if (resident.has(job.model)) resident.set(job.model, events.now())
        job.isOver = true
        job.onEnd()
        goOn()
      })
    }
  }

  const enter = (job: Job): void => {
    resident.set(job.model, events.now())
    ready.push(job)
    pump()
  }

  const begin = (job: Job): void => {
    const takes = loadTime(job.model)
    const begun = { model: job.model, job, endsAt: events.now() + takes }
    load = begun
    counts.loads++
    events.after(takes, () => {
      if (load !== begun) return
      load = undefined
      resident.set(job.model, events.now())
      serve()
    })
  }

  /** Serves the head of the line, and gives whether the next one may be served. */
  const serveHead = (): boolean => {
    const job = line[0]
    if (load !== undefined || !hasLeft() || job === undefined) return false
    if (job.isOver || resident.has(job.model)) {
      line.shift()
      if (!job.isOver) enter(job)
      return true
    }
    if (makeRoom(job.model.size)) begin(job)
    return false
  }

  const serve = (): void => {
    for (let goesOn = serveHead(); goesOn; goesOn = serveHead());
  }

  const goOn = (): void => {
    pump()
    serve()
  }

  return {
    submit: (job) => {
      if (resident.has(job.model)) return enter(job)
      line.push(job)
      serve()
    },
    leave: (job) => {
      job.isOver = true
      running.delete(job)
      if (load?.job === job) {
        counts.aborted++
        load = undefined
      }
      goOn()
    },
    crash: () => {
      const lost = [...running.keys(), ...ready, ...line].filter(({ isOver }) => !isOver)
      running.clear()
      resident.clear()
      ready = []
      line = []
      load = undefined
      victim = undefined
      for (const job of lost) {
        job.isOver = true
        job.onLost()
      }
    },
    waitFor: (model) => {
      const free = Array.from({ length: machine.slots }, () => 0)
      for (const [index, { endsAt }] of [...running.values()].entries())
        free[index % free.length]! += endsAt - events.now()
      const put = (job: Job, from: number) => {
        const slot = free.indexOf(Math.min(...free))
        free[slot] = Math.max(free[slot]!, from) + workOf(job)
      }
      let loaded = load === undefined ? 0 : load.endsAt - events.now()
      const there = new Set(load === undefined ? resident.keys() : [...resident.keys(), load.model])
      for (const job of ready) if (!job.isOver) put(job, 0)
      for (const job of line) {
        if (job.isOver) continue
        if (!there.has(job.model)) loaded += loadTime(job.model)
        there.add(job.model)
        put(job, loaded)
      }
      const from = resident.has(model) ? 0 : there.has(model) ? loaded : loaded + loadTime(model)
      return Math.max(from, Math.min(...free))
    },
    workOf,
    counts: () => counts
  }
}
