/** A few thousand inputs of `npm run fuzz`, the same in every run. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Corpus from "../../bench/fuzz/corpus.js"
import * as Judge from "../../bench/fuzz/judge.js"
import { join, type Input } from "../../bench/fuzz/mutate.js"
import { run } from "../../bench/fuzz/run.js"

/** Most inputs fail, and nobody looks at where: traces would take half of the time. */
const withoutStacks = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = Error.stackTraceLimit
      Error.stackTraceLimit = 0
      return before
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        Error.stackTraceLimit = before
      })
  )

describe("mutated answers of real servers", () => {
  it.live("end in an answer or in one of our failures, with all that must hold", () =>
    Effect.gen(function* () {
      const tally = yield* withoutStacks(run({ seed: 7, from: 0, end: 1500, step: 1, client: 30 }, () => undefined))
      assert.deepStrictEqual(tally.findings, [])
      assert.strictEqual(tally.inputs, 1500)
      assert.strictEqual(tally.throughClient, 50)
      // it gets everywhere
      for (const end of [
        "answered",
        "ProtocolError",
        "StreamInterrupted",
        "InvalidRequest",
        "Unauthorized",
        "LoadFailed"
      ]) {
        assert.isAbove(tally.ends[end] ?? 0, 0, end)
      }
    })
  )
})

describe("what judges them", () => {
  const answer = Corpus.load().find(({ name }) => name === "v0.33/chat-stream")
  const input = (body: Uint8Array, change: Partial<Input> = {}): Input => ({
    name: "",
    kind: "chat",
    status: 200,
    contentType: "application/x-ndjson",
    body,
    reads: [[1], [1000]],
    isBroken: false,
    ...change
  })

  it("takes a good answer for one, however it is read", () => {
    const body = join(answer?.lines ?? [])
    assert.isAbove(body.length, 1000)
    assert.strictEqual(Judge.judge(input(body), 0), "answered")
    assert.strictEqual(Judge.judge(input(body.subarray(0, -2)), 0), "StreamInterrupted")
  })

  it("tells when a property does not hold", () => {
    assert.throws(() => Judge.hold(false, "it holds"), Judge.Broken)
  })
})
