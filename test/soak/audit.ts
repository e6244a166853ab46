/** Whether what callers, clients and server tell of the same calls agrees, to the last request. */
import type { OllamaError } from "effect-ollama"
import type { OllamaSimulator } from "effect-ollama/testing"
import type { CallRecord, Told } from "./callers.js"
import { header, type Sent } from "./clients.js"
import * as Evidence from "./evidence.js"
import * as Plan from "./plan.js"
import type { Outcome } from "./run.js"

/** What left a client, and what the server saw of it. */
export interface Exchange {
  readonly sent: Sent
  readonly seen: OllamaSimulator.Seen | undefined
}

/** One call, from all sides. */
export interface Story {
  readonly told: Told
  readonly records: ReadonlyArray<CallRecord>
  /** What was sent for it and nobody else, in its order. */
  readonly exchanges: ReadonlyArray<Exchange>
}

export interface Account {
  readonly stories: ReadonlyArray<Story>
  /** What clients sent on their own account: loads, looks at what is in memory, probes. */
  readonly own: ReadonlyArray<Exchange>
}

type Problems = ReadonlyArray<string>

const grouped = <A, K>(all: ReadonlyArray<A>, keyOf: (a: A) => K): ReadonlyMap<K, ReadonlyArray<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const one of all) {
    const group = groups.get(keyOf(one))
    if (group === undefined) groups.set(keyOf(one), [one])
    else group.push(one)
  }
  return groups
}

export const accountOf = ({ records, requests, sent, told }: Outcome): Account => {
  const seen = new Map(requests.map((request) => [request.headers[header], request]))
  const exchanges = sent.map((sent): Exchange => ({ sent, seen: seen.get(String(sent.index)) }))
  const byCall = grouped(exchanges, (exchange) => exchange.sent.id)
  return {
    stories: told.map((told) => ({
      told,
      records: records.get(told.asked.id) ?? [],
      exchanges: byCall.get(told.asked.id) ?? []
    })),
    own: byCall.get(undefined) ?? []
  }
}

const whole = (asked: Plan.Asked): string => Plan.answer(Plan.prompt(asked)).join("")

const show = ({ exchanges, records, told }: Story): string =>
  [
    `call ${told.asked.id} (${told.asked.client}, ${told.asked.kind}, ${told.asked.patience.how})`,
    `got ${told.got.is === "failure" ? told.got.error._tag : told.got.is}`,
    `recorded ${records.map(({ outcome }) => outcome).join(", ")}`,
    `sent ${exchanges.map(({ seen }) => (seen === undefined ? "to nobody" : `${seen.ended?.how} ${seen.ended?.status}`)).join(", ")}`
  ].join("; ")

const problem = (story: Story, what: string): string => `${what}: ${show(story)}`

/** Whether an answer with this end is what the record speaks of. */
const isEnd = (exchange: Exchange, outcome: string): boolean =>
  outcome === "success" ? isAnswered(exchange) : Evidence.tagsOf(exchange).some((tag) => tag === outcome)

/** Each call has one end, the same for its caller and its record, and an answer is whole. */
const ends = ({ stories }: Account): Problems =>
  stories.flatMap((story) => {
    const { records, told } = story
    const { asked, got } = told
    const outcomes = records.map(({ outcome }) => outcome)
    const expect = (holds: boolean, what: string) => (holds ? [] : [problem(story, what)])
    const once = expect(outcomes.length === 1, "not one end")
    const [outcome = ""] = outcomes
    switch (got.is) {
      case "answer":
        return [...once, ...expect(outcome === "success", "no success"), ...expect(got.text === whole(asked), "half")]
      case "vectors":
        return [...once, ...expect(outcome === "success", "no success"), ...expect(got.count === asked.words, "half")]
      case "part":
        return [
          ...once,
          // the end may have come together with the chunks that were wanted
          ...expect(outcome === "left" || story.exchanges.some((exchange) => isEnd(exchange, outcome)), "not left"),
          ...expect(!got.isDone && got.text !== "" && whole(asked).startsWith(got.text), "another text")
        ]
      case "nothing":
        return [...once, ...expect(outcome === "left", "not left")]
      case "failure":
        return [
          ...once,
          ...expect(outcome === got.error._tag, "another failure"),
          ...expect(whole(asked).startsWith(got.error.partial?.text ?? ""), "a partial answer of another call")
        ]
      case "defect":
        return [...once, problem(story, got.why)]
    }
  })

