import { assert, describe, it } from "@effect/vitest"
import { HealthMonitor, OllamaClient, Policy } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as TestClock from "effect/TestClock"
import {
  chat,
  late,
  loaded,
  ps,
  psEmpty,
  refused,
  request,
  silent,
  stream,
  token,
  version,
  wait
} from "../support/replies.js"
import { chanceScene, scene } from "./healthScene.js"

const millis = (at: DateTime.Utc | undefined): number | undefined => at && DateTime.toEpochMillis(at)

describe("when it looks", () => {
  it.scoped("every 15 s, and every 2 s while calls run", () =>
    Effect.gen(function* () {
      const { answers, asked, client } = yield* scene()
      yield* TestClock.adjust("31 seconds")
      assert.deepStrictEqual(asked("/api/version"), [0, 15_000, 30_000])
      answers.chat = stream(token("a"), wait("5 seconds"), token("b"), wait("1 hour"))
      const call = yield* Effect.fork(client.chat(request))
      yield* TestClock.adjust("6 seconds")
      // the look that was due at 45 s is due 2 s after the last one
      assert.deepStrictEqual(asked("/api/version").slice(3), [32_000, 34_000, 36_000])
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(asked("/api/version").slice(6), [51_000, 66_000])
      // and one look of the call's own, at whether its model is in memory
      assert.deepStrictEqual(
        asked("/api/ps").filter((at) => at !== 31_000),
        asked("/api/version")
      )
    })
  )

  it.scoped("less and less often while nobody answers, at last every 15 s", () =>
    Effect.gen(function* () {
      const { asked } = yield* scene({ answers: { version: refused, ps: refused } })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(asked("/api/version"), [0, 2000, 6000, 14_000, 29_000, 44_000, 59_000])
    })
  )

  it.scoped("one look at a time, whatever it takes", () =>
    Effect.gen(function* () {
      const { asked, monitor } = yield* scene({
        answers: { version: late(4000, version), ps: late(4000, ps()) },
        monitor: { busyInterval: 100, idleInterval: 100 }
      })
      const looks = yield* Effect.forkAll([monitor.look, monitor.look])
      yield* TestClock.adjust("12 seconds")
      const [first, second] = yield* Fiber.join(looks)
      assert.strictEqual(first?.[0]?.status, "healthy")
      assert.strictEqual(second?.[0]?.status, "healthy")
      const times = asked("/api/version")
      assert.isAtLeast(times.length, 3)
      for (const [index, at] of times.entries()) assert.isAtLeast(at, index * 4000)
    })
  )

  it.scoped("the intervals and limits that are given", () =>
    Effect.gen(function* () {
      const { answers, asked, health } = yield* scene({ monitor: { idleInterval: "1 minute", limit: "1 second" } })
      yield* TestClock.adjust(0)
      answers.ps = silent
      yield* TestClock.adjust("61 seconds")
      assert.deepStrictEqual(asked("/api/version"), [0, 60_000])
      assert.include((yield* health).why, "within 1 s")
    })
  )

  it.effect("clients that begin together do not ask together", () =>
    Effect.gen(function* () {
      const times = yield* Effect.forEach(["a", "b", "c", "d"], (seed) =>
        Effect.gen(function* () {
          const from = yield* Clock.currentTimeMillis
          const { asked } = yield* Effect.withRandom(chanceScene(), Random.make(seed))
          yield* TestClock.adjust("19 seconds")
          return (asked("/api/version")[1] ?? 0) - from
        }).pipe(Effect.scoped)
      )
      assert.strictEqual(new Set(times).size, 4)
      for (const time of times) {
        assert.isAtLeast(time, 15_000 * 0.75)
        assert.isAtMost(time, 15_000 * 1.25)
      }
    })
  )

  it.effect("only while it is there", () =>
    Effect.gen(function* () {
      const { asked, client } = yield* Effect.scoped(
        Effect.tap(scene({ answers: { version: silent } }), () => TestClock.adjust("2 seconds"))
      )
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(asked("/api/version"), [0])
      assert.deepStrictEqual((yield* client.state).running, [])
    })
  )

  it.scoped("not without the layer", () =>
    Effect.gen(function* () {
      const simulator = yield* OllamaSimulator.make()
      const client = Layer.provide(OllamaClient.layer(), Layer.succeed(HttpClient.HttpClient, simulator.client))
      yield* Layer.build(client)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* simulator.simulator.requests, [])
    })
  )
})

