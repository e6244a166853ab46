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

/** The least that is known for sure: what has shown its limit, and lately. */
const parallelOf = (models: ReadonlyArray<Document.Model>): Document.Model["parallel"] => {
  const known = models.filter(({ parallel }) => parallel !== undefined).toSorted((a, b) => b.at - a.at)
  const proven = known.find(({ parallel }) => parallel?.hasQueue === true)
  if (proven !== undefined) return proven.parallel
  const most = known.reduce((most, { parallel }) => Math.max(most, parallel?.parallelism ?? 0), 0)
  return most === 0 ? undefined : { parallelism: most, hasQueue: false }
}

const memoryOf = (parts: ReadonlyArray<Document.Part>): Document.Part["memory"] => {
  let newest: Document.Part["memory"]
  for (const { memory } of parts) {
    if (memory !== undefined && memory.putOutAt > (newest?.putOutAt ?? Number.NEGATIVE_INFINITY)) newest = memory
  }
  return newest
}

/** Memory and parallelism, as others have found them. */
const figures = (member: Member, parts: ReadonlyArray<Document.Part>): void => {
  member.memory.heard = memoryOf(parts)
  const names = new Set(parts.flatMap(({ models }) => models.map(({ name }) => name)))
  member.heardParallelism = new Map(
    [...names].flatMap((name) => {
      const parallel = parallelOf(parts.flatMap(({ models }) => models.filter((model) => model.name === name)))
      return parallel === undefined ? [] : [[name, parallel] as const]
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
  hear(heard: ReadonlyArray<Heard>, find: (url: string) => Member | undefined, own: State.State, now: number) {
    const before = { acted: this.acted, hinted: this.hinted }
    // what is not told of any more is forgotten
    this.acted = new Map()
    this.hinted = new Set()
    return Effect.forEach(
      heard,
      ({ host, parts }) => {
        const member = find(host)
        if (member === undefined) return Effect.void
        figures(member, parts)
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
