/**
 * What becomes of what others say of a host. Figures are taken over; trouble is a reason to look, and nothing more: a client
 * whose own network is broken would take the hosts from all others if they believed it.
 */
import * as Effect from "effect/Effect"
import * as State from "../../record/predictor/state.js"
import type { Member } from "../member.js"
import type * as Document from "./document.js"
import type { Heard } from "./merge.js"

export interface Options {
  /** Another client cannot reach it. */
  readonly onSuspect: (member: Member) => void
  /** Another client has reached it, and this one could not. */
  readonly onHint: (member: Member) => void
}

/** Trouble that was not told of for so long is over, or its client is. */
const freshFor = 30_000

/**
 * The most that anybody has shown. What makes a number too low is others' calls, which look like a queue of its own to a
 * client; what would make it too high is nothing.
 */
const parallelOf = (models: ReadonlyArray<Document.Model>): Document.Model["parallel"] => {
  let most: Document.Model["parallel"]
  for (const { parallel } of models) {
    if (parallel === undefined || (most !== undefined && parallel.parallelism < most.parallelism)) continue
    most = { parallelism: parallel.parallelism, hasQueue: parallel.hasQueue || most?.hasQueue === true }
  }
  return most
}

/** What fitted anywhere fits; the limit lies between that and the least that did not. */
const memoryOf = (parts: ReadonlyArray<Document.Part>): Document.Part["memory"] => {
  const seen = parts.flatMap(({ memory }) => (memory === undefined ? [] : [memory]))
  if (seen.length === 0) return undefined
  const most = Math.max(...seen.map((memory) => memory.most))
  const tooMuch = Math.min(
    ...seen.map((memory) => memory.tooMuch ?? Number.POSITIVE_INFINITY).filter((gigabytes) => gigabytes > most)
  )
  const putOutAt = Math.max(...seen.map((memory) => memory.putOutAt))
  return Number.isFinite(tooMuch) ? { most, tooMuch, putOutAt } : { most, putOutAt }
}

/** Clients that have had an answer from the host so lately are taken to be at work there. */
const atWorkFor = 60_000

const isAtWork = ({ models }: Document.Part, now: number): boolean =>
  models.some(({ answeredAt }) => answeredAt !== undefined && now - answeredAt < atWorkFor)

/**
 * Memory and parallelism, as others have found them. What a host works on at once is shared by all that are at work there: to
 * think that it is all one's own would let every client send as much as one may.
 */
const figures = (member: Member, parts: ReadonlyArray<Document.Part>, now: number): void => {
  member.memory.heard = memoryOf(parts)
  const sharers = 1 + parts.filter((part) => isAtWork(part, now)).length
  const names = new Set(parts.flatMap(({ models }) => models.map(({ name }) => name)))
  member.heardParallelism = new Map(
    [...names].flatMap((name) => {
      const parallel = parallelOf(parts.flatMap(({ models }) => models.filter((model) => model.name === name)))
      if (parallel === undefined) return []
      return [[name, { ...parallel, parallelism: Math.max(1, Math.round(parallel.parallelism / sharers)) }] as const]
    })
  )
}

/** A breaker that will open again by itself in a moment has nothing to hear. */
const isOpen = (open: Document.Part["open"], now: number): open is NonNullable<typeof open> =>
  open !== undefined && open.until > now

export class Hearing {
  /** By client and host, or client, host and model: since when there is the trouble that was acted upon. */
  private acted = new Map<string, number>()
  /** Hosts and models that are in trouble here and of which others were heard to do well. */
  private hinted = new Set<string>()

  constructor(private readonly options: Options) {}

  /** @param own what this client has learned itself */
  hear(heard: ReadonlyArray<Heard>, members: ReadonlyMap<string, Member>, own: State.State, now: number) {
    const before = { acted: this.acted, hinted: this.hinted }
    // what is not told of any more is forgotten
    this.acted = new Map()
    this.hinted = new Set()
    return Effect.forEach(
      heard,
      ({ host, parts }) => {
        const member = members.get(host)
        if (member === undefined) return Effect.void
        figures(member, parts, now)
        this.ofHost(member, parts, before, now)
        return this.ofModels(member, parts, before, own, now)
      },
      { discard: true }
    )
  }

  /** Acts upon trouble once; says whether it is new. */
  private isNew(before: ReadonlyMap<string, number>, key: string, since: number): boolean {
    this.acted.set(key, since)
    return before.get(key) !== since
  }

  private ofHost(member: Member, parts: ReadonlyArray<Document.Part>, before: Before, now: number): void {
    const { contact } = member.server.host
    const answeredAt = contact?.answered === true ? contact.at : Number.NEGATIVE_INFINITY
    for (const part of parts) {
      const trouble = part.down ?? (isOpen(part.open, now) ? part.open : undefined)
      if (trouble === undefined) {
        if (member.downSince === undefined || (part.answeredAt ?? 0) <= member.downSince) continue
        if (this.isNew(before.acted, `${part.id} ${member.url}`, part.answeredAt ?? 0)) this.options.onHint(member)
        continue
      }
      // we have heard from the host since then: it is the other one's way to it that is broken
      if (now - part.at > freshFor || member.downSince !== undefined || answeredAt > trouble.since) continue
      if (this.isNew(before.acted, `${part.id} ${member.url}`, trouble.since)) this.options.onSuspect(member)
    }
  }

  private ofModels(member: Member, parts: ReadonlyArray<Document.Part>, before: Before, own: State.State, now: number) {
    const { guards } = member.server
    const known = State.host(own, member.url)
    return Effect.flatMap(guards.breakers, ({ models }) => {
      const doubts = new Set<string>()
      for (const part of parts) {
        for (const { answeredAt, name, open } of part.models) {
          const state = models.get(name)
          const key = `${member.url} ${name}`
          if (state?.state === "open" || (state?.state === "halfOpen" && before.hinted.has(key))) {
            // somebody had an answer since it has opened: time for a trial, once
            if ((answeredAt ?? 0) <= state.since && !before.hinted.has(key)) continue
            this.hinted.add(key)
            if (!before.hinted.has(key)) doubts.add(name)
            continue
          }
          if (!isOpen(open, now) || now - part.at > freshFor || State.onHost(known, name).at > open.since) continue
          const isAutomatic = state === undefined || state.state === "closed"
          if (this.isNew(before.acted, `${part.id} ${key}`, open.since) && isAutomatic) doubts.add(name)
        }
      }
      return Effect.forEach(doubts, guards.doubt, { discard: true })
    })
  }
}

interface Before {
  readonly acted: ReadonlyMap<string, number>
  readonly hinted: ReadonlySet<string>
}
