/** Calls that are slow, told while they run: at which moment, in which phase, how often, and to whom. */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaClient, Policy } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { within } from "../../support/clock.js"
import { cold, loadAnswer } from "../../support/loading.js"
import {
  chat,
  end,
  late,
  psEmpty,
  request,
  type Reply,
  silence,
  silent,
  stream,
  token,
  version,
  wait
} from "../../support/replies.js"
import { make } from "../../support/server.js"
import { heard, simulated } from "./records.js"

/** Words that must not be in any log. */
const prompt = "a secret question of many words ".repeat(150)
const said = "a secret answer"
const asked = { model: "llama3.2", messages: [{ role: "user", content: prompt }] }

/** No limits of a phase, so that only what is set is at work. */
const alone = (slow: Policy.Policy["slow"] | Policy.Patch["slow"], timeouts: Policy.Patch["timeouts"] = {}) =>
  Policy.make({
    timeouts: { load: "none", firstToken: "none", gap: "none", ...timeouts },
    slow
  })

const withoutClocks = { load: "none", firstToken: "none", gap: "none", total: "none", factor: "off" } as const

interface Line {
  readonly level: string
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>>
}

const logged = () => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ annotations, logLevel, message }) => {
    const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
    lines.push({ level: logLevel.label, text, annotations: Object.fromEntries(HashMap.toEntries(annotations)) })
  })
  return { lines, layer: Logger.replace(Logger.defaultLogger, logger) }
}

/** The slow call is told at this moment, and not a millisecond before. */
const toldAt = (
  reply: Reply,
  slow: Policy.Patch["slow"],
  after: Duration.DurationInput,
  timeouts?: Policy.Patch["timeouts"]
) =>
  Effect.gen(function* () {
    const client = yield* make({ "/api/chat": reply, "/api/version": version }).connect({
      policy: alone(slow, timeouts)
    })
    const told = yield* heard(client)
    const fiber = yield* Effect.fork(client.chat(asked))
    yield* TestClock.adjust(Duration.toMillis(after) - 1)
    assert.deepStrictEqual(told.slow(), [])
    yield* TestClock.adjust(1)
    const [slowCall] = told.slow()
    if (slowCall === undefined) return assert.fail("not told")
    assert.isNull(fiber.unsafePoll())
    yield* TestClock.adjust("1 hour")
    assert.strictEqual(told.slow().length, 1)
    yield* Fiber.interrupt(fiber)
    assert.deepStrictEqual(
      told.records().map((record) => record.slow),
      [true]
    )
    return slowCall
  })

