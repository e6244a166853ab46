/** The simulation of `npm run sim`, small. */
import { assert, describe, it } from "vitest"
import { acceptance, ids, unexplained } from "../../bench/sim/acceptance.js"
import * as field from "../../bench/sim/field.js"
import { run } from "../../bench/sim/job.js"
import { figures } from "../../bench/sim/metrics.js"
import { leastConnections } from "../../bench/sim/model/references.js"
import { play } from "../../bench/sim/play.js"
import { few, reasons, reasonsOfFew } from "../../bench/sim/reasons.js"
import { report } from "../../bench/sim/report.js"
import type { Scenario } from "../../bench/sim/scenario.js"
import { scenarios } from "../../bench/sim/scenarios.js"
import * as Table from "../../bench/sim/table.js"
import { traffic } from "../../bench/sim/traffic.js"
import type { Outcome, Player } from "../../bench/sim/contestant.js"

const scenarioOf = (id: string): Scenario => {
  const found = scenarios.find((scenario) => scenario.id === id)
  return found ?? assert.fail(`no scenario ${id}`)
}

const olla = (): Player => {
  const found = field.find(field.names.leastConnections)
  return found?._tag === "Player" ? found : assert.fail("no least connections")
}

/** What a caller saw, by request: to 5 ms, since servers round to whole ones and the model does not. */
const seen = (outcomes: ReadonlyArray<Outcome>) =>
  [...outcomes].sort((a, b) => a.request.id - b.request.id).map(({ endAfter, firstAfter }) => [firstAfter, endAfter])

const differ = (a: ReadonlyArray<number | undefined>, b: ReadonlyArray<number | undefined>): boolean =>
  a.some((value, index) => Math.abs((value ?? -1) - (b[index] ?? -1)) > 5)

describe("the simulated servers and the model of a host", () => {
  const both = async (id: string, count: number) => {
    const requests = traffic(scenarioOf(id), count, 1)
    const model = leastConnections.play(scenarioOf(id), requests, 1)
    const servers = await play(olla(), scenarioOf(id), requests, 1)
    const [a, b] = [seen(model.outcomes), seen(servers.outcomes)]
    return { model, servers, requests, first: a.findIndex((values, index) => differ(values, b[index] ?? [])) }
  }

  it("give every request the same where nothing is put out of memory", async () => {
    const { first, model, servers } = await both("fit", 150)
    assert.strictEqual(first, -1)
    assert.strictEqual(model.work.loads, servers.work.loads)
  })

  // Fewest in flight is decided by whoever ends a millisecond earlier: once two that end together have changed places, all
  // that follows is another story, of the same kind.
  it("and the same for long where models put each other out, and the like after that", async () => {
    const { first, model, requests, servers } = await both("steady-60", 150)
    assert.isTrue(first === -1 || first > 100, `the first that differs is ${first}`)
    const [a, b] = [model, servers].map((played) => figures(scenarioOf("steady-60"), requests, played))
    assert.approximately(a!.loads, b!.loads, 0.15 * b!.loads)
    assert.approximately(a!.good, b!.good, 0.1)
  })
})

describe("a run", () => {
  const job = (contestant: string, scenario: string) => ({ contestant, scenario, seed: 3, requests: 70 })

  it.each([
    ["Fleet", "dead"],
    ["Fleet", "broken-streams"],
    ["additive score", "flap-20"],
    ["clairvoyant greedy", "partition"]
  ])("of %s in %s is the same for the same seed, byte for byte", async (contestant, scenario) => {
    const jobs = [job(contestant, scenario)]
    const once = JSON.stringify(report(jobs, [await run(jobs[0]!)]))
    assert.strictEqual(JSON.stringify(report(jobs, [await run(jobs[0]!)])), once)
  })

  it("has the same arrivals for everybody, and others for another seed", () => {
    const scenario = scenarioOf("steady-60")
    assert.deepStrictEqual(traffic(scenario, 50, 1), traffic(scenario, 50, 1))
    assert.notDeepEqual(traffic(scenario, 50, 1), traffic(scenario, 50, 2))
  })

  it.each(["partition", "offline", "lying-probe", "clock-jump", "reload"])(
    "in %s ends for every request",
    async (scenario) => {
      const { attempts, completed } = await run(job("Fleet", scenario))
      assert.isAbove(completed, 0.8)
      assert.isBelow(attempts, 1.2)
    }
  )
})

describe("why a line does not hold", () => {
  /** As if the first token of the Fleet were always this many times as late as that of a line without loads. */
  const lines = async (id: string, times: number, requests = few) => {
    const figures = await run({ contestant: field.names.pooled, scenario: id, seed: 1, requests: 50 })
    return acceptance({
      scenarios: [scenarioOf(id)],
      requests,
      means: (_, contestant) =>
        contestant === field.names.fleet
          ? { ...figures, first95: times * figures.first95 }
          : contestant === field.names.pooled
            ? figures
            : undefined,
      ...field.names
    })
  }

  it("is said only of lines and scenarios that there are", () => {
    for (const line of Object.keys(reasonsOfFew)) assert.include(ids, line)
    for (const [line, byScenario] of Object.entries(reasons)) {
      assert.include(ids, line)
      for (const [scenario, reason] of Object.entries(byScenario)) {
        assert.include(
          scenarios.map(({ id }) => id),
          scenario
        )
        assert.match(reason, /^[a-z0-9].+[^.]$/s)
      }
    }
  })

  it("is printed beside it, and a line without a reason is told apart", async () => {
    const known = await lines("storm", 4)
    assert.deepStrictEqual(unexplained(known), [])
    const reason = reasons["p95-pooled"]?.storm ?? assert.fail("no reason for the storm")
    assert.include(known.map(Table.line).join("\n"), `does not hold: storm 4.000 (limit 3.000): ${reason}`)
    const unknown = await lines("steady-60", 4)
    assert.deepStrictEqual(
      unexplained(unknown).map(({ scenario }) => scenario),
      ["steady-60"]
    )
    assert.include(unknown.map(Table.line).join("\n"), "nobody has found out why")
    assert.deepStrictEqual(unexplained(await lines("steady-60", 2)), [])
  })

  it("is another one where there are few requests", async () => {
    assert.deepStrictEqual(unexplained(await lines("steady-60", 4, 150)), [])
  })
})