/** The server saw what was sent while it was there, and nothing else. */
const ways = ({ requests, sent }: Outcome, { own, stories }: Account): Problems => {
  const all = [...stories.flatMap(({ exchanges }) => exchanges), ...own]
  return [
    ...(all.length === sent.length ? [] : [`${sent.length - all.length} were sent for no call`]),
    ...(all.filter(({ seen }) => seen !== undefined).length === requests.length ? [] : ["seen, and not sent"]),
    ...all
      .filter(({ seen, sent }) => (seen !== undefined) !== sent.wasUp)
      .map(({ sent }) => `${sent.path} at ${sent.at}: ${sent.wasUp ? "sent, and not seen" : "seen by nobody"}`),
    ...all
      .filter(({ seen }) => seen !== undefined && seen.ended === undefined)
      .map(({ sent }) => `${sent.path} at ${sent.at}: has not ended`)
  ]
}

export const isAnswered = ({ seen }: Exchange): boolean => seen?.ended?.how === "completed" && seen.ended.status === 200

/** A copy was sent beside another one. */
const isHedged = ({ records }: Story): boolean =>
  records.some(({ decisions }) => decisions.some(({ what }) => what === "hedged"))

/** Why the server has answered where the client has no success, or more often than it has. */
const reasons = ["the caller left", "a hedge", "the limit in the same moment"] as const
export type Reason = (typeof reasons)[number]

const reasonFor = (story: Story, exchange: Exchange): Reason | undefined => {
  const { got, to } = story.told
  if (isHedged(story)) return "a hedge"
  if (got.is === "nothing" || got.is === "part") return "the caller left"
  const isLate = got.is === "failure" && got.error._tag === "Timeout" && got.error.phase === "total"
  return isLate && exchange.seen?.ended?.at === to ? "the limit in the same moment" : undefined
}

export interface Answers {
  /** Answers that the server gave in full. */
  readonly answered: number
  /** Calls that ended in a success. */
  readonly successes: number
  /** Answers that no call ended with, by the reason. */
  readonly unused: Readonly<Record<Reason, number>>
  readonly problems: Problems
}

/** Each success is one answer of the server, the last one; each other answer has its reason. */
export const answers = ({ stories }: Account): Answers => {
  const unused: Record<Reason, number> = { "the caller left": 0, "a hedge": 0, "the limit in the same moment": 0 }
  const problems: Array<string> = []
  let answered = 0
  let successes = 0
  for (const story of stories) {
    const given = story.exchanges.filter(isAnswered)
    answered += given.length
    const isSuccess = story.records[0]?.outcome === "success"
    if (isSuccess) successes++
    if (isSuccess && given.length === 0) problems.push(problem(story, "a success that nobody answered"))
    if (isSuccess && !isHedged(story) && given[0] !== story.exchanges.at(-1)) {
      problems.push(problem(story, "something was sent after the answer"))
    }
    for (const exchange of given.slice(isSuccess ? 1 : 0)) {
      const reason = reasonFor(story, exchange)
      if (reason === undefined) problems.push(problem(story, "an answer that nobody got"))
      else unused[reason]++
    }
  }
  return { answered, successes, unused, problems }
}

/** What was decided for a call is what was sent for it. */
const attempts = ({ stories }: Account): Problems =>
  stories.flatMap((story) => {
    const decided = story.records[0]?.decisions ?? []
    const more = decided.filter(({ what }) => ["retried", "hedged", "fellBack", "heldOffline"].includes(what))
    return story.exchanges.length <= 1 + more.length ? [] : [problem(story, "sent more often than was decided")]
  })

/** What a call took of the budget and was not given back: neither refused by a breaker then, nor left meanwhile. */
const spent = ({ decisions, outcome }: CallRecord): number => {
  const many = (...whats: ReadonlyArray<string>) => decisions.filter(({ what }) => whats.includes(what)).length
  return outcome === "left" ? 0 : Math.max(0, many("retried", "hedged") - many("refused"))
}

/** What a client may send again: its pool, and a fifth of a token for each success (the budget by default). */
const budgets = ({ stories }: Account): Problems =>
  [...grouped(stories, ({ told }) => told.asked.client)].flatMap(([client, of]) => {
    const records = of.flatMap(({ records }) => records)
    const again = records.reduce((sum, record) => sum + spent(record), 0)
    const most = 100 + 0.2 * records.filter(({ outcome }) => outcome === "success").length
    return again <= most ? [] : [`${client} sent ${again} again, where ${most} may be`]
  })

