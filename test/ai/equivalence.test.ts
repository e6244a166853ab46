/** The same programs, on Ollama and on a mock provider: they see the same. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { handlers, programs } from "./programs.js"
import * as Script from "./script.js"

const tagOf = (error: unknown): unknown => (Predicate.hasProperty(error, "_tag") ? error._tag : error)

describe("a program written once", () => {
  for (const { fails, name, program, script } of programs) {
    it.effect(`${name}: sees the same of Ollama as of a mock`, () =>
      Effect.gen(function* () {
        const tried = Effect.either(Effect.mapError(program, tagOf))
        const ours = yield* Effect.provide(tried, Layer.merge(handlers, Script.ollama(script)))
        const theirs = yield* Effect.provide(tried, Layer.merge(handlers, Script.mock(script)))
        assert.deepStrictEqual(ours, theirs)
        if (fails === undefined) assert.isTrue(Either.isRight(ours), JSON.stringify(ours))
        else assert.deepStrictEqual(ours, Either.left(fails))
      })
    )
  }
})
