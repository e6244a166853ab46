/** What a client has to tell of a host: what it has seen itself. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { defined } from "../../internal/defined.js"
import type * as CircuitBreaker from "../../policy/CircuitBreaker.js"
import * as State from "../../record/predictor/state.js"
import type { Member } from "../member.js"
import * as Parallelism from "../placement/parallelism.js"
import * as Document from "./document.js"

/** A part that is not signed yet. */
export type Content = Omit<Document.Part, "id" | "at">

/** When a host answered is told in steps of so many milliseconds: what only that changes is not worth a letter each time. */
const step = 30_000

const open = (reading: CircuitBreaker.Reading | undefined, now: number): Document.Model["open"] =>
  reading?.state !== "open" || reading.lastFailure === undefined
    ? undefined
    : {
        since: reading.since,
        until: Math.ceil(now + Duration.toMillis(reading.retryAfter)),
        cause: reading.lastFailure.tag
      }

const modelOf = (
  member: Member,
  own: State.State,
  name: string,
  reading: CircuitBreaker.Reading | undefined,
  now: number
): Document.Model => {
  const here = State.onHost(State.host(own, member.url), name)
  const model = State.model(own, name)
  const learning = member.server.guards.look(name, now).own
  return {
    name,
    at: Math.max(here.at, reading?.since ?? 0),
    ...defined({
      answeredAt: here.at > 0 ? here.at : undefined,
      gigabytes: here.gigabytes ?? model.gigabytes,
      loading: Document.written(here.loading),
      prompt: Document.written(here.prompt),
      generating: Document.written(here.generating),
      answer: Document.written(model.answer),
      characters: Document.written(model.characters),
      parallel:
        learning === undefined || !Parallelism.isShown(learning)
          ? undefined
          : { parallelism: Math.max(1, learning.parallelism), hasQueue: learning.hasQueue },
      open: open(reading, now)
    })
  }
}

/** Nothing where there is nothing to tell. */
export const of = (member: Member, own: State.State, now: number): Effect.Effect<Content | undefined> =>
  Effect.map(member.server.guards.breakers, (breakers) => {
    const known = State.host(own, member.url)
    const { contact } = member.server.host
    const names = new Set(Object.keys(known.models))
    for (const [name, { state }] of breakers.models) if (state === "open") names.add(name)
    const models = [...names]
      .filter((name) => name.length <= Document.limits.name)
      .map((name) => modelOf(member, own, name, breakers.models.get(name), now))
      .toSorted((a, b) => b.at - a.at)
      .slice(0, Document.limits.models)
    const content: Content = {
      ...defined({
        loading: Document.written(known.loading),
        prompt: Document.written(known.prompt),
        generating: Document.written(known.generating),
        memory: member.memory.seen,
        down: member.downSince === undefined ? undefined : { since: member.downSince },
        open: open(breakers.host, now),
        answeredAt: contact?.answered === true ? Math.floor(contact.at / step) * step : undefined
      }),
      models
    }
    return models.length === 0 && Object.keys(content).length === 1 ? undefined : content
  })

/** Whether it tells of trouble, which is told again and again for as long as it lasts. */
export const isTrouble = ({ down, models, open }: Content): boolean =>
  down !== undefined || open !== undefined || models.some((model) => model.open !== undefined)