const failureOf = ({ told }: Story): OllamaError.OllamaError | undefined =>
  told.got.is === "failure" ? told.got.error : undefined

/** A failure has its tag from something that happened. */
const tags = ({ own, stories }: Account): Problems => {
  const loads = grouped(own.filter(Evidence.isLoad), ({ sent }) => sent.client)
  return stories.flatMap((story) => {
    const error = failureOf(story)
    if (error === undefined || Evidence.isByClient(error)) return []
    const near = (loads.get(story.told.asked.client) ?? []).filter((load) => Evidence.isWithin(load, story.told))
    // who is held for a host learns what the others have seen of it
    const isHeld = story.records.some(({ decisions }) => decisions.some(({ what }) => what === "heldOffline"))
    if (isHeld && Evidence.isOffline(error)) return []
    if (near.some((load) => Evidence.isUnfinished(load, error, story.told))) return []
    const all = [...story.exchanges, ...near].flatMap(Evidence.tagsOf)
    return all.includes(error._tag) ? [] : [problem(story, `not to be seen: ${error._tag} of ${all.join(", ")}`)]
  })
}

/** Nothing runs, waits, or is held. */
const rest = ({ open, sleeping, state }: Outcome): Problems => [
  ...(open === 0 ? [] : [`${open} requests are open`]),
  ...(sleeping === 0 ? [] : [`${sleeping} sleep`]),
  ...(state.inFlight === 0 ? [] : [`${state.inFlight} are in flight at the server`]),
  ...(state.queued === 0 ? [] : [`${state.queued} are queued at the server`]),
  ...(state.loading === undefined ? [] : [`${state.loading} is being loaded`]),
  ...state.residents
    .filter(({ answering, waiting }) => answering + waiting > 0)
    .map(({ name }) => `${name} is being asked`)
]

/** What the loads came to. */
export interface Loads {
  readonly begun: number
  readonly finished: number
  readonly failed: number
  /** Thrown away because the server was shut down. */
  readonly cut: number
  /** Thrown away by calls that had found their model in memory, and left when it was gone. */
  readonly byCallers: number
  readonly problems: Problems
}

/** How long a client takes a model that has answered for one that is in memory, in milliseconds. */
const remembered = 60_000

/** Whether the client had an answer of the model a while ago: it could not know that the model had to make room since. */
const isExcused = (exchange: Exchange, all: ReadonlyArray<Exchange>): boolean => {
  const { at, client, id, model } = exchange.sent
  return (
    id !== undefined &&
    all.some(({ seen, sent }) => {
      const ended = seen?.ended
      if (sent.client !== client || sent.model !== model || ended?.status !== 200) return false
      return ended.at <= at && ended.at >= at - remembered
    })
  )
}

/** A load is thrown away by a shutdown, or by a call that found its model in memory, and left when it was gone. */
export const loads = ({ cutLoads, sent, state, threwAway }: Outcome, { own, stories }: Account): Loads => {
  const { aborted, begun, failed, finished } = state.loads
  const all = [...own, ...stories.flatMap(({ exchanges }) => exchanges)]
  const byCallers = all.filter((exchange) => threwAway.includes(exchange.sent.index))
  return {
    begun,
    finished,
    failed,
    cut: cutLoads,
    byCallers: byCallers.length,
    problems: [
      ...(begun === finished + aborted + failed ? [] : ["a load without an end"]),
      ...(aborted === cutLoads + threwAway.length && sent.length === all.length
        ? []
        : ["a load thrown away by nobody"]),
      ...byCallers
        .filter((exchange) => !isExcused(exchange, all))
        .map(
          ({ sent }) => `a load of ${sent.model} was thrown away by ${sent.client}, call ${sent.id ?? "of its own"}`
        ),
      ...own
        .filter((load) => Evidence.isLoad(load) && load.seen?.ended?.how === "left" && !Evidence.isSilenced(load))
        .map(({ sent }) => `a load of ${sent.model} by ${sent.client} was left`)
    ]
  }
}

export const problems = (outcome: Outcome, account: Account): Problems => [
  ...ends(account),
  ...ways(outcome, account),
  ...answers(account).problems,
  ...attempts(account),
  ...budgets(account),
  ...tags(account),
  ...loads(outcome, account).problems,
  ...rest(outcome)
]