describe("an absolute threshold", () => {
  it.scoped("of the first token", () =>
    Effect.gen(function* () {
      const slow = yield* toldAt(silent, { ...withoutClocks, firstToken: "7 seconds" }, "7 seconds")
      assert.deepInclude(slow, { phase: "firstToken", kind: "absolute", predicted: undefined })
      assert.strictEqual(Duration.toMillis(slow.threshold), 7000)
      assert.deepStrictEqual([slow.elapsed, slow.inPhase].map(Duration.toMillis), [7000, 7000])
      assert.deepInclude(slow.call, { id: 1, operation: "chat", model: "llama3.2", host: "http://127.0.0.1:11434" })
    })
  )

  it.scoped("of a gap, from the last chunk on", () =>
    Effect.gen(function* () {
      const reply = stream(wait("2 seconds"), token("a"), wait("2 seconds"), token("b"), silence)
      const slow = yield* toldAt(reply, { ...withoutClocks, gap: "3 seconds" }, "7 seconds")
      assert.strictEqual(slow.phase, "gap")
      assert.deepStrictEqual([slow.elapsed, slow.inPhase].map(Duration.toMillis), [7000, 3000])
    })
  )

  it.scoped("of the whole call", () =>
    Effect.gen(function* () {
      const reply = stream(wait("2 seconds"), token("a"), silence)
      const slow = yield* toldAt(reply, { ...withoutClocks, total: "10 seconds" }, "10 seconds")
      assert.strictEqual(slow.phase, "total")
    })
  )

  it.scoped("is half of the limit when automatic, for each limit that there is", () =>
    Effect.gen(function* () {
      const first = yield* toldAt(silent, { factor: "off" }, "5 seconds", { firstToken: "10 seconds" })
      assert.strictEqual(first.phase, "firstToken")
      const gap = yield* toldAt(stream(token("a"), silence), { factor: "off" }, "4 seconds", { gap: "8 seconds" })
      assert.strictEqual(gap.phase, "gap")
      const total = yield* toldAt(silent, { factor: "off" }, "6 seconds", { total: "12 seconds" })
      assert.strictEqual(total.phase, "total")
    })
  )

  it.scoped("of a load that the client owns, for each call that waits for it", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": cold(chat("a"), late("1 minute", loadAnswer)), "/api/ps": psEmpty })
      const client = yield* server.connect({
        policy: alone({ ...withoutClocks, load: "20 seconds" }, { load: "5 minutes" })
      })
      const told = yield* heard(client)
      const calls = yield* Effect.forEach([1, 2], () => Effect.fork(client.chat(asked)))
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(
        told.slow().map(({ call, phase }) => [call.id, phase]),
        [
          [1, "load"],
          [2, "load"]
        ]
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.joinAll(calls)
      assert.strictEqual(told.slow().length, 2)
    })
  )

  it.scoped("of the client's own queue", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": silent }).connect({
        policy: Policy.merge(alone({ ...withoutClocks, queue: "3 seconds" }), { concurrency: { limit: 1 } })
      })
      const told = yield* heard(client)
      const calls = yield* Effect.forEach([1, 2], () => Effect.fork(client.chat(asked)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        told.slow().map(({ call, elapsed, phase }) => [call.id, phase, Duration.toMillis(elapsed)]),
        [[2, "queue", 3000]]
      )
      yield* Fiber.interruptAll(calls)
    })
  )

  it.scoped("of each phase once, also over several attempts; and of no phase where slow is off", () =>
    Effect.gen(function* () {
      const reply = stream(wait("4 seconds"), token("a"), wait("4 seconds"), token("b"), wait("4 seconds"), end())
      const client = yield* make({ "/api/chat": reply }).connect({
        policy: alone({ ...withoutClocks, firstToken: "3 seconds", gap: "3 seconds", total: "10 seconds" })
      })
      const told = yield* heard(client)
      yield* within(client.chat(asked))
      assert.deepStrictEqual(
        told.slow().map(({ elapsed, phase }) => [phase, Duration.toMillis(elapsed)]),
        [
          ["firstToken", 3000],
          ["gap", 7000],
          ["total", 10_000]
        ]
      )
      yield* within(client.chat(asked, { policy: { slow: "off" } }))
      assert.strictEqual(told.slow().length, 3)
      assert.deepStrictEqual(
        told.records().map(({ slow }) => slow),
        [true, false]
      )
    })
  )

  it.scoped("does not count the time of a slow consumer", () =>
    Effect.gen(function* () {
      const reply = stream(token("a"), token("b"), wait("1 second"), token("c"), end())
      const client = yield* make({ "/api/chat": reply }).connect({
        policy: alone({ ...withoutClocks, gap: "3 seconds" })
      })
      const told = yield* heard(client)
      yield* within(Stream.runForEach(client.chatStream(asked), () => Effect.sleep("1 minute")))
      assert.deepStrictEqual(told.slow(), [])
    })
  )
})

