/** Results of runs in a file, a line each. */
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import type { Job } from "./job.js"
import { type Figures, names } from "./metrics.js"

export const keyOf = ({ contestant, requests, scenario, seed }: Job): string =>
  [scenario, contestant, seed, requests].join("|")

type Numbers = Record<(typeof names)[number], number>

/** JSON has no not-a-number. */
const restored = (figures: Readonly<Record<string, number | null>>): Figures =>
  Object.fromEntries(names.map((name) => [name, figures[name] ?? NaN])) as Numbers

export const read = (file: string): Map<string, Figures> => {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : []
  return new Map(
    lines.flatMap((line) => {
      if (line === "") return []
      const { figures, key } = JSON.parse(line) as {
        readonly key: string
        readonly figures: Record<string, number | null>
      }
      return [[key, restored(figures)] as const]
    })
  )
}

export const add = (file: string, job: Job, figures: Figures): void =>
  appendFileSync(file, `${JSON.stringify({ key: keyOf(job), figures })}\n`)
