/**
 * Cases from the tests and specifications of other libraries, as data; each names its source. Reading them: `must` is the
 * default behaviour, `parametric` a policy that a value has to be able to express, `reference` numbers to compare with.
 */
import { readFileSync } from "node:fs"
import { assert } from "@effect/vitest"
import * as Schema from "effect/Schema"

const file = (name: string): string => readFileSync(new URL(`./cases/${name}.json`, import.meta.url), "utf8")

const Head = Schema.Struct({
  id: Schema.String,
  kind: Schema.String,
  title: Schema.String,
  role: Schema.Literal("must", "parametric", "reference")
})

const File = Schema.parseJson(Schema.Struct({ cases: Schema.Array(Schema.Unknown) }))

/** The cases of a family that are of a kind. */
export const ofKind = <A extends object, I>(
  family: string,
  kind: string,
  own: Schema.Schema<A, I>
): ReadonlyArray<typeof Head.Type & A> => {
  const decodeHead = Schema.decodeUnknownSync(Head)
  const decodeOwn = Schema.decodeUnknownSync(own)
  const cases = Schema.decodeUnknownSync(File)(file(family)).cases.filter((one) => decodeHead(one).kind === kind)
  assert.isNotEmpty(cases, `${family} has no case of the kind ${kind}`)
  return cases.map((one) => ({ ...decodeHead(one), ...decodeOwn(one) }))
}

/** The ids of all cases of a family, to be held against those that a test ran. */
export const ids = (family: string): ReadonlyArray<string> =>
  Schema.decodeUnknownSync(
    Schema.parseJson(Schema.Struct({ cases: Schema.Array(Schema.Struct({ id: Schema.String })) }))
  )(file(family)).cases.map(({ id }) => id)

export const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