describe("a threshold relative to what is expected", () => {
  /** A model in memory: a second for the prompt, 100 ms for each of 20 tokens. */
  const usual = {
    models: [
      {
        name: "llama3.2",
        loaded: true,
        promptTime: "1 second",
        tokenTime: "100 millis",
        reply: Array.from({ length: 20 }, (_, index) => ` word${index}`)
      }
    ]
  } as const

  const policy = Policy.make({ slow: { factor: 4, samples: 5, least: "2 seconds" } })

  it.scoped("tells of a prompt that takes four times as long as usual, and of none before there were enough", () =>
    Effect.gen(function* () {
      const client = yield* OllamaClient.OllamaClient
      const simulator = yield* OllamaSimulator.OllamaSimulator
      const told = yield* heard(client)
      const slowly = Effect.gen(function* () {
        yield* simulator.inject({ _tag: "StallAfter", chunks: 0, path: "/api/chat", times: 1 })
        const fiber = yield* Effect.fork(client.chat(asked))
        yield* TestClock.adjust("12 seconds")
        yield* Fiber.interrupt(fiber)
      })
      yield* slowly
      assert.deepStrictEqual(told.slow(), [])
      for (let n = 0; n < 10; n++) yield* within(client.chat(asked), "5 seconds")
      assert.deepStrictEqual(told.slow(), [])
      yield* slowly
      const [found] = told.slow()
      if (found === undefined) return assert.fail("not told")
      assert.deepInclude(found, { phase: "firstToken", kind: "relative" })
      assert.isAtLeast(found.predicted?.samples ?? 0, 5)
      const expected = Duration.toMillis(found.predicted?.expected ?? 0)
      assert.approximately(expected, 1000, 300)
      const threshold = Duration.toMillis(found.threshold)
      assert.isAtLeast(threshold, 4 * expected)
      assert.approximately(Duration.toMillis(found.elapsed), threshold, 1)
    }).pipe(Effect.provide(simulated(usual, { policy })))
  )

  it.scoped("has what was expected beside each phase of a record", () =>
    Effect.gen(function* () {
      const client = yield* OllamaClient.OllamaClient
      const told = yield* heard(client)
      for (let n = 0; n < 12; n++) yield* within(client.chat(asked), "5 seconds")
      const { generating, prompt } = told.records().at(-1)?.phases ?? {}
      assert.isAtLeast(generating?.predicted?.samples ?? 0, 5)
      assert.approximately(Duration.toMillis(prompt?.predicted?.expected ?? 0), 1000, 300)
      assert.approximately(Duration.toMillis(generating?.predicted?.expected ?? 0), 2000, 300)
    }).pipe(Effect.provide(simulated(usual, { policy })))
  )
})

describe("what is told of a slow call", () => {
  const slow = { ...withoutClocks, firstToken: "3 seconds" } as const

  it.scoped(
    "is logged once, at that moment, with the caller's annotations and without a word of what was asked",
    () => {
      const { layer, lines } = logged()
      return Effect.gen(function* () {
        const client = yield* make({ "/api/chat": silent }).connect({ policy: alone(slow) })
        const fiber = yield* Effect.fork(client.chat(asked).pipe(Effect.annotateLogs("user", "u-1")))
        yield* TestClock.adjust(2999)
        assert.deepStrictEqual(lines, [])
        yield* TestClock.adjust(1)
        yield* TestClock.adjust("1 hour")
        const [line, ...rest] = lines
        assert.deepStrictEqual(rest, [])
        assert.strictEqual(line?.level, "WARN")
        assert.match(line?.text ?? "", /^chat llama3\.2 on http:\/\/127\.0\.0\.1:11434 is slow: /)
        assert.deepInclude(line?.annotations, {
          user: "u-1",
          "ollama.operation": "chat",
          "ollama.model": "llama3.2",
          "ollama.phase": "firstToken",
          "ollama.threshold": "3s",
          "ollama.rule": "absolute"
        })
        for (const word of [prompt, said]) assert.notInclude(JSON.stringify(lines), word)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(layer))
    }
  )

  it.scoped("is not logged where that is off, and told all the same", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const client = yield* make({ "/api/chat": silent }).connect({ policy: alone({ ...slow, log: false }) })
      const told = yield* heard(client)
      const fiber = yield* Effect.fork(client.chat(asked))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(lines, [])
      assert.strictEqual(told.slow().length, 1)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(layer))
  })

  it.scoped("comes as a stream", () =>
    Effect.gen(function* () {
      const client = yield* make({ "/api/chat": silent }).connect({ policy: alone(slow) })
      const reading = yield* Effect.fork(Stream.runCollect(Stream.take(client.slowCalls, 2)))
      yield* TestClock.adjust(0)
      const calls = yield* Effect.forEach([1, 2], () => Effect.fork(client.chat(asked)))
      yield* TestClock.adjust("3 seconds")
      const found = Chunk.toReadonlyArray(yield* Fiber.join(reading))
      assert.deepStrictEqual(
        found.map(({ call }) => call.id),
        [1, 2]
      )
      yield* Fiber.interruptAll(calls)
    })
  )

  it.scoped("says why, from a look at the host shortly before", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": silent, "/api/version": version })
      const client = yield* server.connect({ policy: alone(slow) })
      const fiber = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust(2499)
      assert.strictEqual(server.at("/api/version").length, 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(server.at("/api/version").length, 1)
      yield* Fiber.interrupt(fiber)
    })
  )
})
