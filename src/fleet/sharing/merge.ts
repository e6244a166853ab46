/**
 * Documents put together, and what they say together of what was learned. Pure.
 *
 * Of a document, two clients may write at the same time, and the last one wins: what the other has written is in its next
 * document again. For that to come to an end, putting together has to give the same in any order and any number of times.
 */
import * as Estimate from "../../record/predictor/estimate.js"
import * as State from "../../record/predictor/state.js"
import * as Document from "./document.js"

const newestFirst = (a: Document.Part, b: Document.Part): number => b.at - a.at || (a.id < b.id ? -1 : 1)

/** Of two parts of one client the newer; where both say the same time, any, as long as it is always the same one. */
const newer = (a: Document.Part, b: Document.Part): Document.Part => {
  if (a.at !== b.at) return a.at > b.at ? a : b
  return JSON.stringify(a) >= JSON.stringify(b) ? a : b
}

/** Of each client its newest part, and of all of them the newest. */
export const documents = (...all: ReadonlyArray<Document.Document>): Document.Document => {
  const parts = new Map<string, Document.Part>()
  for (const { clients } of all) {
    for (const part of clients) {
      const known = parts.get(part.id)
      parts.set(part.id, known === undefined ? part : newer(known, part))
    }
  }
  return { version: 1, clients: [...parts.values()].toSorted(newestFirst).slice(0, Document.limits.clients) }
}

/** What others say of a host. */
export interface Heard {
  readonly host: string
  readonly parts: ReadonlyArray<Document.Part>
}

/** What is our own, with what others have seen of the same. */
const joined = (own: Estimate.Estimate, heard: ReadonlyArray<Document.Estimate | undefined>): Estimate.Estimate => {
  const known = heard.filter((one) => one !== undefined)
  return known.length === 0 ? own : Estimate.together([own, ...known.map(Document.estimate)])
}

const latest = (own: number, heard: ReadonlyArray<{ readonly at: number }>): number =>
  heard.reduce((most, { at }) => Math.max(most, at), own)

const sizeOf = (own: number | undefined, heard: ReadonlyArray<Document.Model>): { readonly gigabytes?: number } => {
  const gigabytes =
    own ??
    heard
      .filter((model) => model.gigabytes !== undefined)
      .toSorted((a, b) => b.at - a.at)
      .at(0)?.gigabytes
  return gigabytes === undefined ? {} : { gigabytes }
}

const byName = (parts: ReadonlyArray<Document.Part>): ReadonlyMap<string, ReadonlyArray<Document.Model>> => {
  const models = new Map<string, Array<Document.Model>>()
  for (const part of parts) {
    for (const model of part.models) {
      const known = models.get(model.name)
      if (known === undefined) models.set(model.name, [model])
      else known.push(model)
    }
  }
  return models
}

/** Of each client what it has seen last of a model, on whichever host: it tells the same at each of them. */
const ofModels = (heard: ReadonlyArray<Heard>): ReadonlyMap<string, ReadonlyArray<Document.Model>> => {
  const models = new Map<string, Map<string, Document.Model>>()
  for (const { parts } of heard) {
    for (const { id, models: ofPart } of parts) {
      for (const model of ofPart) {
        const known = models.get(model.name) ?? new Map<string, Document.Model>()
        models.set(model.name, known)
        const before = known.get(id)
        if (before === undefined || before.at < model.at) known.set(id, model)
      }
    }
  }
  return new Map([...models].map(([name, byClient]) => [name, [...byClient.values()]]))
}

type Rates<A> = Readonly<Record<"loading" | "prompt" | "generating", A>>

/** What a host and a model on it have alike. */
const ratesOf = (
  own: Rates<Estimate.Estimate>,
  heard: ReadonlyArray<Partial<Rates<Document.Estimate>>>
): Rates<Estimate.Estimate> => {
  const of = (rate: keyof Rates<unknown>) =>
    joined(
      own[rate],
      heard.map((one) => one[rate])
    )
  return { loading: of("loading"), prompt: of("prompt"), generating: of("generating") }
}

const withHost = (state: State.State, { host, parts }: Heard): State.State => {
  if (parts.length === 0) return state
  const known = State.host(state, host)
  const withModels = [...byName(parts)].reduce((all, [name, models]) => {
    const here = State.onHost(all, name)
    return State.withOnHost(all, name, {
      ...here,
      ...sizeOf(here.gigabytes, models),
      at: latest(here.at, models),
      ...ratesOf(here, models)
    })
  }, known)
  return State.withHost(state, host, { ...withModels, at: latest(known.at, parts), ...ratesOf(known, parts) })
}

/** What was learned from our own calls, with what others have learned from theirs. */
export const learned = (own: State.State, heard: ReadonlyArray<Heard>): State.State => {
  const hosts = heard.reduce(withHost, own)
  return [...ofModels(heard)].reduce((state, [name, models]) => {
    const known = State.model(state, name)
    return State.withModel(state, name, {
      ...known,
      ...sizeOf(known.gigabytes, models),
      at: latest(known.at, models),
      answer: joined(
        known.answer,
        models.map(({ answer }) => answer)
      ),
      characters: joined(
        known.characters,
        models.map(({ characters }) => characters)
      )
    })
  }, hosts)
}
