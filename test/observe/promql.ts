/** The names in a PromQL expression: enough of its grammar for what dashboards and alerts are made of. */

export interface Selector {
  readonly metric: string
  readonly labels: ReadonlyArray<string>
}

export interface Names {
  readonly selectors: ReadonlyArray<Selector>
  /** Labels in `by (…)` and its like. */
  readonly groupings: ReadonlyArray<string>
}

const keywords = new Set(["and", "or", "unless", "bool", "offset", "inf", "nan"])

const identifier = /[a-zA-Z_:][\w:]*/

/**
 * Strings and ranges are taken out first, then groupings; of the identifiers that are left, those before a bracket are
 * functions, and the others metrics.
 */
export const namesIn = (expression: string): Names => {
  const groupings: Array<string> = []
  const plain = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_, inside: string) => {
      groupings.push(...inside.split(",").map((label) => label.trim()))
      return " "
    })
  const selectors: Array<Selector> = []
  const pattern = /([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?|\d[\w.]*/g
  for (const [, name, behind] of plain.matchAll(pattern)) {
    if (name === undefined || behind === "(" || keywords.has(name.toLowerCase())) continue
    const inside = (behind ?? "").replace(/[{}]/g, "")
    const labels = inside.split(",").flatMap((matcher) => identifier.exec(matcher)?.[0] ?? [])
    selectors.push({ metric: name, labels })
  }
  return { selectors, groupings: groupings.filter((label) => label !== "") }
}
