/** The results of all runs, over the seeds. */
import { acceptance, type Line } from "./acceptance.js"
import * as field from "./field.js"
import type { Job } from "./job.js"
import { type Figures, names } from "./metrics.js"
import { scenarios } from "./scenarios.js"
import * as statistics from "./statistics.js"

export interface Row {
  readonly scenario: string
  readonly contestant: string
  readonly mean: Figures
  /** Half of the 95 % interval. */
  readonly interval: Figures
}

export interface Report {
  readonly rows: ReadonlyArray<Row>
  readonly acceptance: ReadonlyArray<Line>
}

/** Of each figure this statistic over the runs. */
const over = (runs: ReadonlyArray<Figures>, of: (values: ReadonlyArray<number>) => number): Figures => {
  const entries = names.map((name) => [name, of(runs.map((figures) => figures[name]))] as const)
  return Object.fromEntries(entries) as Record<(typeof names)[number], number>
}

export const report = (jobs: ReadonlyArray<Job>, results: ReadonlyArray<Figures>): Report => {
  const groups = new Map<string, { readonly job: Job; readonly runs: Array<Figures> }>()
  for (const [index, job] of jobs.entries()) {
    const key = `${job.scenario}|${job.contestant}`
    const group = groups.get(key) ?? { job, runs: [] }
    groups.set(key, group)
    group.runs.push(results[index]!)
  }
  const rows = [...groups.values()].map(({ job, runs }): Row => ({
    scenario: job.scenario,
    contestant: job.contestant,
    mean: over(runs, statistics.mean),
    interval: over(runs, statistics.interval)
  }))
  const means = new Map(rows.map((row) => [`${row.scenario}|${row.contestant}`, row.mean]))
  return {
    rows,
    acceptance: acceptance({
      scenarios,
      requests: jobs[0]?.requests ?? 0,
      means: (scenario, contestant) => means.get(`${scenario}|${contestant}`),
      ...field.names
    })
  }
}
