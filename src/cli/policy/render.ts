/** Policies and what is wrong with them, as lines. */
import type { PolicyFileError } from "../../node/policyFile.js"
import * as Policy from "../../policy/Policy.js"
import * as Columns from "../terminal/columns.js"
import * as Style from "../terminal/Style.js"

/** `Policy.explainText` for people: headings in bold, sentences broken to the width. */
export const explanation = (policy: Policy.Policy, width: number): ReadonlyArray<Style.Line> =>
  Policy.explainText(policy)
    .split("\n")
    .flatMap((line): ReadonlyArray<Style.Line> => {
      const item = line.startsWith("- ")
      const lines = Columns.wrap(item ? line.slice(2) : line, item ? width - 2 : width)
      return item
        ? lines.map((text, index) => Style.line(index === 0 ? "- " : "  ", text))
        : lines.map((text) => Style.line(Style.span(text, "bold")))
    })

/** A line for each problem: the file, the field, and what is wanted there. */
export const problems = ({ path, problems }: PolicyFileError): ReadonlyArray<Style.Line> =>
  problems.map(({ field, message }) =>
    Style.line(
      `${Columns.oneLine(path)}: `,
      ...(field === "" ? [] : [Style.span(Columns.oneLine(field), "bold"), ": "]),
      Columns.oneLine(message)
    )
  )
