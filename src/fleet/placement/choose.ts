/** The host of a call. */
import type { Asked } from "./asked.js"
import * as Candidates from "./candidates.js"
import * as Completion from "./completion.js"
import * as Cost from "./cost.js"
import type { Memory } from "./memory.js"
import * as Rotation from "./rotation.js"
import * as Sticky from "./sticky.js"
import * as Value from "./value.js"
import type { Answer, HostView, Question, View } from "./view.js"

const chosen = ({ memory, question, view }: Asked, place: number | undefined): Answer => {
  const host = place === undefined ? undefined : view.hosts[place]
  if (place === undefined || host === undefined) return { _tag: "Refusal", reason: "declined", wait: undefined }
  return {
    _tag: "Choice",
    host: host.host,
    index: place,
    cost: Cost.parts(host, memory.common, question),
    isPanic: Candidates.isPanic(memory.candidates),
    isAgain: Candidates.isAgain(memory.candidates)
  }
}

const own = (choice: Value.Own, asked: Asked): Answer => {
  const { places, question, view } = asked
  const hosts: Array<HostView> = []
  for (const place of places) {
    const host = view.hosts[place]
    if (host !== undefined) hosts.push(host)
  }
  const wanted = choice(hosts, question, view)?.host
  return chosen(
    asked,
    places.find((place) => view.hosts[place]?.host === wanted)
  )
}

const expectedCompletion = (options: Completion.Options, asked: Asked): Answer => {
  const place = Completion.cheapest(asked)
  const objection = place === undefined ? undefined : Completion.objection(options, asked, place)
  return objection ?? chosen(asked, place)
}

const sticky = ({ factor, key }: Required<Omit<Value.Sticky, "by">>, asked: Asked): Answer => {
  const text = key === "model" ? asked.question.model : asked.question.session
  return text === undefined
    ? expectedCompletion(Value.defaults, asked)
    : chosen(asked, Sticky.sticky(asked, text, factor))
}

/** The hosts of the lowest tier above this one. */
const tierAbove = (tier: number, { places, view }: Asked): number => {
  let lowest = Number.POSITIVE_INFINITY
  for (const place of places) {
    const priority = view.hosts[place]?.priority ?? lowest
    if (priority > tier && priority < lowest) lowest = priority
  }
  return lowest
}

/** Of the first tier that does not refuse the call; if all do, as the first one does. */
const priority = (within: Value.Within, asked: Asked): Answer => {
  let first: Answer | undefined
  for (let tier = tierAbove(Number.NEGATIVE_INFINITY, asked); Number.isFinite(tier); tier = tierAbove(tier, asked)) {
    const places = asked.places.filter((place) => asked.view.hosts[place]?.priority === tier)
    const answer = byName(within, { ...asked, places })
    if (answer._tag !== "Refusal") return answer
    first ??= answer
  }
  return first ?? byName(within, asked)
}

const byName = (name: Value.Name, asked: Asked): Answer => {
  switch (name) {
    case "expectedCompletion":
      return expectedCompletion(Value.defaults, asked)
    case "leastInFlight":
      return chosen(asked, Rotation.leastInFlight(asked))
    case "roundRobin":
      return chosen(asked, Rotation.roundRobin(asked))
    case "weighted":
      return chosen(asked, Rotation.weighted(asked))
    case "random":
      return chosen(asked, Rotation.random(asked))
    case "sticky":
      return sticky(Value.defaults, asked)
    case "priority":
      return priority(Value.defaults.within, asked)
  }
}

const byValue = (placement: Exclude<Value.Placement, string>, asked: Asked): Answer => {
  switch (placement.by) {
    case "expectedCompletion":
      return expectedCompletion({ ...Value.defaults, ...placement }, asked)
    case "sticky":
      return sticky({ ...Value.defaults, ...placement }, asked)
    case "priority":
      return priority(placement.within ?? Value.defaults.within, asked)
  }
}

/**
 * Chooses. The same question with the same view, memory and random number has the same answer; the memory is changed by it.
 * There is an answer with a host as long as one is left that may have the call at all, unless admission refuses it or it
 * is to be held.
 *
 * @since 0.1.0
 * @category getters
 */
export const choose = (
  placement: Value.Placement | Value.Own,
  view: View,
  question: Question,
  memory: Memory
): Answer => {
  const { places } = Candidates.find(memory.candidates, view, question)
  if (places.length === 0) return Candidates.refusal(view, question)
  Cost.survey(memory.common, view, question)
  const asked: Asked = { view, question, memory, places }
  const answer =
    typeof placement === "function"
      ? own(placement, asked)
      : typeof placement === "string"
        ? byName(placement, asked)
        : byValue(placement, asked)
  memory.turn = (memory.turn + 1) % Number.MAX_SAFE_INTEGER
  return answer
}
