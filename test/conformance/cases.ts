/**
 * Cases from the tests and specifications of other libraries, as data; each names its source. Reading them: `must` is the
 * default behaviour, `parametric` a policy that a value has to be able to express, `reference` numbers to compare with.
 */
import { readFileSync } from "node:fs"
import { assert } from "@effect/vitest"
import * as Schema from "effect/Schema"

const file = (name: string): string => readFileSync(new URL(`./cases/${name}.json`, import.meta.url), "utf8")

const head = {
  id: Schema.String,
  kind: Schema.String,
  title: Schema.String,
  role: Schema.Literal("must", "parametric", "reference")
}

/** The cases of a family that are of a kind.  */
export const ofKind = <Fields extends Schema.Struct.Fields>(family: string, kind: string, fields: Fields) => {
  const Case = Schema.Struct({ ...head, ...fields })
  const File = Schema.parseJson(Schema.Struct({ cases: Schema.Array(Schema.Unknown) }))
  const cases = Schema.decodeUnknownSync(File)(file(family)).cases.filter((one) =>
    Schema.is(Schema.Struct({ kind: Schema.Literal(kind) }))(one)
  )
  assert.isNotEmpty(cases, `${family} has no case of the kind ${kind}`)
  return cases.map((one) => Schema.decodeUnknownSync(Case)(one))
}

/** The ids of all cases of a family, to be held against those that a test ran. */
export const ids = (family: string): ReadonlyArray<string> =>
  Schema.decodeUnknownSync(
    Schema.parseJson(Schema.Struct({ cases: Schema.Array(Schema.Struct({ id: Schema.String })) }))
  )(file(family)).cases.map(({ id }) => id)

export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
