/** The loop: the model asked, its calls run, the results told, until it calls no more, or a limit says so. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { OllamaClient, Tool } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { traced } from "../client/observed/spans.js"
import { failsAt } from "../support/clock.js"
import { model, request } from "../support/replies.js"

class UnknownCity extends Schema.TaggedError<UnknownCity>()("UnknownCity", { city: Schema.String }) {}
class Offline extends Schema.TaggedError<Offline>()("Offline", {}) {}

const City = Schema.Struct({ city: Schema.String })
const degrees: Readonly<Record<string, number>> = { Paris: 21, Oslo: 4 }

const weather = Tool.make({
  name: "weather",
  parameters: City,
  failure: UnknownCity,
  handler: ({ city }) => {
    const found = degrees[city]
    return found === undefined ? Effect.fail(new UnknownCity({ city })) : Effect.succeed(found)
  }
})

const offline = Tool.make({ name: "offline", handler: () => Effect.fail(new Offline()) })
const slow = Tool.make({
  name: "slow",
  parameters: City,
  handler: ({ city }) => Effect.as(Effect.sleep("10 seconds"), city)
})

const call = (name: string, args: Readonly<Record<string, unknown>> = {}) => ({ name, arguments: args })

type Reply = Exclude<OllamaSimulator.Options["reply"], undefined>

/** A model that says this, turn by turn, the last again and again. */
const scene = (
  turns: ReadonlyArray<Exclude<Reply, (prompt: never) => unknown>>,
  options: OllamaSimulator.Options = {}
) => {
  let nth = 0
  return OllamaClient.layer().pipe(
    Layer.provideMerge(
      OllamaSimulator.layer({
        models: [{ name: model, loaded: true }],
        reply: () => turns[Math.min(nth++, turns.length - 1)] ?? "",
        ...options
      })
    )
  )
}

const calls = (...toolCalls: ReadonlyArray<ReturnType<typeof call>>) => ({ content: "", toolCalls })

const bodies = Effect.map(
  Effect.flatMap(OllamaSimulator.OllamaSimulator, ({ requests }) => requests),
  (all) => all.flatMap(({ json }) => (Predicate.isRecord(json) ? [json] : []))
)

/** How the first chat ended for the server. */
const endOfChat = Effect.flatMap(OllamaSimulator.OllamaSimulator, ({ ended, requests }) =>
  Effect.flatMap(requests, (all) => ended(all.findIndex(({ path }) => path === "/api/chat")))
)

const ask = { ...request, tools: [weather] }

