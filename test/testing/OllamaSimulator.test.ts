import { HttpClient, HttpClientError } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { Duration, Effect, Either, Exit, Fiber, Scope, Stream, TestClock } from "effect"
import { chat, codeOf, get, has, host, json, lines, post, read, same } from "./calls.js"

const simulator = OllamaSimulator.OllamaSimulator

describe("OllamaSimulator", () => {
  it.effect("announces itself", () =>
    Effect.gen(function* () {
      const response = yield* get("/api/version")
      assert.deepStrictEqual(yield* response.json, { version: "0.33.0-simulator" })
      const root = yield* get("/")
      assert.strictEqual(yield* root.text, "Ollama is running")
      const answer = yield* json("/api/chat", chat({ stream: false }))
      assert.include(answer.body.message.content, "simulator")
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("streams one chunk a token, with the headers on the first", () =>
    Effect.gen(function* () {
      const seen: Array<[number, string]> = []
      const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const fiber = yield* lines("/api/chat", chat()).pipe(
        Stream.runForEach((line) =>
          Effect.clockWith((clock) =>
            Effect.map(clock.currentTimeMillis, (now) => {
              seen.push([now - start, line.done ? "done" : line.message.content])
            })
          )
        ),
        Effect.fork
      )
      yield* TestClock.adjust("3500 millis")
      assert.deepStrictEqual(seen, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, [
        [3600, "One"],
        [3800, " two"],
        [4000, " three"],
        [4200, "done"]
      ])
      yield* Fiber.join(fiber)
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          models: ["llama3.2"],
          loadTime: "3 seconds",
          promptTime: "600 millis",
          tokenTime: "200 millis",
          reply: "One two three"
        })
      )
    )
  )

  it.effect("reports durations that agree with the clock", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(json("/api/chat", chat({ stream: false })))
      yield* TestClock.adjust("1 minute")
      const { body } = yield* Fiber.join(fiber)
      assert.strictEqual(body.message.content, "One two three")
      has(body, {
        done: true,
        done_reason: "stop",
        total_duration: 4.2e9,
        load_duration: 3e9,
        prompt_eval_duration: 0.6e9,
        eval_count: 3,
        eval_duration: 0.6e9
      })
    }).pipe(
      Effect.provide(
        OllamaSimulator.layer({
          models: ["llama3.2"],
          loadTime: "3 seconds",
          promptTime: "600 millis",
          tokenTime: "200 millis",
          reply: "One two three"
        })
      )
    )
  )

  it.effect("lists a model as running only after its load, until keep_alive is over", () =>
    Effect.gen(function* () {
      const names = Effect.map(read("/api/ps"), ({ models }) => models.map((model) => model.name))
      const fiber = yield* Effect.fork(json("/api/chat", chat({ stream: false, keep_alive: "2m" })))
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(yield* names, [])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* names, ["llama3.2:latest"])
      yield* TestClock.adjust("119 seconds")
      assert.deepStrictEqual(yield* names, ["llama3.2:latest"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(OllamaSimulator.layer({ loadTime: "10 seconds" })))
  )

  it.effect("aborts a load whose caller leaves; the next one begins from zero", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const first = yield* Effect.fork(post("/api/chat", chat()))
      yield* TestClock.adjust("4 seconds")
      const second = yield* Effect.fork(json("/api/chat", chat({ stream: false })))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(first)
      assert.strictEqual((yield* control.ended(0)).how, "left")
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(yield* control.loads, { begun: 2, finished: 0, aborted: 1 })
      assert.deepStrictEqual(yield* control.loaded, [])
      yield* TestClock.adjust("1 second")
      const { body } = yield* Fiber.join(second)
      assert.strictEqual(body.load_duration, Duration.toMillis("11 seconds") * 1e6)
      assert.deepStrictEqual(yield* control.loaded, ["llama3.2:latest"])
    }).pipe(Effect.provide(OllamaSimulator.layer({ loadTime: "10 seconds" })))
  )

  it.effect("notices a client that leaves in the middle of an answer", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const fiber = yield* lines("/api/chat", chat()).pipe(Stream.take(2), Stream.runCollect, Effect.fork)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      const ended = yield* control.ended(0)
      assert.deepStrictEqual(ended, { how: "left", chunks: 2, status: 200, at: 1000 })
      assert.strictEqual(yield* control.inFlight, 0)
    }).pipe(Effect.provide(OllamaSimulator.layer({ reply: "a b c d e f", tokenTime: "1 second" })))
  )

  it.effect("answers one request of a model at a time, in order", () =>
    Effect.gen(function* () {
      const order: Array<number> = []
      const fibers = yield* Effect.forEach([0, 1, 2], (index) =>
        Effect.fork(Effect.tap(json("/api/chat", chat({ stream: false })), () => Effect.sync(() => order.push(index))))
      )
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(order, [0])
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(order, [0, 1, 2])
      yield* Fiber.joinAll(fibers)
    }).pipe(Effect.provide(OllamaSimulator.layer({ reply: "a b", tokenTime: "1 second" })))
  )

  it.effect("sheds with 503 when more than maxQueue wait for a load", () =>
    Effect.gen(function* () {
      const fibers = yield* Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7], () =>
        Effect.fork(json("/api/chat", chat({ stream: false })))
      )
      yield* TestClock.adjust("1 minute")
      const answers = yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual([...answers].map(({ status }) => status).sort(), [200, 200, 200, 503, 503, 503, 503, 503])
      same([...answers].find(({ status }) => status === 503)?.body, {
        error: "server busy, please try again.  maximum pending requests exceeded"
      })
    }).pipe(Effect.provide(OllamaSimulator.layer({ loadTime: "1 second", maxQueue: 2 })))
  )

  it.effect("loads and unloads without a prompt", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const loaded = yield* json("/api/generate", { model: "llama3.2" })
      has(loaded.body, { response: "", done: true, done_reason: "load" })
      assert.deepStrictEqual(yield* control.loaded, ["llama3.2:latest"])
      const unloaded = yield* json("/api/chat", { model: "llama3.2", messages: [], keep_alive: 0 })
      has(unloaded.body, { done: true, done_reason: "unload" })
      assert.deepStrictEqual(yield* control.loaded, [])
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("loads again for other reload options", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* json("/api/chat", chat({ stream: false }))
      yield* json("/api/chat", chat({ stream: false, options: { temperature: 0 } }))
      assert.strictEqual((yield* control.loads).begun, 1)
      yield* json("/api/chat", chat({ stream: false, options: { num_ctx: 2048 } }))
      assert.strictEqual((yield* control.loads).begun, 2)
      const running = yield* read("/api/ps")
      assert.deepStrictEqual(
        running.models.map((model) => model.context_length),
        [2048]
      )
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("fails as undici does when a connection fails", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const codes: Array<unknown> = []
      const faults = [
        Fault.refused(),
        Fault.dns(),
        Fault.unroutable(),
        Fault.selfSignedTls(),
        Fault.httpToTls(),
        Fault.httpsToHttp(),
        Fault.resetBeforeHeaders(),
        Fault.closeBeforeHeaders(),
        Fault.firewall()
      ]
      for (const fault of faults) {
        yield* control.clearFaults
        yield* control.inject(fault)
        const error = yield* Effect.flip(post("/api/chat", chat()))
        assert.instanceOf(error, HttpClientError.RequestError)
        codes.push(codeOf(error))
      }
      assert.deepStrictEqual(codes, [
        "ECONNREFUSED",
        "ENOTFOUND",
        "EHOSTUNREACH",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "UND_ERR_SOCKET",
        "ERR_SSL_WRONG_VERSION_NUMBER",
        "ECONNRESET",
        "UND_ERR_SOCKET",
        "EACCES"
      ])
      const ended = yield* Effect.map(control.requests, (all) => all.map((request) => request.ended?.how))
      assert.deepStrictEqual(
        ended,
        faults.map(() => "faulted")
      )
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("breaks a body after the chunks that were asked for", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const run = (fault: Fault.Fault) =>
        Effect.gen(function* () {
          yield* control.clearFaults
          yield* control.inject(fault)
          const got: Array<string> = []
          const result = yield* Stream.runForEach(lines("/api/chat", chat()), (line) =>
            Effect.sync(() => got.push(line.error ?? (line.done ? "done" : line.message.content)))
          ).pipe(Effect.either)
          return [got, Either.isRight(result) ? "end" : codeOf(result.left)]
        })
      assert.deepStrictEqual(yield* run(Fault.resetAfter(2)), [["a", " b"], "ECONNRESET"])
      assert.deepStrictEqual(yield* run(Fault.cutAfter(1)), [["a"], "UND_ERR_SOCKET"])
      assert.deepStrictEqual(yield* run(Fault.endAfter(2)), [["a", " b"], "end"])
      assert.deepStrictEqual(yield* run(Fault.endAfter(0)), [[], "end"])
      assert.deepStrictEqual(yield* run(Fault.errorLineAfter(1, "unexpected EOF")), [["a", "unexpected EOF"], "end"])
      assert.deepStrictEqual(yield* run(Fault.splitBytes(1)), [["a", " b", " c", "done"], "end"])
    }).pipe(Effect.provide(OllamaSimulator.layer({ reply: "a b c" })))
  )

  it.effect("puts a bad line between good ones", () =>
    Effect.gen(function* () {
      const response = yield* post("/api/chat", chat())
      const text = yield* response.text
      const parsed = text
        .trimEnd()
        .split("\n")
        .map((line) => {
          try {
            return JSON.parse(line).done === true ? "done" : "good"
          } catch {
            return "bad"
          }
        })
      assert.deepStrictEqual(parsed, ["good", "good", "bad", "good", "done"])
    }).pipe(Effect.provide(OllamaSimulator.layer({ reply: "a b c", faults: [Fault.badLineAfter(2)] })))
  )

  it.effect("stalls: silence until the client leaves", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const got: Array<string> = []
      const fiber = yield* Effect.fork(
        Stream.runForEach(lines("/api/chat", chat()), (line) => Effect.sync(() => got.push(line.message.content)))
      )
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(got, ["a", " b"])
      yield* Fiber.interrupt(fiber)
      const ended = yield* control.ended(0)
      assert.deepInclude(ended, { how: "left", chunks: 2, fault: Fault.stallAfter(2) })
    }).pipe(Effect.provide(OllamaSimulator.layer({ reply: "a b c", faults: [Fault.stallAfter(2)] })))
  )

  it.effect("hits only the requests a fault was made for", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* control.inject(
        Fault.serverBusy({ path: "/api/chat", after: 1, times: 2 }),
        Fault.error("load.outOfMemory", { model: "qwen3" })
      )
      const statuses: Array<number> = []
      for (const model of ["llama3.2", "llama3.2", "qwen3", "llama3.2", "qwen3"]) {
        statuses.push((yield* post("/api/chat", chat({ model, stream: false }))).status)
      }
      assert.deepStrictEqual(statuses, [200, 503, 503, 200, 500])
      assert.strictEqual((yield* get("/api/tags")).status, 200)
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("hits the probe of loaded models with what breaks connections, and does not count it", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      yield* control.inject(Fault.refused({ times: 1 }), Fault.serverBusy({ times: 1 }))
      assert.isTrue(Either.isLeft(yield* Effect.either(get("/api/ps"))))
      assert.isTrue(Either.isLeft(yield* Effect.either(post("/api/chat", chat()))))
      assert.strictEqual((yield* get("/api/ps")).status, 200)
      assert.strictEqual((yield* post("/api/chat", chat())).status, 503)
      assert.strictEqual((yield* post("/api/chat", chat({ stream: false }))).status, 200)
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )

  it.effect("resets a stale kept-alive connection, and not a fresh one", () =>
    Effect.gen(function* () {
      const outcomes: Array<boolean> = []
      for (let i = 0; i < 4; i++) {
        outcomes.push(Either.isRight(yield* Effect.either(post("/api/chat", chat({ stream: false })))))
      }
      assert.deepStrictEqual(outcomes, [true, false, true, false])
    }).pipe(Effect.provide(OllamaSimulator.layer({ faults: [Fault.staleKeepAlive({ times: 2 })] })))
  )

  it.effect("answers and is left by its signal also where the caller cannot be interrupted", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      const version = yield* Effect.uninterruptible(get("/api/version"))
      assert.strictEqual(version.status, 200)
      const scope = yield* Scope.make()
      const client = HttpClient.withScope(yield* HttpClient.HttpClient)
      const fiber = yield* client
        .get(`${host}/api/tags`)
        .pipe(Scope.extend(scope), Effect.uninterruptible, Effect.either, Effect.fork)
      yield* control.arrived(1)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Either.isLeft(yield* Fiber.join(fiber)))
      assert.strictEqual((yield* control.ended(1)).how, "left")
    }).pipe(Effect.provide(OllamaSimulator.layer({ faults: [Fault.blackHole({ path: "/api/tags" })] })))
  )

  it.effect("delays headers, and then answers", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(post("/api/chat", chat({ stream: false })))
      yield* TestClock.adjust("4 seconds")
      assert.isNull(yield* Fiber.poll(fiber).pipe(Effect.map((exit) => (exit._tag === "None" ? null : exit))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }).pipe(Effect.provide(OllamaSimulator.layer({ faults: [Fault.slowHeaders("5 seconds")] })))
  )

  it.effect("writes one endless line", () =>
    Effect.gen(function* () {
      const response = yield* post("/api/chat", chat())
      const text = yield* response.text
      assert.strictEqual(text.length, 200_000)
      assert.strictEqual(text.indexOf("\n"), -1)
    }).pipe(Effect.provide(OllamaSimulator.layer({ faults: [Fault.endlessLine(200_000)] })))
  )

  it.effect("answers every text with its status and body", () =>
    Effect.gen(function* () {
      const control = yield* simulator
      for (const [name, text] of Object.entries(Fault.texts)) {
        yield* control.clearFaults
        yield* control.inject(Fault.error(name as Fault.TextName))
        const response = yield* post("/api/chat", chat())
        assert.strictEqual(response.status, text.status, name)
        assert.strictEqual(yield* response.text, text.body, name)
      }
    }).pipe(Effect.provide(OllamaSimulator.layer()))
  )
})