describe("what nobody notices of it", () => {
  it.scoped("no breaker, record, event or count knows of its probes", () =>
    Effect.gen(function* () {
      const policy = Policy.make({ breaker: { host: { consecutive: 1 } }, retry: { attempts: 3 } })
      const { answers, asked, client } = yield* scene({
        answers: { version: refused, ps: refused },
        client: { policy }
      })
      const events = yield* Ref.make<ReadonlyArray<string>>([])
      const heard: Array<string> = []
      yield* client.listen((event) => heard.push(event._tag))
      yield* Effect.forkScoped(
        Stream.runForEach(client.records, (record) => Ref.update(events, (all) => [...all, record.operation]))
      )
      yield* TestClock.adjust("1 minute")
      assert.isAtLeast(asked("/api/version").length, 5)
      assert.deepStrictEqual(heard, [])
      assert.deepStrictEqual(yield* Ref.get(events), [])
      const { hosts, running } = yield* client.state
      assert.notStrictEqual(hosts[0]?.breaker, "open")
      assert.deepStrictEqual(running, [])
      answers.chat = chat("Hi")
      yield* client.chat(request)
      yield* TestClock.adjust(0)
      assert.strictEqual(heard.filter((tag) => tag === "Ended").length, 1)
      assert.deepStrictEqual(yield* Ref.get(events), ["chat"])
    })
  )

  it.scoped("it loads no model, and waits for no permit", () =>
    Effect.gen(function* () {
      const { client, simulator } = yield* OllamaSimulator.make({
        models: [{ name: "llama3.2", loadTime: "1 minute" }]
      })
      const options = { policy: Policy.make({ concurrency: { limit: 1 } }) }
      const service = yield* Effect.provideService(OllamaClient.make(options), HttpClient.HttpClient, client)
      const monitor = yield* Effect.provideService(HealthMonitor.make(), OllamaClient.OllamaClient, service)
      yield* Effect.forkScoped(Effect.ignore(service.chat(request)))
      yield* TestClock.adjust("30 seconds")
      const [health] = yield* SubscriptionRef.get(monitor.hosts)
      assert.deepInclude(health, { status: "healthy", version: "0.33.0-simulator", running: 1 })
      assert.strictEqual((yield* simulator.loads).begun, 1)
    })
  )
})

describe("who comes and goes", () => {
  const a = loaded("a:latest", { size: 5 })
  const b = loaded("b:latest", { size: 7 })

  it.scoped("moves of models, with their times, at most as many as are kept", () =>
    Effect.gen(function* () {
      const { answers, health } = yield* scene({ answers: { ps: ps(a) }, monitor: { historyLimit: 3 } })
      yield* TestClock.adjust(0)
      answers.ps = ps(b)
      yield* TestClock.adjust("15 seconds")
      const moves = (yield* health).moves.map(({ at, model, size, what }) => [millis(at), model, what, size])
      assert.deepStrictEqual(moves, [
        [15_000, "a:latest", "left", 5],
        [15_000, "b:latest", "came", 7]
      ])
      answers.ps = psEmpty
      yield* TestClock.adjust("15 seconds")
      answers.ps = ps(a)
      yield* TestClock.adjust("15 seconds")
      const kept = (yield* health).moves.map(({ model, what }) => `${model} ${what}`)
      assert.deepStrictEqual(kept, ["b:latest came", "b:latest left", "a:latest came"])
    })
  )

  it.scoped("thrash: two models that push each other out, and not one that leaves by itself", () =>
    Effect.gen(function* () {
      const { answers, health } = yield* scene({ answers: { ps: ps(a) } })
      yield* TestClock.adjust(0)
      const start = DateTime.unsafeMake(0)
      for (const reply of [psEmpty, ps(a), psEmpty, ps(a)]) {
        answers.ps = reply
        yield* TestClock.adjust("15 seconds")
      }
      assert.deepStrictEqual(HealthMonitor.thrash(yield* health, start), Option.none())
      for (const reply of [ps(b), ps(a), ps(b)]) {
        answers.ps = reply
        yield* TestClock.adjust("15 seconds")
      }
      const found = HealthMonitor.thrash(yield* health, start)
      assert.deepStrictEqual(found, Option.some({ loads: 2, rivals: ["a:latest", "b:latest"] }))
      assert.deepStrictEqual(HealthMonitor.thrash(yield* health, yield* DateTime.now), Option.none())
    })
  )

  it.scoped("the simulator's own evictions are seen", () =>
    Effect.gen(function* () {
      const { client } = yield* OllamaSimulator.make({
        models: ["one", "two"].map((name) => ({ name, size: 10, loadTime: "3 seconds" })),
        memory: 10
      })
      const service = yield* Effect.provideService(OllamaClient.make(), HttpClient.HttpClient, client)
      const monitor = yield* Effect.provideService(HealthMonitor.make(), OllamaClient.OllamaClient, service)
      for (const model of ["one", "two", "one", "two"]) {
        const call = yield* Effect.fork(service.chat({ ...request, model }))
        yield* TestClock.adjust("20 seconds")
        yield* Fiber.join(call)
      }
      const [health] = yield* SubscriptionRef.get(monitor.hosts)
      if (health === undefined) return assert.fail("no host")
      const found = HealthMonitor.thrash(health, DateTime.unsafeMake(0))
      assert.deepStrictEqual(found, Option.some({ loads: 2, rivals: ["one:latest", "two:latest"] }))
    })
  )
})

