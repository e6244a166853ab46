/** The dashboard and the alerts ask for metrics and labels that are there, and for all that are there. */
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { Metrics } from "effect-ollama"
import * as Naming from "../../src/observe/metrics/naming.js"
import { namesIn } from "./promql.js"

const folder = fileURLToPath(new URL("../../examples/observability/", import.meta.url))
const read = (name: string): string => readFileSync(path.join(folder, name), "utf8")

const Dashboard = Schema.parseJson(
  Schema.Struct({
    panels: Schema.Array(
      Schema.Struct({
        id: Schema.Int,
        title: Schema.String,
        type: Schema.String,
        gridPos: Schema.Struct({ x: Schema.Int, y: Schema.Int, w: Schema.Int, h: Schema.Int }),
        description: Schema.optional(Schema.String),
        targets: Schema.optional(Schema.Array(Schema.Struct({ expr: Schema.String, legendFormat: Schema.String })))
      })
    ),
    templating: Schema.Struct({
      list: Schema.Array(Schema.Struct({ name: Schema.String, definition: Schema.optional(Schema.String) }))
    })
  })
)

const dashboard = Schema.decodeSync(Dashboard)(read("dashboard.json"))

/** What stands behind `expr:` in a file of rules, on the line or indented below it. */
const rules: ReadonlyArray<string> = [
  ...read("alerts.yml").matchAll(/^( *)expr: (?:\|\n((?:\1 {2}.*\n|\n)+)|(.*)\n)/gm)
].map(([, , block, line]) => (block ?? line ?? "").replace(/\s+/g, " ").trim())

const targets = dashboard.panels.flatMap(({ targets = [], title }) => targets.map((target) => ({ ...target, title })))

/** The series that Prometheus has of our metrics, and the labels of each. */
const known: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Metrics.all.flatMap(({ prometheus, tags, type }) => {
    const labels = tags.map(Naming.label)
    return type === "histogram"
      ? [
          [`${prometheus}_bucket`, new Set([...labels, "le"])] as const,
          [`${prometheus}_sum`, new Set(labels)] as const,
          [`${prometheus}_count`, new Set(labels)] as const
        ]
      : [[prometheus, new Set(labels)] as const]
  })
)

/** Labels that a scrape adds. */
const added = ["instance", "job"]

const problems = (expression: string, legend = ""): ReadonlyArray<string> => {
  const { groupings, selectors } = namesIn(expression)
  const inLegend = [...legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].flatMap(([, label]) => label ?? [])
  const unknown = selectors.flatMap(({ labels, metric }) => {
    const has = known.get(metric)
    if (has === undefined) return [`${metric} is no metric of ours`]
    const wanted = [...labels, ...groupings.filter((label) => selectors.length === 1 || has.has(label))]
    return wanted
      .filter((label) => !has.has(label) && !added.includes(label))
      .map((label) => `${metric} has no ${label}`)
  })
  const ungrouped = inLegend
    .filter((label) => !groupings.includes(label))
    .map((label) => `the legend has ${label}, by which nothing is grouped`)
  return [...(selectors.length === 0 ? ["no metric in it"] : []), ...unknown, ...ungrouped]
}

const asked = new Set(
  [...targets.map(({ expr }) => expr), ...rules].flatMap((expr) => namesIn(expr).selectors.map(({ metric }) => metric))
)

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0

describe("the reader of PromQL", () => {
  it("finds metrics, labels and groupings, and nothing else", () => {
    assert.deepStrictEqual(
      namesIn(
        'histogram_quantile(0.95, sum by (le, host) (rate(a_bucket{x=~"b{c}", y!="d"}[5m]))) / on (host) b or vector(1e3)'
      ),
      {
        selectors: [
          { metric: "a_bucket", labels: ["x", "y"] },
          { metric: "b", labels: [] }
        ],
        groupings: ["le", "host", "host"]
      }
    )
  })

  it("sees what is wrong", () => {
    assert.deepStrictEqual(problems('sum by (nobody) (ollama_client_calls_total{colour="red"})', "{{ size }}"), [
      "ollama_client_calls_total has no colour",
      "ollama_client_calls_total has no nobody",
      "the legend has size, by which nothing is grouped"
    ])
    assert.deepStrictEqual(problems("ollama_client_calls"), ["ollama_client_calls is no metric of ours"])
  })
})