describe("a run", () => {
  it.effect("goes on until an answer calls no tool, and gives the whole conversation", () =>
    Effect.gen(function* () {
      const seen: Array<Tool.Turn> = []
      const onTurn = (turn: Tool.Turn) => Effect.sync(() => void seen.push(turn))
      const run = yield* Tool.runTools({ ...ask, options: { seed: 1 } }, { onTurn })
      assert.strictEqual(run.response.message.content, "Warmer in Paris.")
      assert.deepStrictEqual(run.turns, seen)
      assert.deepStrictEqual(
        run.turns.map((turn) => turn.calls.map(({ content, isFailure }) => [content, isFailure])),
        [
          [
            ["21", false],
            ["4", false]
          ],
          [['{"error":{"city":"Atlantis","_tag":"UnknownCity"}}', true]],
          []
        ]
      )
      const roles = run.messages.map(({ role }) => role)
      assert.deepStrictEqual(roles, ["user", "assistant", "tool", "tool", "assistant", "tool", "assistant"])
      const sent = yield* bodies
      assert.lengthOf(sent, 3)
      for (const body of sent) {
        assert.deepStrictEqual(body["tools"], [weather.definition])
        assert.deepStrictEqual(body["options"], { seed: 1 })
      }
      // each result says which call it answers
      const last = sent[2]?.["messages"]
      assert.deepStrictEqual(last, run.messages.slice(0, -1))
      const answered = run.messages.flatMap(({ tool_calls = [] }) => tool_calls.map(({ id }) => id))
      const answers = run.messages.flatMap(({ role, tool_call_id, tool_name }) =>
        role === "tool" ? [[tool_call_id, tool_name]] : []
      )
      assert.deepStrictEqual(
        answers,
        answered.map((id) => [id, "weather"])
      )
    }).pipe(
      Effect.provide(
        scene([
          calls(call("weather", { city: "Paris" }), call("weather", { city: "Oslo" })),
          { ...calls(call("weather", { city: "Atlantis" })), content: "And one more." },
          "Warmer in Paris."
        ])
      )
    )
  )

  it.effect("without a call is one chat", () =>
    Effect.gen(function* () {
      const { response, turns } = yield* Tool.runTools({ ...request, tools: [] })
      assert.strictEqual(response.message.content, "Hello")
      assert.lengthOf(turns, 1)
      assert.notProperty((yield* bodies)[0], "tools")
    }).pipe(Effect.provide(scene(["Hello"])))
  )

  it.effect("tells the model of tools that there are not, and of arguments that do not fit", () =>
    Effect.gen(function* () {
      const { turns } = yield* Tool.runTools(ask)
      const [first] = turns
      assert.deepStrictEqual(
        first?.calls.map(({ isFailure }) => isFailure),
        [true, true]
      )
      assert.include(first?.calls[0]?.content, "volcano")
      assert.include(first?.calls[0]?.content, "only: weather")
      assert.include(first?.calls[1]?.content, "city: is missing")
    }).pipe(Effect.provide(scene([calls(call("volcano"), call("weather")), "Sorry."])))
  )

  it.effect("fails with what a tool fails with, where it is not told to the model", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Tool.runTools({ ...request, tools: [weather, offline] }))
      // the type has the failures of the client, of the tools and of the limits
      const tag: "Offline" | "ToolLimitReached" | OllamaTag = error._tag
      assert.strictEqual(tag, "Offline")
    }).pipe(Effect.provide(scene([calls(call("offline")), "Never said."])))
  )

  it.effect("fails as the client does", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Tool.runTools(ask))
      assert.strictEqual(error._tag, "ModelNotFound")
    }).pipe(
      Effect.provide(
        scene(["Hello"], { faults: [Fault.status(404, { json: { error: `model '${model}' not found` } })] })
      )
    )
  )

  it.effect("runs the calls of one answer one after the other, or at once", () =>
    Effect.gen(function* () {
      const timed = (concurrency?: number | "unbounded") =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(Effect.timed(Tool.runTools({ ...request, tools: [slow] }, { concurrency })))
          yield* TestClock.adjust("1 minute")
          const [took, { turns }] = yield* Fiber.join(fiber)
          // in the order of the calls, whichever is done first
          assert.deepStrictEqual(
            turns[0]?.calls.map(({ content }) => content),
            ["Paris", "Oslo", "Rome"]
          )
          return Duration.toSeconds(took)
        }).pipe(
          Effect.provide(scene([calls(...["Paris", "Oslo", "Rome"].map((city) => call("slow", { city }))), "Done."]))
        )
      assert.deepStrictEqual([yield* timed(), yield* timed(2), yield* timed("unbounded")], [30, 20, 10])
    })
  )
})

type OllamaTag = Effect.Effect.Error<ReturnType<typeof OllamaClient.chat>>["_tag"]

