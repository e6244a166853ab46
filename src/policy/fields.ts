/** The fields of a policy, read off its Schema: for the environment, and for the JSON Schema. */
import { constTrue } from "effect/Function"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { OffId } from "./off.js"
import { Changes } from "./value.js"

/** A group of fields. */
export interface Section {
  readonly _tag: "Section"
  /** Whether `"off"` can stand in its place. */
  readonly canBeOff: boolean
  readonly fields: Readonly<Record<string, Node>>
}

/** One value, or a list. */
export interface Leaf {
  readonly _tag: "Leaf"
  readonly ast: AST.AST
  readonly isList: boolean
  readonly isBoolean: boolean
  readonly isDuration: boolean
  /** Only words are possible. */
  readonly isEnum: boolean
  /** The words that are possible. */
  readonly words: ReadonlyArray<string>
}

export type Node = Section | Leaf

const isDuration = (ast: AST.AST): boolean =>
  ast === Schema.DurationFromSelf.ast || (AST.isUnion(ast) && ast.types.some(isDuration))

/** The literals in a Schema of values, behind its refinements. */
const literals = (ast: AST.AST): ReadonlyArray<string> => {
  if (AST.isLiteral(ast)) return typeof ast.literal === "string" ? [ast.literal] : []
  if (AST.isUnion(ast)) return ast.types.flatMap(literals)
  return AST.isRefinement(ast) ? literals(ast.from) : []
}

const isEnum = (ast: AST.AST): boolean => AST.isLiteral(ast) || (AST.isUnion(ast) && ast.types.every(isEnum))

const withoutRefinement = (ast: AST.AST): AST.AST => (AST.isRefinement(ast) ? withoutRefinement(ast.from) : ast)

const leaf = (ast: AST.AST): Leaf => {
  const refined = AST.typeAST(ast)
  const type = withoutRefinement(refined)
  const accepts = refined === type ? constTrue : Schema.is(Schema.make(refined))
  return {
    _tag: "Leaf",
    ast,
    isList: AST.isTupleType(type),
    isBoolean: AST.isBooleanKeyword(type),
    isDuration: isDuration(type),
    isEnum: isEnum(type),
    words: literals(type).filter((word) => accepts(word))
  }
}

const section = (ast: AST.AST, canBeOff: boolean): Section => ({
  _tag: "Section",
  canBeOff,
  fields: Object.fromEntries(AST.getPropertySignatures(ast).map(({ name, type }) => [String(name), node(type)]))
})

const node = (ast: AST.AST): Node => {
  if (AST.isTypeLiteral(ast)) return section(ast, false)
  const part = AST.isDeclaration(ast) && ast.annotations[OffId] === true ? ast.typeParameters[0] : undefined
  return part !== undefined && AST.isTypeLiteral(part) ? section(part, true) : leaf(ast)
}

/** All of a policy. */
export const all: Section = section(Changes.ast, false)

/** Every section and every leaf below a node, the outer ones first. */
export const flatten = (
  root: Node,
  path: ReadonlyArray<string> = []
): ReadonlyArray<{ readonly path: ReadonlyArray<string>; readonly node: Node }> => [
  { path, node: root },
  ...(root._tag === "Leaf"
    ? []
    : Object.entries(root.fields).flatMap(([name, field]) => flatten(field, [...path, name])))
]
