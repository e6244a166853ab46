/** Permits, the throttle, and policies that change while a client lives. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { OllamaClient, OllamaError, Policy } from "effect-ollama"
import { expectTag, expectTimeout, within } from "../../support/clock.js"
import { chat, end, failure, late, refused, request, silence, stream, token } from "../../support/replies.js"
import { make, type Seen } from "../../support/server.js"

const shed = failure(503, "server busy, please try again.  maximum pending requests exceeded")

const slow = () => make({ "/api/chat": late("1 second", chat("Hello")) })

const asking = (content: string) => ({ ...request, messages: [{ role: "user" as const, content }] })

const asked = (seen: ReadonlyArray<Seen>) => seen.map(({ body }) => /"content":"(\w+)"/.exec(body)?.[1])

describe("permits", () => {
  it.scoped("let so many calls of a model run at once, whatever the others do", () =>
    Effect.gen(function* () {
      const server = slow()
      const client = yield* server.connect({ policy: Policy.make({ concurrency: { limit: 2 } }) })
      const calls = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 6 }, (_, n) => client.chat(asking(`c${n}`))),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(server.at("/api/chat").length, 2)
      yield* Effect.fork(client.chat({ ...request, model: "other" }))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(server.at("/api/chat").length, 3)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(calls)
    })
  )

  it.scoped("are held to the end of a stream, and given back when it is left", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": stream(token("a"), silence) })
      const client = yield* server.connect({ policy: Policy.make({ concurrency: { limit: 1 } }) })
      const first = yield* Effect.fork(Stream.runDrain(client.chatStream(request)))
      const second = yield* Effect.fork(Stream.runDrain(Stream.take(client.chatStream(request), 1)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(server.at("/api/chat").length, 1)
      yield* Fiber.interrupt(first)
      yield* Fiber.join(second)
      yield* Stream.runDrain(Stream.take(client.chatStream(request), 1))
      assert.strictEqual(server.at("/api/chat").length, 3)
    })
  )

  it.scoped("go to the highest priority first, then to the earliest deadline", () =>
    Effect.gen(function* () {
      const server = slow()
      const client = yield* server.connect({ policy: Policy.make({ concurrency: { limit: 1 } }) })
      const ask = (content: string, options?: OllamaClient.CallOptions) =>
        Effect.zipLeft(Effect.fork(client.chat(asking(content), options)), TestClock.adjust("1 millis"))
      const total = (duration: string) => ({ policy: { timeouts: { total: duration } } }) as const
      yield* ask("running")
      yield* ask("batch", { priority: "batch" })
      yield* ask("normal")
      yield* ask("later", total("60 seconds") as OllamaClient.CallOptions)
      yield* ask("sooner", total("50 seconds") as OllamaClient.CallOptions)
      yield* ask("person", { priority: "interactive" })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(asked(server.at("/api/chat")), ["running", "person", "sooner", "later", "normal", "batch"])
    })
  )

  it.scoped("time that is waited for one is not the server's: no clock runs but that of the whole", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": [late("2 minutes", chat("a")), chat("b")] })
      const client = yield* server.connect({
        policy: Policy.make({ concurrency: { limit: 1 }, timeouts: { firstToken: "3 minutes" } })
      })
      yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("1 millis")
      const short = yield* Effect.fork(
        Effect.flip(client.chat(request, { policy: { timeouts: { total: "1 minute" } } }))
      )
      const patient = yield* Effect.fork(client.chat(request, { policy: { timeouts: { firstToken: "1 second" } } }))
      yield* TestClock.adjust("1 minute")
      const error = expectTimeout(yield* Fiber.join(short), "total", "1 minute")
      assert.strictEqual(server.at("/api/chat").length, 1)
      assert.deepStrictEqual(error.attempts, [])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(patient)).message.content, "b")
    })
  )

  it.scoped("are refused at once where a bounded queue is full, as Overloaded by client", () =>
    Effect.gen(function* () {
      const server = slow()
      const client = yield* server.connect({
        policy: Policy.make({ concurrency: { limit: 1, queue: 1 }, retry: { attempts: 5 } })
      })
      yield* Effect.fork(Effect.all([client.chat(request), client.chat(request)], { concurrency: 2 }))
      yield* TestClock.adjust("1 millis")
      const error = expectTag(yield* Effect.flip(client.chat(request)), "Overloaded")
      assert.strictEqual(error.by, "client")
      assert.strictEqual(error.phase, "queue")
      assert.isFalse(error.isRetryable)
    })
  )

  it.scoped("with admission refuse what cannot meet its deadline, and say how long it would wait", () =>
    Effect.gen(function* () {
      const answer = stream(
        token("a"),
        end({ total_duration: 4e9, load_duration: 0, prompt_eval_duration: 1e9, eval_duration: 3e9 })
      )
      const server = make({ "/api/chat": late("4 seconds", answer) })
      const client = yield* server.connect({
        policy: Policy.make({ concurrency: { limit: 1, admission: { target: "10 seconds", interval: "10 seconds" } } })
      })
      yield* within(client.chat(request), "4 seconds")
      yield* Effect.fork(
        Effect.all(
          [1, 2, 3].map(() => client.chat(request)),
          { concurrency: 3 }
        )
      )
      yield* TestClock.adjust("1 millis")
      const hurried = client.chat(request, { priority: "batch", policy: { timeouts: { total: "3 seconds" } } })
      const error = expectTag(yield* Effect.flip(hurried), "Overloaded")
      assert.strictEqual(error.by, "client")
      assert.isAbove(Duration.toMillis(error.retryAfter ?? 0), 3000)
      yield* Effect.fork(client.chat(request, { policy: { timeouts: { total: "1 minute" } } }))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(server.at("/api/chat").length, 5)
    })
  )

  it.scoped("by default are without a limit until an answer shows a queue", () =>
    Effect.gen(function* () {
      const queued = (seconds: number) =>
        stream(
          token("a"),
          end({
            total_duration: (seconds + 1) * 1e9,
            load_duration: 0,
            prompt_eval_duration: 1e8,
            eval_duration: 9e8
          })
        )
      const server = make({ "/api/chat": (_, nth) => late(`${nth + 1} seconds`, queued(nth)) })
      const client = yield* server.connect()
      const calls = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 8 }, () => client.chat(request)),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(server.at("/api/chat").length, 8)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(calls)
      yield* Effect.fork(
        Effect.all(
          Array.from({ length: 8 }, () => client.chat(request)),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(server.at("/api/chat").length, 10)
    })
  )
})

describe("the throttle", () => {
  it.scoped("holds back most calls to a server that sheds, as Overloaded by client, and sends nothing", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": shed })
      const client = yield* server.connect({ policy: Policy.make({ throttle: {}, retry: { attempts: 1 } }) })
      const failures = yield* Effect.replicateEffect(Effect.flip(client.chat(request)), 300)
      const sent = server.at("/api/chat").length
      assert.isBelow(sent, 60)
      const held = failures.filter((error) => error._tag === "Overloaded" && error.by === "client")
      assert.strictEqual(held.length, 300 - sent)
      assert.strictEqual(held[0]?.phase, "prepare")
    })
  )

  it.scoped("lets everything pass while the server takes half of it", () =>
    Effect.gen(function* () {
      const server = make({ "/api/chat": (_, nth) => (nth % 2 === 0 ? chat("a") : shed) })
      const client = yield* server.connect({ policy: Policy.make({ throttle: {}, retry: { attempts: 1 } }) })
      yield* Effect.replicateEffect(Effect.either(client.chat(request)), 200)
      assert.strictEqual(server.at("/api/chat").length, 200)
    })
  )
})

describe("a policy that changes while the client lives", () => {
  const world = (first: Policy.Patch) =>
    Effect.gen(function* () {
      const changes = yield* Queue.unbounded<Policy.Policy>()
      const server = make({
        "/api/chat": failure(500, "llama runner process has terminated"),
        "/api/embed": late("1 second", refused)
      })
      const client = yield* server.connect({ policy: Policy.make(first), policyChanges: Stream.fromQueue(changes) })
      const become = (patch: Policy.Patch) =>
        Effect.zipRight(Queue.offer(changes, Policy.make({ ...first, ...patch })), TestClock.adjust("1 millis"))
      return { server, client, become }
    })

  it.scoped("is in force for the next call", () =>
    Effect.gen(function* () {
      const { become, client, server } = yield* world({ retry: { attempts: 1 }, breaker: "off" })
      yield* Effect.flip(client.chat(request))
      yield* become({ retry: { attempts: 2 } })
      yield* within(Effect.flip(client.chat(request)), "1 minute")
      assert.strictEqual(server.at("/api/chat").length, 3)
    })
  )

  it.scoped("keeps what a breaker has counted", () =>
    Effect.gen(function* () {
      const { become, client } = yield* world({ retry: { attempts: 1 } })
      for (let n = 0; n < 3; n++) yield* Effect.flip(client.chat(request))
      yield* become({ timeouts: { gap: "9 seconds" }, breaker: { model: { openFor: "7 seconds" } } })
      expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
      const error = expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
      assert.strictEqual(Duration.toMillis(error.retryAfter), 7000)
    })
  )

  it.scoped("lets more calls run at once, those that wait already", () =>
    Effect.gen(function* () {
      const { become, client, server } = yield* world({ concurrency: { limit: 1 } })
      yield* Effect.fork(
        Effect.all(
          Array.from({ length: 5 }, () => Effect.either(client.embed({ model: "llama3.2", input: "x" }))),
          { concurrency: 5 }
        )
      )
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(server.at("/api/embed").length, 1)
      yield* become({ concurrency: { limit: 3 } })
      assert.strictEqual(server.at("/api/embed").length, 3)
    })
  )

  it.scoped("can switch parts off and on", () =>
    Effect.gen(function* () {
      const { become, client } = yield* world({ retry: { attempts: 1 } })
      for (let n = 0; n < 4; n++) yield* Effect.flip(client.chat(request))
      expectTag(yield* Effect.flip(client.chat(request)), "CircuitOpen")
      yield* become({ breaker: "off" })
      expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
      yield* become({})
      expectTag(yield* Effect.flip(client.chat(request)), "ServerError")
    })
  )
})

describe("parts that have state", () => {
  for (const [field, patch] of Object.entries({
    "policy.budget": { budget: { floor: 1 } },
    "policy.breaker": { breaker: { model: { openFor: "1 second" } } },
    "policy.concurrency": { concurrency: { limit: 1 } },
    "policy.throttle": { throttle: { k: 3 } }
  } satisfies Record<string, Policy.Patch>)) {
    it.scoped(`${field} cannot be changed for one call, only switched off`, () =>
      Effect.gen(function* () {
        const client = yield* slow().connect()
        const error = expectTag(yield* Effect.flip(client.chat(request, { policy: patch })), "InvalidRequest")
        assert.isTrue(error.field?.startsWith(field), error.field)
        const around = yield* Effect.flip(OllamaClient.withPolicy(client.chat(request), patch))
        assert.isTrue(OllamaError.isOllamaError(around) && around._tag === "InvalidRequest")
        const off: Policy.Patch = { [field.slice("policy.".length)]: "off" }
        yield* within(client.chat(request, { policy: off }), "1 second")
      })
    )
  }
})
