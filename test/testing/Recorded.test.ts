import { HttpClient, HttpClientError } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Recorded } from "effect-ollama/testing"
import { Effect, Either, Fiber, Stream, TestClock } from "effect"

const host = "http://127.0.0.1:11434"

const exchange = (parts: Partial<Recorded.Exchange>): Recorded.Exchange => ({
  name: "made up",
  request: { method: "POST", path: "/api/chat", headers: {} },
  response: { status: 200, headers: { "content-type": "application/x-ndjson", "transfer-encoding": "chunked" } },
  error: null,
  headersAtMs: 100,
  chunks: [
    { atMs: 100, text: '{"a":"é"}\n{"b"' },
    { atMs: 250, text: ":2}\n" }
  ],
  endAtMs: 300,
  server: "ollama v0.33.0 (llama-server engine)",
  ...parts
})

const chunksOf = Effect.gen(function* () {
  const response = yield* HttpClient.post(`${host}/api/chat`, {})
  const got: Array<[number, string]> = []
  const outcome = yield* response.stream.pipe(
    Stream.runForEach((bytes) =>
      Effect.clockWith((clock) =>
        Effect.map(clock.currentTimeMillis, (now) => {
          got.push([now, new TextDecoder().decode(bytes)])
        })
      )
    ),
    Effect.either
  )
  return { status: response.status, headers: response.headers, got, outcome }
})

describe("Recorded", () => {
  it.effect("replays status, headers, the boundaries of the chunks and their times", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(chunksOf)
      yield* TestClock.adjust("299 millis")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* TestClock.adjust("1 millis")
      const { got, headers, outcome, status } = yield* Fiber.join(fiber)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual({ ...headers }, { "content-type": "application/x-ndjson" })
      assert.deepStrictEqual(got, [
        [100, '{"a":"é"}\n{"b"'],
        [250, ":2}\n"]
      ])
      assert.isTrue(Either.isRight(outcome))
    }).pipe(Effect.provide(Recorded.layer(exchange({}))))
  )

  it.effect("plays faster", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(chunksOf)
      yield* TestClock.adjust("30 millis")
      const { got } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        got.map(([at]) => at),
        [10, 25]
      )
    }).pipe(Effect.provide(Recorded.layer(exchange({}), { speed: 10 })))
  )

  it.effect("fails the request for an error before the headers", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(HttpClient.post(`${host}/api/chat`))
      assert.instanceOf(error, HttpClientError.RequestError)
      assert.deepInclude(error.cause, { code: "ECONNRESET", message: "socket hang up" })
    }).pipe(
      Effect.provide(
        Recorded.layer(
          exchange({
            response: null,
            error: { code: "ECONNRESET", message: "socket hang up" },
            headersAtMs: null,
            chunks: []
          }),
          { speed: Infinity }
        )
      )
    )
  )

  it.effect("fails the body for an error behind them", () =>
    Effect.gen(function* () {
      const { got, outcome } = yield* chunksOf
      assert.strictEqual(got.length, 2)
      assert.isTrue(Either.isLeft(outcome))
      if (Either.isLeft(outcome)) assert.deepInclude(outcome.left.cause, { code: "ECONNRESET", message: "aborted" })
    }).pipe(
      Effect.provide(
        Recorded.layer(exchange({ error: { code: "ECONNRESET", message: "aborted" } }), { speed: Infinity })
      )
    )
  )

  it.effect("answers what clients ask on the side without using up the recording", () =>
    Effect.gen(function* () {
      const ps = yield* HttpClient.get(`${host}/api/ps`)
      // what was in memory is not known
      assert.strictEqual(ps.status, 404)
      const version = yield* HttpClient.get(`${host}/api/version`)
      assert.deepStrictEqual(yield* version.json, { version: "0.33.0" })
      const first = yield* HttpClient.post(`${host}/api/chat`)
      const second = yield* HttpClient.post(`${host}/api/chat`)
      const third = yield* HttpClient.post(`${host}/api/chat`)
      assert.deepStrictEqual([first.status, second.status, third.status], [503, 200, 200])
    }).pipe(
      Effect.provide(
        Recorded.layer([exchange({ response: { status: 503, headers: {} } }), exchange({})], { speed: Infinity })
      )
    )
  )

  it.effect("replays a recording of /api/ps itself", () =>
    Effect.gen(function* () {
      const ps = yield* HttpClient.get(`${host}/api/ps`)
      assert.strictEqual(yield* ps.text, "recorded")
    }).pipe(
      Effect.provide(
        Recorded.layer(
          exchange({
            request: { method: "GET", path: "/api/ps", headers: {} },
            chunks: [{ atMs: 1, text: "recorded" }]
          }),
          { speed: Infinity }
        )
      )
    )
  )

  it.effect("replays answers without a body", () =>
    Effect.gen(function* () {
      const head = yield* HttpClient.head(`${host}/api/blobs/sha256:00`)
      assert.deepStrictEqual([head.status, head.headers["content-length"]], [404, "102"])
    }).pipe(
      Effect.provide(
        Recorded.layer(
          exchange({
            request: { method: "HEAD", path: "/api/blobs/sha256:00", headers: {} },
            response: { status: 404, headers: { "content-length": "102" } },
            chunks: []
          }),
          { speed: Infinity }
        )
      )
    )
  )

  it.effect("refuses what is not an exchange", () =>
    Effect.gen(function* () {
      assert.isTrue(Either.isLeft(yield* Effect.either(Recorded.decode({ name: "x" }))))
    })
  )
})