describe("the dashboard", () => {
  it("asks for metrics and labels that are there", () => {
    assert.isAbove(targets.length, 20)
    const found = targets.flatMap(({ expr, legendFormat, title }) =>
      problems(expr, legendFormat).map((problem) => `${title}: ${problem}`)
    )
    assert.deepStrictEqual(found, [])
  })

  it("shows every metric", () => {
    const missing = Metrics.all.filter(
      ({ prometheus }) => !["", "_bucket", "_sum", "_count"].some((end) => asked.has(prometheus + end))
    )
    assert.deepStrictEqual(
      missing.map(({ name }) => name),
      []
    )
  })

  it("has variables from labels that are there", () => {
    const definitions = dashboard.templating.list.map(({ definition }) => definition).filter(Predicate.isNotUndefined)
    for (const definition of definitions) {
      const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? []
      assert.isTrue(known.get(metric)?.has(label), definition)
    }
    const names = new Set(dashboard.templating.list.map(({ name }) => name))
    const used = new Set(targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name)))
    assert.deepStrictEqual(
      [...used].filter((name) => !names.has(name) && !name.startsWith("__")),
      []
    )
  })

  it("says in words what each panel shows, and no panel lies over another", () => {
    const panels = dashboard.panels.filter(({ type }) => type !== "row")
    for (const { description, title } of panels) assert.isAbove((description ?? "").length, 10, title)
    const cells = dashboard.panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Arr.flatMap(Arr.range(x, x + w - 1), (column) => Arr.map(Arr.range(y, y + h - 1), (line) => `${column} ${line}`))
    )
    assert.strictEqual(new Set(cells).size, cells.length)
    assert.strictEqual(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  })
})

describe("the page about it", () => {
  const table = [
    ["Name", "Labels", "What it is"],
    ["-", "-", "-"],
    ...Metrics.all.map(({ description, prometheus, tags }) => [
      `\`${prometheus}\``,
      tags.map((tag) => `\`${Naming.label(tag)}\``).join(", "),
      description
    ])
  ].map((cells) => `| ${cells.join(" | ")} |`)

  /** As prettier leaves a table: the widths of its cells say nothing. */
  const plain = (line: string): string => line.replace(/ +/g, " ").replace(/-+/g, "-")

  it("lists every metric as it is", () => {
    const [, written = ""] = /<!-- metrics -->\n\n(.*?)\n\n<!-- \/metrics -->/s.exec(read("README.md")) ?? []
    assert.deepStrictEqual(written.split("\n").map(plain), table.map(plain))
  })
})

describe("the alerts", () => {
  it("ask for metrics and labels that are there", () => {
    assert.isAbove(rules.length, 5)
    assert.deepStrictEqual(
      rules.flatMap((expr) => problems(expr)),
      []
    )
  })

  it.skipIf(!hasPromtool)("are what Prometheus takes, and so is the configuration (promtool)", () => {
    execFileSync("promtool", ["check", "config", path.join(folder, "prometheus.yml")])
    execFileSync("promtool", ["check", "rules", "--lint-fatal", path.join(folder, "alerts.yml")])
  })

  it.skipIf(!hasPromtool)("fire when they should, and only then (promtool)", () => {
    execFileSync("promtool", ["test", "rules", fileURLToPath(new URL("./alerts.yml", import.meta.url))])
  })

  it.skipIf(!hasPromtool)("and the queries of the dashboard are PromQL (promtool)", () => {
    const temporary = mkdtempSync(path.join(tmpdir(), "effect-ollama-"))
    try {
      const file = path.join(temporary, "rules.json")
      const asRules = targets.map(({ expr }, index) => ({
        record: `panel:${index}`,
        expr: expr.replaceAll("$__rate_interval", "5m").replace(/\$\w+/g, ".*")
      }))
      // JSON is YAML
      writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules: asRules }] }))
      execFileSync("promtool", ["check", "rules", "--lint=none", file])
    } finally {
      rmSync(temporary, { recursive: true })
    }
  })
})
