/** The right to be at a host: what is there is counted as long as it is held, and at its end something is learned. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Residency from "../client/residency.js"
import type { Answer, Asked, Place } from "../client/routes.js"
import * as Timing from "../client/timing.js"
import type { Member } from "./member.js"
import type { Choice } from "./placement/view.js"
import type * as Work from "./work.js"

/** @param loader of a call that has come */
export type OnDemand = (need: Residency.Need | undefined, change: 1 | -1, loader: Asked["loader"]) => void

export interface Options {
  readonly clock: Clock.Clock
  /** Something has begun or ended at a host. */
  readonly onWork: (member: Member) => void
  /** A call that occupies a model has come, or has gone, whether it has a place or not. */
  readonly onDemand: OnDemand
  /** A host has answered a call that was sent then. */
  readonly onAnswered: (member: Member, sentAt: number) => void
  /** There is room. */
  readonly onLeft: () => void
}

/** The one name of its model. */
export const modelOf = ({ plan }: Pick<Asked, "plan">): string | undefined =>
  plan.model === undefined ? undefined : (plan.need?.name ?? Residency.normalName(plan.model))

/** Whether it occupies a model. */
export const isWork = ({ endpoint }: Asked["plan"]): boolean =>
  endpoint.kind === "generation" || endpoint.kind === "embedding" || endpoint.kind === "load"

export const noLoader = () => () => Effect.void

/** Gives out the right to be at a host. */
export const give = (options: Options, member: Member, asked: Asked, answer: Choice | undefined): Place => {
  const { clock, onAnswered, onDemand, onLeft, onWork } = options
  const at = clock.unsafeCurrentTimeMillis()
  const model = modelOf(asked)
  const cost = answer?.cost
  const isCold = model !== undefined && asked.plan.need !== undefined && cost !== undefined && cost.load > 0
  const work =
    model === undefined || !isWork(asked.plan)
      ? undefined
      : {
          model,
          journal: asked.journal,
          since: at,
          wait: cost?.wait ?? 0,
          prompt: cost?.prompt ?? 0,
          answer: cost?.answer ?? 0,
          load: cost?.load ?? 0,
          isCold
        }
  member.places++
  if (work !== undefined) {
    member.begins(work)
    member.memory.use(work.model, at)
  }
  onWork(member)
  // the wait that our own calls explain
  const explained = cost === undefined ? undefined : Math.max(0, cost.wait - member.foreignQueue(at))
  let isHeld = true
  const { journal } = asked
  const { session } = journal.facts
  // of a call that has been answered nothing is kept of what it asked
  const { need } = asked.plan
  if (work !== undefined) onDemand(need, 1, asked.loader)
  return {
    server: member.server,
    isPanic: answer?.isPanic === true,
    onLost: (listener) => {
      member.losing.set(journal, listener)
      return () => member.losing.delete(journal)
    },
    leave: (ended) => {
      if (!isHeld) return
      isHeld = false
      member.places--
      const then = clock.unsafeCurrentTimeMillis()
      if (work !== undefined) {
        member.ends(work)
        member.memory.use(work.model, then)
        onDemand(need, -1, noLoader)
      }
      if (ended !== undefined && ended.outcome === "success") {
        member.answered(model, then)
        onAnswered(member, at)
        if (work !== undefined) learn(member, work, explained, session, ended, then)
      }
      onWork(member)
      onLeft()
    }
  }
}

const learn = (
  member: Member,
  { isCold, model }: Work.Work,
  explained: number | undefined,
  session: string | undefined,
  { timing, tokens }: Answer,
  at: number
): void => {
  if (timing === undefined) return
  member.sessions.ended(model, session, tokens, member.parallelism(model, at) ?? 1)
  if (!isCold && explained !== undefined) member.waited(Timing.queued(timing), explained, at)
}
