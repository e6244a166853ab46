/** The chart of the README: the requests that have their first token within ten seconds, by scenario and contestant. */
import type { Row } from "./report.js"

interface Mark {
  readonly contestant: string
  readonly label: string
  /** Class of its colour. */
  readonly look: string
  readonly radius: number
}

/** Those drawn last are on top. */
const marks: ReadonlyArray<Mark> = [
  { contestant: "random, no retry", label: "random", look: "random", radius: 4 },
  { contestant: "P2C peak-EWMA with accrual", label: "P2C peak-EWMA", look: "p2c", radius: 4 },
  {
    contestant: "least connections, Olla without its header timeout",
    label: "least connections",
    look: "least",
    radius: 4
  },
  { contestant: "model hash", label: "model hash", look: "hash", radius: 4 },
  { contestant: "additive score", label: "additive score", look: "score", radius: 4 },
  { contestant: "Fleet", label: "Fleet", look: "fleet", radius: 6 }
]

const left = 130
const plot = 480
const right = 30
const top = 74
const rowHeight = 22

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .quiet { fill: #59636e } .grid { stroke: #d1d9e0; stroke-width: 1 } .span { stroke: #d1d9e0; stroke-width: 2 }
  .fleet { fill: #0969da } .score { fill: #1a7f37 } .hash { fill: #9a6700 } .least { fill: #bf3989 } .p2c { fill: #8250df } .random { fill: #818b98 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid, .span { stroke: #3d444d }
    .fleet { fill: #4493f8 } .score { fill: #3fb950 } .hash { fill: #d29922 } .least { fill: #f778ba } .p2c { fill: #ab7df8 } .random { fill: #848d97 }
  }`

const x = (share: number): number => Math.round((left + share * plot) * 10) / 10

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

/** Of those that are drawn; further to the left where it would be too long. */
const legend = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const drawn = marks.filter(({ contestant }) => rows.some((row) => row.contestant === contestant)).toReversed()
  const widthOf = ({ label }: Mark): number => 22 + 6.6 * label.length
  const length = drawn.reduce((sum, mark) => sum + widthOf(mark), 0)
  let at = Math.max(14, Math.min(left, left + plot + right - length))
  return drawn.flatMap((mark) => {
    const { label, look, radius } = mark
    const here = at
    at += widthOf(mark)
    return [
      `<circle class="${look}" cx="${here}" cy="44" r="${radius}"/>`,
      `<text x="${here + 9}" y="48">${escaped(label)}</text>`
    ]
  })
}

const grid = (height: number): ReadonlyArray<string> =>
  [0, 25, 50, 75, 100].flatMap((percent) => [
    `<line class="grid" x1="${x(percent / 100)}" x2="${x(percent / 100)}" y1="${top - 8}" y2="${height - 26}"/>`,
    `<text class="quiet" x="${x(percent / 100)}" y="${height - 10}" text-anchor="middle">${percent} %</text>`
  ])

const line = (scenario: string, rows: ReadonlyArray<Row>, y: number): ReadonlyArray<string> => {
  const points = marks.flatMap((mark) => {
    const row = rows.find((each) => each.scenario === scenario && each.contestant === mark.contestant)
    return row === undefined ? [] : [{ ...mark, share: row.mean.good }]
  })
  const shares = points.map(({ share }) => share)
  return [
    `<text x="${left - 14}" y="${y + 4}" text-anchor="end">${escaped(scenario)}</text>`,
    `<line class="span" x1="${x(Math.min(...shares))}" x2="${x(Math.max(...shares))}" y1="${y}" y2="${y}"/>`,
    ...points.map(
      ({ label, look, radius, share }) =>
        `<circle class="${look}" cx="${x(share)}" cy="${y}" r="${radius}"><title>${escaped(label)}, ${escaped(scenario)}: ${(100 * share).toFixed(1)} %</title></circle>`
    )
  ]
}

/** As SVG, for a light and a dark page. */
export const draw = (rows: ReadonlyArray<Row>): string => {
  const scenarios = [...new Set(rows.map(({ scenario }) => scenario))]
  const height = top + scenarios.length * rowHeight + 30
  const width = left + plot + right
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Requests with their first token within 10 seconds, by scenario and balancer">`,
    `<style>${style}\n</style>`,
    `<text x="${left}" y="22" font-weight="600">Requests with their first token within 10 seconds</text>`,
    ...legend(rows),
    ...grid(height),
    ...scenarios.flatMap((scenario, index) => line(scenario, rows, top + rowHeight * index + 6)),
    "</svg>",
    ""
  ].join("\n")
}
