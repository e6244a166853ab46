import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as OllamaError from "../../src/OllamaError.js"
import * as Reader from "../../src/internal/reader.js"
import type * as Soon from "../../src/internal/soon.js"

const never = (): OllamaError.OllamaError => new OllamaError.StreamInterrupted({})

const wire: Reader.Wire<string> = {
  line: (text) => text,
  isLast: (text) => text === "last",
  onLast: () => undefined,
  folded: false,
  whole: false,
  answerLimit: 1_000_000,
  unfinished: never,
  unreadable: never,
  broken: never
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A reader whose values are handed on when `run` is called, and whether its body was told to wait. */
const deferred = Effect.map(Effect.clock, (clock) => {
  const waiting: Array<Soon.Ready> = []
  const body = { paused: false }
  const reader = new Reader.Reader(clock, wire, 1000, (ready) => waiting.push(ready))
  reader.attach({
    pause: () => {
      body.paused = true
    },
    resume: () => {
      body.paused = false
    },
    cancel: () => undefined
  })
  return { reader, body, waiting, run: () => waiting.splice(0).forEach((ready) => ready.handOn()) }
})

describe("a reader of a transport that hands on later", () => {
  it.effect("asks once for what several reads brought, and gives it together", () =>
    Effect.gen(function* () {
      const { reader, run, waiting } = yield* deferred
      const read = yield* Effect.fork(reader.read)
      yield* Effect.yieldNow()
      reader.data(bytes("a\n"))
      reader.data(bytes("b\n"))
      assert.strictEqual(waiting.length, 1)
      run()
      assert.deepStrictEqual(yield* read, ["a", "b"])
    })
  )

  it.effect("makes the body wait when much has come before that moment, and lets it go on when it was taken", () =>
    Effect.gen(function* () {
      const { body, reader, run } = yield* deferred
      const read = yield* Effect.fork(reader.read)
      yield* Effect.yieldNow()
      let count = 0
      while (!body.paused && count < 100_000) {
        reader.data(bytes("a\n"))
        count++
      }
      assert.isBelow(count, 2000)
      run()
      assert.deepStrictEqual(
        yield* read,
        Array.from({ length: count }, () => "a")
      )
      assert.isFalse(body.paused)
    })
  )
})