describe("who reads it", () => {
  it.scoped("changes: what is known first, then what changes", () =>
    Effect.gen(function* () {
      const { answers, monitor } = yield* scene()
      yield* TestClock.adjust(0)
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Effect.forkScoped(
        Stream.runForEach(monitor.changes, ({ misses, status }) =>
          Ref.update(seen, (all) => [...all, `${status} ${misses}`])
        )
      )
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(yield* Ref.get(seen), ["healthy 0"])
      answers.version = refused
      answers.ps = refused
      yield* TestClock.adjust("17 seconds")
      assert.deepStrictEqual((yield* Ref.get(seen)).slice(-2), ["healthy 1", "unreachable 2"])
    })
  )

  it.scoped("the layer, under the client's", () =>
    Effect.gen(function* () {
      const monitored = HealthMonitor.layer().pipe(
        Layer.provideMerge(OllamaClient.layer({ host: "gpu-box" })),
        Layer.provide(OllamaSimulator.layer())
      )
      const hosts = yield* Effect.provide(
        Effect.flatMap(HealthMonitor.HealthMonitor, ({ look }) => look),
        monitored
      )
      assert.deepStrictEqual(
        hosts.map(({ host, status }) => [host, status]),
        [["http://gpu-box:11434", "healthy"]]
      )
    })
  )

  it.scoped("as JSON and back", () =>
    Effect.gen(function* () {
      const { health } = yield* scene()
      yield* TestClock.adjust(0)
      const known = yield* health
      const json = JSON.parse(JSON.stringify(Schema.encodeSync(HealthMonitor.HostHealth)(known)))
      assert.deepStrictEqual(Schema.decodeSync(HealthMonitor.HostHealth)(json), known)
    })
  )

  it.scoped("hosts that a policy fell back to are known by their calls, and not asked", () =>
    Effect.gen(function* () {
      const { answers, client, monitor, server } = yield* scene({
        client: { policy: Policy.make({ retry: { attempts: 1 }, fallback: [{ host: "other" }] }) }
      })
      yield* TestClock.adjust(0)
      answers.chat = refused
      answers.chatElsewhere = chat("Hi")
      yield* client.chat(request)
      yield* TestClock.adjust("1 minute")
      const hosts = yield* SubscriptionRef.get(monitor.hosts)
      assert.deepStrictEqual(
        hosts.map(({ host, status }) => [host, status]),
        [
          ["http://127.0.0.1:11434", "healthy"],
          ["http://other:11434", "healthy"]
        ]
      )
      const asked = server.at("/api/version").map(({ url }) => url)
      assert.deepStrictEqual(new Set(asked), new Set(["http://127.0.0.1:11434/api/version"]))
    })
  )

  it.scoped("of the cloud only the version is asked", () =>
    Effect.gen(function* () {
      const { asked, health } = yield* scene({ client: { host: "ollama.com" } })
      yield* TestClock.adjust("31 seconds")
      assert.deepInclude(yield* health, { host: "https://ollama.com:443", status: "healthy" })
      assert.deepStrictEqual(asked("/api/ps"), [])
      assert.deepStrictEqual(asked("/api/version"), [0, 15_000, 30_000])
    })
  )
})
