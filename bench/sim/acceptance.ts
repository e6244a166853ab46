/** What is wanted of the Fleet (resilience notes, 5.7), line by line: whether it holds, and by which figures. */
import { loadFloor } from "./floor.js"
import type { Figures } from "./metrics.js"
import { few, reasons, reasonsOfFew } from "./reasons.js"
import type { Scenario } from "./scenario.js"

/** The mean figures of a contestant in a scenario. */
export type Means = (scenario: string, contestant: string) => Figures | undefined

export interface Field {
  readonly scenarios: ReadonlyArray<Scenario>
  readonly means: Means
  /** Of each run. */
  readonly requests: number
  readonly fleet: string
  readonly rivals: ReadonlyArray<string>
  readonly leastConnections: string
  readonly clairvoyant: string
  readonly pooled: string
  readonly shedding: string
}

/** A scenario in which a line was looked at. */
export interface Point {
  readonly scenario: string
  readonly figure: number
  readonly limit: number
  readonly holds: boolean
}

export interface Line {
  readonly id: string
  readonly wanted: string
  readonly holds: boolean
  /** The point that is nearest to the limit, or farthest beyond it. */
  readonly worst: Point | undefined
  readonly broken: ReadonlyArray<Point & { readonly reason: string | undefined }>
}

interface Rule {
  readonly id: string
  readonly wanted: string
  /** Where the scenario says nothing of it: undefined. */
  readonly of: (
    scenario: Scenario,
    figures: Figures,
    field: Field
  ) => { readonly figure: number; readonly limit: number } | undefined
  readonly atLeast?: boolean
}

/** Figures of shares are compared to a tenth of a percent. */
const near = 0.001

const isSteady = ({ id }: Scenario) => id.startsWith("steady") || id.startsWith("slow") || id === "fit"

const refuses = ({ id }: Scenario) => id === "dead" || id === "partition" || id === "lying-probe"

const rules: ReadonlyArray<Rule> = [
  {
    id: "p95-clairvoyant",
    wanted: "first token p95 at most 1.2 times that of the clairvoyant greedy, outside overload",
    of: (scenario, { first95 }, { clairvoyant, means }) => {
      const it = means(scenario.id, clairvoyant)
      return it === undefined || scenario.isOverload === true ? undefined : { figure: first95 / it.first95, limit: 1.2 }
    }
  },
  {
    id: "p95-pooled",
    wanted: "first token p95 at most 3 times that of one line without loads, outside overload",
    of: (scenario, { first95 }, { means, pooled }) => {
      const it = means(scenario.id, pooled)
      return it === undefined || scenario.isOverload === true ? undefined : { figure: first95 / it.first95, limit: 3 }
    }
  },
  {
    id: "control",
    wanted: "where all models fit, first token p95 at most 1.1 times that of least connections",
    of: (scenario, { first95 }, { leastConnections, means }) => {
      const it = means(scenario.id, leastConnections)
      return it === undefined || scenario.id !== "fit" ? undefined : { figure: first95 / it.first95, limit: 1.1 }
    }
  },
  {
    id: "goodput-rivals",
    wanted: "goodput at least that of the best rival, in every scenario",
    atLeast: true,
    of: (scenario, { good }, { means, rivals }) => {
      const others = rivals.flatMap((rival) => means(scenario.id, rival)?.good ?? [])
      return others.length === 0 ? undefined : { figure: good, limit: Math.max(...others) - near }
    }
  },
  {
    id: "goodput-overload",
    wanted: "goodput at least 98 % of that of one line that sheds, under overload",
    atLeast: true,
    of: (scenario, { good }, { means, shedding }) => {
      const it = means(scenario.id, shedding)
      return it === undefined || scenario.isOverload !== true ? undefined : { figure: good / it.good, limit: 0.98 }
    }
  },
  {
    id: "aborted",
    wanted: "no load thrown away because a caller left",
    of: (_, { aborted }) => ({ figure: aborted, limit: 0 })
  },
  {
    id: "loads",
    wanted: "loads at most 3 times as many as there have to be",
    of: (scenario, { loads }) => ({ figure: loads / loadFloor(scenario), limit: 3 })
  },
  {
    id: "attempts",
    wanted: "attempts at most 1.2 by request in every minute",
    of: (_, { attemptsPeak }) => ({ figure: attemptsPeak, limit: 1.2 })
  },
  {
    id: "unused",
    wanted: "a dead host is not used any more after 2 seconds",
    of: (scenario, { sentToBad }) => (refuses(scenario) ? { figure: sentToBad, limit: 0 } : undefined)
  },
  {
    id: "back",
    wanted: "a host is used again within 5 seconds of being well",
    of: (scenario, { back }) => (refuses(scenario) ? { figure: back, limit: 5 } : undefined)
  },
  {
    id: "false-ejections",
    wanted: "no host is left alone without a reason, steady and slow",
    of: (scenario, { falseEjections }) => (isSteady(scenario) ? { figure: falseEjections, limit: 0 } : undefined)
  },
  {
    id: "type",
    wanted: "every failure is of the right class",
    atLeast: true,
    of: (_, { rightType }) => (Number.isNaN(rightType) ? undefined : { figure: rightType, limit: 1 })
  },
  {
    id: "verdict",
    wanted: "of the verdicts on failed calls 95 % are right",
    atLeast: true,
    of: (_, { rightVerdict }) => (Number.isNaN(rightVerdict) ? undefined : { figure: rightVerdict, limit: 0.95 })
  }
]

const reasonOf = ({ id }: Rule, { scenario }: Point, { requests }: Field): string | undefined =>
  reasons[id]?.[scenario] ?? (requests < few ? reasonsOfFew[id] : undefined)

const judge = (rule: Rule, field: Field): Line => {
  const points = field.scenarios.flatMap((scenario): ReadonlyArray<Point> => {
    const figures = field.means(scenario.id, field.fleet)
    const found = figures === undefined ? undefined : rule.of(scenario, figures, field)
    if (found === undefined || Number.isNaN(found.figure)) return []
    const holds = rule.atLeast === true ? found.figure >= found.limit : found.figure <= found.limit
    return [{ scenario: scenario.id, ...found, holds }]
  })
  const margin = ({ figure, limit }: Point) => (rule.atLeast === true ? figure - limit : limit - figure)
  const [worst] = [...points].sort((a, b) => margin(a) - margin(b))
  const broken = points.filter(({ holds }) => !holds)
  return {
    id: rule.id,
    wanted: rule.wanted,
    holds: broken.length === 0 && points.length > 0,
    worst,
    broken: broken.map((point) => ({ ...point, reason: reasonOf(rule, point, field) }))
  }
}

/** The names of all lines. */
export const ids: ReadonlyArray<string> = rules.map(({ id }) => id)

/** Where lines do not hold, and nobody has found out why. */
export const unexplained = (lines: ReadonlyArray<Line>): ReadonlyArray<Point> =>
  lines.flatMap(({ broken }) => broken.filter(({ reason }) => reason === undefined))

export const acceptance = (field: Field): ReadonlyArray<Line> => rules.map((rule) => judge(rule, field))
