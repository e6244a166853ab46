import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Audit from "./audit.js"
import { soak } from "./run.js"

it.scopedLive("try", () =>
  Effect.gen(function* () {
    const t = Date.now()
    const { outcome } = yield* soak({ calls: Number(process.env.N ?? 500), seed: Number(process.env.SEED ?? 1), isHarmful: process.env.CALM !== "1" }, Effect.succeed)
    console.log("ms", Date.now() - t, "took", outcome.took, "requests", outcome.requests.length, "sent", outcome.sent.length, "open", outcome.open, "sleeping", outcome.sleeping, "spells", outcome.spells.length)
    const count = (xs: Iterable<string>) => { const m: Record<string, number> = {}; for (const x of xs) m[x] = (m[x] ?? 0) + 1; return m }
    console.log(count(outcome.told.map(({ got }) => got.is === "failure" ? got.error._tag : got.is)))
    if (process.env.V) console.log(count(outcome.requests.map((r) => `${r.path} ${r.ended?.how} ${r.ended?.status} ${r.ended?.fault?._tag}`)))
    console.log(JSON.stringify(outcome.state), outcome.cutLoads)
    const account = Audit.accountOf(outcome)
    const problems = Audit.problems(outcome, account)
    console.log(problems.length, problems.slice(0, 30).join("\n"))
    const { problems: _, ...a } = Audit.answers(account); const { problems: __, ...l } = Audit.loads(outcome, account)
    console.log(a, l)
    console.log(count(outcome.told.flatMap(({ asked }) => outcome.records.get(asked.id)?.flatMap(r => r.decisions.map(d => d.what)) ?? [])))
  }), 600000)
