/** What is wrong with a value: each problem once, with its field. */
import * as Arr from "effect/Array"
import * as Inspectable from "effect/Inspectable"
import * as ParseResult from "effect/ParseResult"
import * as AST from "effect/SchemaAST"

/** A word that is none of some would be reported once for each of them. */
const simpler = (issue: ParseResult.ParseIssue): ParseResult.ParseIssue => {
  switch (issue._tag) {
    case "Pointer":
      return new ParseResult.Pointer(issue.path, issue.actual, simpler(issue.issue))
    case "Refinement":
      return new ParseResult.Refinement(issue.ast, issue.actual, issue.kind, simpler(issue.issue))
    case "Transformation":
      return new ParseResult.Transformation(issue.ast, issue.actual, issue.kind, simpler(issue.issue))
    case "Composite": {
      const { actual, ast, issues, output } = issue
      if (AST.isUnion(ast) && ast.types.every(AST.isLiteral)) {
        const found = typeof actual === "string" ? JSON.stringify(actual) : Inspectable.toStringUnknown(actual, 0)
        return new ParseResult.Type(ast, actual, `Expected ${ast.types.map(String).join(" or ")}, actual ${found}`)
      }
      const all = "_tag" in issues ? simpler(issues) : Arr.map(issues, simpler)
      return new ParseResult.Composite(ast, actual, all, output)
    }
    default:
      return issue
  }
}

/** The same problems, each said once. */
export const simplified = (error: ParseResult.ParseError): ParseResult.ParseError =>
  ParseResult.parseError(simpler(error.issue))

/** A problem and its field, such as `retry.attempts`; empty for the whole. */
export interface Problem {
  readonly field: string
  readonly message: string
}

export const list = (error: ParseResult.ParseError): ReadonlyArray<Problem> =>
  ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => ({
    field: path.map(String).join("."),
    message
  }))

/** In one line. */
export const text = (problems: ReadonlyArray<Problem>): string =>
  problems.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`)).join("; ")
