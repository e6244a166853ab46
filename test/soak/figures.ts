/** What a soak came to, in numbers. */
import type { Account } from "./audit.js"
import * as Audit from "./audit.js"
import type { Told } from "./callers.js"
import type { Outcome } from "./run.js"

type Counts = Readonly<Record<string, number>>

const count = (names: ReadonlyArray<string>): Counts => {
  const counts: Record<string, number> = {}
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

const gotOf = ({ got }: Told): string => (got.is === "failure" ? got.error._tag : got.is)

export const of = (outcome: Outcome, account: Account) => {
  const records = [...outcome.records.values()].flat()
  const { problems: _answers, ...answers } = Audit.answers(account)
  const { problems: _loads, ...loads } = Audit.loads(outcome, account)
  const forCalls = outcome.sent.filter(({ id }) => id !== undefined).length
  return {
    calls: outcome.told.length,
    got: count(outcome.told.map(gotOf)),
    outcomes: count(records.map((record) => record.outcome)),
    successes: count(outcome.told.filter(({ got }) => got.is !== "failure").map(({ asked }) => asked.client)),
    decisions: count(records.flatMap(({ decisions }) => decisions.map(({ what }) => what))),
    ended: outcome.state.ended,
    sent: outcome.sent.length,
    toNobody: outcome.sent.filter(({ wasUp }) => !wasUp).length,
    /** Requests for each call, and for each one that was sent at all. */
    perCall: forCalls / outcome.told.length,
    perSentCall: forCalls / account.stories.filter(({ exchanges }) => exchanges.length > 0).length,
    answers,
    loads,
    spells: count(outcome.spells)
  }
}

/** All that happened, in a form that can be compared. */
export const history = ({ requests, sent, state, told, took }: Outcome) => ({
  told: told.map((one) => `${one.asked.id} ${gotOf(one)} from ${one.from} to ${one.to}`),
  sent: sent.map(({ at, client, id, path }) => `${client} ${path} ${id ?? "-"} at ${at}`),
  seen: requests.map(({ at, ended }) => `${at} ${ended?.how} ${ended?.status ?? "-"} at ${ended?.at}`),
  state,
  took
})
