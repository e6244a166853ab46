/** One situation, staged and met by a call: whether the failure, the verdict and the doctor's causes are right. */
import { Effect } from "effect"
import { addresses, type Lab } from "../support/real/lab.js"
import * as Labs from "../support/real/lab.js"
import * as Process from "../support/real/process.js"
import type { CallJob, ClientLine, Outcome } from "../support/real/programs/protocol.js"
import * as Programs from "../support/real/programs.js"
import * as Tools from "../support/real/tools.js"
import { defined } from "../../src/internal/defined.js"
import { before, type Failure, model, port, type Situation, type Told, type Turn, words } from "./situation.js"

/** What was found of one question. */
export interface Answer {
  readonly isRight: boolean
  readonly shown: string
  readonly problems: ReadonlyArray<string>
}

export interface Row {
  readonly id: string
  readonly what: string
  /** Why it was left out. */
  readonly skipped?: string
  readonly millis?: number
  readonly failure?: Answer
  readonly verdict?: Answer
  readonly cause?: Answer
  /** Everything that the client told. */
  readonly end?: End
}

/** Whether nothing is wrong; what was left out is not. */
export const isRight = (row: Row): boolean => questions.every((question) => row[question]?.isRight !== false)

export const questions = ["failure", "verdict", "cause"] as const

const skipped = ({ id, what }: Situation, why: string): Row => ({ id, what, skipped: why })

const notStaged = ({ id, what }: Situation, defect: unknown): Row => ({
  id,
  what,
  failure: { isRight: false, shown: "not staged", problems: [String(defect)] }
})

export type End = Extract<ClientLine, { readonly _tag: "End" }>

const call = (client: Process.Running, job: CallJob, turn: Turn | undefined): Effect.Effect<End> =>
  Effect.gen(function* () {
    yield* client.write(JSON.stringify(job))
    for (;;) {
      const text = yield* client.line
      // what is logged is not for us
      if (!text.startsWith("{")) continue
      const line = JSON.parse(text) as ClientLine
      if (line._tag === "End") return line
      const isTurn = line._tag === "Chunk" ? line.nth === before && job.before === 0 : job.before > 0
      if (isTurn && turn !== undefined) yield* turn
      if (line._tag === "Before") yield* client.write("")
    }
  })

const client = (lab: Lab, situation: Situation, told: Told) =>
  Effect.gen(function* () {
    const env = {
      OLLAMA_HOST: `http://${addresses.server}:${port}`,
      OLLAMA_POLICY: JSON.stringify(situation.policy),
      ...told.env
    }
    return yield* Process.start(lab, "client", yield* Programs.command("client"), { env })
  })

const shownFields = ["reason", "by", "issue", "phase", "status"] as const

const shown = (outcome: Outcome): string => {
  if (outcome._tag === "Success") return "success"
  if (outcome._tag === "Defect") return "defect"
  const fields: Readonly<Record<string, unknown>> = { ...outcome.failure }
  const known = shownFields.flatMap((key) => (fields[key] === undefined ? [] : [String(fields[key])]))
  return [outcome.failure._tag, ...known, ...(fields["partial"] === undefined ? [] : ["partial"])].join(" ")
}

const differences = (failure: Readonly<Record<string, unknown>>, expected: Failure): ReadonlyArray<string> =>
  Object.entries(expected).flatMap(([key, value]) => {
    const actual =
      key === "partial"
        ? failure[key] !== undefined
        : key === "attempts"
          ? (failure[key] as ReadonlyArray<unknown>).length
          : failure[key]
    return actual === value ? [] : [`${key} is ${JSON.stringify(actual)}, not ${JSON.stringify(value)}`]
  })

const whole = words.join("")

const problemsOf = (outcome: Outcome, expected: Situation["expected"]): ReadonlyArray<string> => {
  if (outcome._tag === "Defect") return [outcome.words]
  if (outcome._tag === "Success") {
    if (expected !== "success") return [`it succeeded, and had to fail with ${expected._tag}`]
    return outcome.text === whole ? [] : [`"${outcome.text}" is not the whole answer`]
  }
  if (expected === "success") return [`it had to succeed: ${outcome.message}`]
  const { partial } = outcome.failure
  const { says = /^/, ...fields } = expected
  const wrong = differences({ partial: undefined, ...outcome.failure }, { partial: false, ...fields })
  if (!says.test(outcome.message)) return [...wrong, `the message is not ${says}`]
  if (partial === undefined) return wrong
  return whole.startsWith(partial.text) && partial.chunks >= before
    ? wrong
    : [...wrong, `"${partial.text}" (${partial.chunks} chunks) is not what had arrived`]
}

export const judge = (outcome: Outcome, expected: Situation["expected"]): Answer => {
  const problems = problemsOf(outcome, expected)
  return {
    isRight: problems.length === 0,
    shown: shown(outcome),
    problems: problems.length > 0 && outcome._tag === "Failure" ? [...problems, outcome.message] : problems
  }
}

const one = (is: string, wanted: string, why: string): Answer => ({
  isRight: is === wanted,
  shown: is,
  problems: is === wanted ? [] : [`${is}, not ${wanted}: ${why}`]
})

const verdictOf = ({ record }: End, { verdict }: Situation): Answer | undefined =>
  record === undefined ? undefined : one(record.verdict._tag, verdict, JSON.stringify(record.verdict))

const causeOf = ({ report }: End, { cause, mayBe }: Situation): Answer | undefined => {
  if (report === undefined) return undefined
  const answer = one(report.verdict.cause, cause, report.verdict.text)
  return mayBe === undefined || report.causes[mayBe].holds !== "no"
    ? answer
    : { ...answer, isRight: false, problems: [...answer.problems, `${mayBe} is ruled out, and may be`] }
}

export const run = (situation: Situation): Effect.Effect<Row> =>
  Effect.gen(function* () {
    const why = Tools.missing(situation.needs)
    if (why !== undefined) return skipped(situation, why)
    const lab = yield* Labs.make
    const { turn, ...told } = yield* situation.stage(lab)
    const running = yield* client(lab, situation, told)
    const job: CallJob = {
      operation: "chatStream",
      model,
      characters: 20,
      before: 0,
      isExhausted: false,
      ...told
    }
    const end = yield* call(running, job, turn)
    return {
      id: situation.id,
      what: situation.what,
      millis: end.millis,
      failure: judge(end.outcome, situation.expected),
      end,
      ...defined({ verdict: verdictOf(end, situation), cause: causeOf(end, situation) })
    }
  }).pipe(
    Effect.scoped,
    Effect.catchAllDefect((defect) => Effect.succeed(notStaged(situation, defect)))
  )
