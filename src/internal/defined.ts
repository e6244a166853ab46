/** Properties that may be absent, but not undefined (`exactOptionalPropertyTypes`), out of values that may be. */
import * as ReadonlyRecord from "effect/Record"

type Defined<A> = {
  readonly [K in keyof A as undefined extends A[K] ? never : K]: A[K]
} & {
  readonly [K in keyof A as undefined extends A[K] ? K : never]?: Exclude<A[K], undefined>
}

/** The same object without the properties that are undefined. */
export const defined = <const A extends object>(object: A): Defined<A> =>
  ReadonlyRecord.filter({ ...object }, (value) => value !== undefined) as never