describe("the limits of a run", () => {
  const forever = scene([calls(call("weather", { city: "Paris" }))])

  it.effect("turns: 10 by default; the calls of the last answer are not run", () =>
    Effect.gen(function* () {
      let ran = 0
      const counted = Tool.make({ name: "weather", parameters: City, handler: () => Effect.sync(() => ++ran) })
      const error = yield* Effect.flip(Tool.runTools({ ...request, tools: [counted] }))
      assert.deepInclude(error, { _tag: "ToolLimitReached", limit: "turns", turns: 10 })
      assert.include(error.message, "turns")
      assert.strictEqual(ran, 9)
      assert.lengthOf(yield* bodies, 10)
    }).pipe(Effect.provide(forever))
  )

  it.effect("turns: as many as it is told", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Tool.runTools(ask, { turns: 1 }))
      assert.deepInclude(error, { _tag: "ToolLimitReached", limit: "turns", turns: 1 })
    }).pipe(Effect.provide(forever))
  )

  it.effect("time: while a tool runs, which is interrupted", () =>
    Effect.gen(function* () {
      const error = yield* failsAt(Tool.runTools({ ...request, tools: [slow] }, { time: "15 seconds" }), "15 seconds")
      assert.deepInclude(error, { _tag: "ToolLimitReached", limit: "time", turns: 2 })
      assert.lengthOf(yield* bodies, 2)
    }).pipe(Effect.provide(scene([calls(call("slow", { city: "Paris" }))])))
  )

  it.effect("time: while the model answers, which is stopped", () =>
    Effect.gen(function* () {
      const error = yield* failsAt(Tool.runTools(ask, { time: "3 seconds" }), "3 seconds")
      assert.deepInclude(error, { _tag: "ToolLimitReached", limit: "time", turns: 0 })
      assert.strictEqual((yield* endOfChat).how, "left")
    }).pipe(Effect.provide(scene(["one two three four five six"], { tokenTime: "1 second" })))
  )

  it.effect("time: no limit where none is given", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Tool.runTools({ ...request, tools: [slow] }))
      yield* TestClock.adjust("1 day")
      assert.strictEqual((yield* Fiber.join(fiber)).response.message.content, "Done.")
    }).pipe(Effect.provide(scene([calls(call("slow", { city: "Paris" })), "Done."])))
  )
})

describe("a run that cannot be", () => {
  const impossible: ReadonlyArray<
    readonly [name: string, tools: ReadonlyArray<typeof weather>, turns: number, field: string]
  > = [
    ["no turn", [weather], 0, "turns"],
    ["half a turn", [weather], 1.5, "turns"],
    ["no number of turns", [weather], Number.NaN, "turns"],
    ["two tools of one name", [weather, weather], 5, "tools"]
  ]
  for (const [name, tools, turns, field] of impossible) {
    it.effect(`${name}: InvalidRequest, and nothing is sent`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Tool.runTools({ ...request, tools }, { turns }))
        assert.deepInclude(error, { _tag: "InvalidRequest", field })
        assert.lengthOf(yield* bodies, 0)
      }).pipe(Effect.provide(scene(["Hello"])))
    )
  }
})

describe("leaving a run", () => {
  it.effect("interrupts the tool that runs, and asks no more", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const waiting = Tool.make({
        name: "waiting",
        handler: () =>
          Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(stopped, undefined))
          )
      })
      const fiber = yield* Effect.fork(Tool.runTools({ ...request, tools: [waiting] }, { time: "1 hour" }))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(stopped)
      assert.lengthOf(yield* bodies, 1)
    }).pipe(Effect.provide(scene([calls(call("waiting"))])))
  )

  it.effect("stops the server in the middle of an answer", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Tool.runTools(ask))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* endOfChat).how, "left")
    }).pipe(Effect.provide(scene(["one two three four five six"], { tokenTime: "1 second" })))
  )
})

describe("the spans of a run", () => {
  it.effect("one for it, with one for each call of a tool, and no word of arguments and results", () =>
    Effect.gen(function* () {
      const { spans } = yield* traced(Tool.runTools(ask))
      assert.deepStrictEqual(
        spans.flatMap(({ name, parent }) =>
          name.startsWith("POST") || parent?.startsWith("chat") ? [] : [[name, parent]]
        ),
        [
          ["invoke_agent", undefined],
          [`chat ${model}`, "invoke_agent"],
          ["execute_tool weather", "invoke_agent"],
          ["execute_tool unknown", "invoke_agent"],
          [`chat ${model}`, "invoke_agent"]
        ]
      )
      const tool = spans.find(({ name }) => name === "execute_tool weather")
      assert.deepInclude(Object.fromEntries(tool?.attributes ?? []), {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "weather"
      })
      assert.notInclude(JSON.stringify(spans.map(({ attributes, name }) => [name, [...attributes]])), "Atlantis")
    }).pipe(Effect.provide(scene([calls(call("weather", { city: "Atlantis" }), call("Atlantis")), "Sorry."])))
  )
})
