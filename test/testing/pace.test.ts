/** A simulated model at the pace of a recording of a real one (`test/wire/recorded`). */
import { assert, describe, it } from "@effect/vitest"
import { OllamaSimulator, Recorded } from "effect-ollama/testing"
import { Clock, Effect, Fiber, Stream } from "effect"
import type { Version } from "../wire/expected.js"
import * as recordings from "../wire/recordings.js"
import { chat, has, lines, type Wire } from "./calls.js"
import { ask, seconds, state } from "./scene.js"

interface Line {
  readonly at: number
  readonly json: Wire
}

/** The lines of a recording with the times at which they arrived. */
const recorded = (exchange: Recorded.Exchange): ReadonlyArray<Line> =>
  exchange.chunks.flatMap(({ atMs, text }) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => ({ at: atMs, json: JSON.parse(line) as Wire }))
  )

/** The same request to the simulator, with the times on the test's clock. */
const simulated = (exchange: Recorded.Exchange) =>
  Effect.gen(function* () {
    const got: Array<Line> = []
    const fiber = yield* Effect.fork(
      Stream.runForEach(lines(exchange.request.path, exchange.request.body), (json) =>
        Effect.map(Clock.currentTimeMillis, (at) => {
          got.push({ at, json })
        })
      )
    )
    yield* seconds(100)
    yield* Fiber.join(fiber)
    return got
  })

const gaps = (arrivals: ReadonlyArray<Line>): ReadonlyArray<number> =>
  arrivals.slice(1).map(({ at }, index) => at - (arrivals[index]?.at ?? at))

const said = (arrivals: ReadonlyArray<Line>) =>
  arrivals.map(({ json }) => [json.message?.content, json.message?.thinking, json.done])

const world = (exchange: Recorded.Exchange, options: OllamaSimulator.Options = {}) =>
  OllamaSimulator.layer({ models: [Recorded.model(exchange)], ...options })

const streams: ReadonlyArray<readonly [Version, string]> = [
  ["v0.24", "chat-stream"],
  ["v0.33", "chat-stream-long"],
  ["v0.33", "generate-stream"]
]

describe("Recorded.model", () => {
  for (const [version, name] of streams) {
    const exchange = recordings.read(version, name)
    it.effect(`${version} ${name}: the same chunks with the same times between them`, () =>
      Effect.gen(function* () {
        const [ours, theirs] = [yield* simulated(exchange), recorded(exchange)]
        assert.deepStrictEqual(said(ours), said(theirs))
        assert.deepStrictEqual(gaps(ours), gaps(theirs))
        const [last, reported] = [ours.at(-1), theirs.at(-1)]
        assert.approximately(last?.json.load_duration ?? NaN, reported?.json.load_duration ?? NaN, 1e6)
        assert.approximately(last?.json.prompt_eval_duration ?? NaN, reported?.json.prompt_eval_duration ?? NaN, 1e6)
        // what the network and the server's own work took beside load and prompt
        assert.approximately(ours[0]?.at ?? NaN, theirs[0]?.at ?? NaN, version === "v0.24" ? 120 : 10)
      }).pipe(Effect.provide(world(exchange)))
    )
  }

  const exchange = recordings.read("v0.33", "chat-nonstream")
  it.effect("gives an answer in one piece when all of it is there", () =>
    Effect.gen(function* () {
      const request = yield* ask("gemma3:270m")
      yield* seconds(10)
      const { at, body } = yield* request.end
      assert.approximately(at, exchange.endAtMs, 10)
      assert.strictEqual(body?.message.content, recorded(exchange)[0]?.json.message.content)
    }).pipe(Effect.provide(world(exchange)))
  )

  it.effect("waits, sheds and loads as the recorded server did", () =>
    Effect.gen(function* () {
      const requests = yield* Effect.all(Array.from({ length: 8 }, () => ask("gemma3:270m")))
      yield* seconds(100)
      const ends = yield* Effect.all(requests.map(({ end }) => end))
      assert.strictEqual(ends.filter(({ status }) => status === 503).length, 5)
      const answered = ends.filter(({ status }) => status === 200)
      // the third in line: recorded as queue-1, on a machine that did nothing else
      const third = recorded(recordings.read("v0.33", "queue-1")).at(-1)
      assert.approximately(answered[2]?.at ?? NaN, third?.at ?? NaN, 0.03 * (third?.at ?? NaN))
      const wait = (body: Wire | undefined): number =>
        body === undefined
          ? NaN
          : (body.total_duration - body.load_duration - body.prompt_eval_duration - body.eval_duration) / 1e6
      assert.approximately(wait(answered[2]?.body), wait(third?.json), 0.05 * wait(third?.json))
      assert.approximately(answered[2]?.body?.load_duration ?? NaN, third?.json.load_duration ?? NaN, 2e6)
    }).pipe(Effect.provide(world(recordings.read("v0.33", "queue-0"), { maxQueue: 2 })))
  )

  it.effect("thinks and calls tools as recorded", () =>
    Effect.gen(function* () {
      const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object" } } }]
      for (const name of ["chat-think", "chat-tool-call"]) {
        const [theirs] = recorded(recordings.read("v0.33", name))
        const fiber = yield* ask(name, name === "chat-think" ? {} : { tools })
        yield* seconds(10)
        const { body } = yield* fiber.end
        assert.deepStrictEqual(body?.message.thinking, theirs?.json.message.thinking)
        assert.deepStrictEqual(
          body?.message.tool_calls?.map((call) => call.function),
          theirs?.json.message.tool_calls?.map((call) => call.function)
        )
      }
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          models: ["chat-think", "chat-tool-call"].map((name) => ({
            ...Recorded.model(recordings.read("v0.33", name)),
            name
          }))
        })
      )
    )
  )

  it.effect("of a recording that broke off says what had come", () =>
    Effect.gen(function* () {
      const exchange = recordings.read("v0.33", "server-sigkill-midstream")
      const lines = yield* simulated(exchange).pipe(Effect.provide(world(exchange)))
      assert.strictEqual(lines.length, exchange.chunks.length + 1)
      assert.isTrue(lines.at(-1)?.json.done)
      assert.deepStrictEqual(gaps(lines).slice(0, -1), gaps(recorded(exchange)))
    })
  )
})

describe("a timing of one's own", () => {
  it.effect("sets each chunk, and leaves the rest to the model's pace", () =>
    Effect.gen(function* () {
      const control = yield* OllamaSimulator.OllamaSimulator
      const exchange = { request: { path: "/api/chat", body: chat() } } as const
      const arrivals = () =>
        Effect.gen(function* () {
          const start = yield* Clock.currentTimeMillis
          const got: Array<number> = []
          const fiber = yield* Effect.fork(
            Stream.runForEach(lines(exchange.request.path, exchange.request.body), () =>
              Effect.map(Clock.currentTimeMillis, (at) => {
                got.push(at - start)
              })
            )
          )
          yield* seconds(100)
          yield* Fiber.join(fiber)
          return got
        })
      assert.deepStrictEqual(yield* arrivals(), [2000, 2300, 9000, 10_000, 11_000])
      yield* control.slowDown(2)
      assert.deepStrictEqual(yield* arrivals(), [4000, 4600, 18_000, 20_000, 22_000])
      has(yield* state, { inFlight: 0 })
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          reply: {
            content: ["a", "b", "c", "d"],
            timing: { prompt: "2 seconds", chunks: [0, "300 millis", "7 seconds"] }
          },
          promptTime: "1 hour",
          tokenTime: "1 second"
        })
      )
    )
  )
})
