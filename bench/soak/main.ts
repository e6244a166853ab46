/**
 * `npm run soak [-- --minutes 3] [--rate 4] [--seed 1] [--json]`: a fleet of four servers, each a process on loopback, under
 * load while one is killed and started again, one is stopped (SIGSTOP) and goes on, one is slow, and one restarts again and
 * again.
 *
 * Wanted: every call ends, with the right answer or a typed failure; none is lost, or answered in full by two servers; the
 * killed server is sent nothing 2 s after its death, and something within 5 s of its return. Exit code 1 when not.
 */
import { parseArgs } from "node:util"
import { HttpClient } from "@effect/platform"
import { Clock, Console, Duration, Effect, Layer, Random, Stream } from "effect"
import { Chat, Fleet, OllamaClient } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import * as Hosts from "./hosts.js"
import * as Judge from "./judge.js"
import * as Protocol from "./protocol.js"

const { values: args } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    rate: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false }
  }
})

const minutes = Number(args.minutes)
const rate = Number(args.rate)

/** What a program that wants an answer, or to know why not, would set. */
const policy = {
  timeouts: { firstToken: "10 seconds", gap: "5 seconds", total: "60 seconds" },
  // hosts are slow here because they are made slow
  slow: { log: false }
} as const

const log = Judge.make()

/** Notes each chat that is sent to a host, whoever decided it. */
const noting = HttpClient.tapRequest((request) =>
  request.url.endsWith("/api/chat") && request.method === "POST"
    ? Effect.map(Clock.currentTimeMillis, (at) => log.sent(new URL(request.url).origin, at))
    : Effect.void
)

const Transport = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, noting)).pipe(
  Layer.provide(OllamaNode.layerHttpClient())
)

const chat = (id: number) => {
  const request = {
    model: Protocol.models[id % Protocol.models.length] ?? "small",
    messages: [{ role: "user" as const, content: Protocol.question(id) }]
  }
  // half of the calls as streams: what was delivered has to be right even when the rest does not come
  let text = ""
  const answered =
    id % 2 === 0
      ? Effect.map(OllamaClient.chat(request), ({ message }) => message.content)
      : Effect.map(
          Stream.runForEach(Chat.text(OllamaClient.chatStream(request)), (part) =>
            Effect.sync(() => {
              text += part
            })
          ),
          () => text
        )
  return Effect.gen(function* () {
    const begin = yield* Clock.currentTimeMillis
    log.began(id)
    const result = yield* Effect.either(OllamaClient.withPolicy(answered, policy))
    const end = yield* Clock.currentTimeMillis
    log.ended(id, result, { text, took: end - begin })
  }).pipe(
    Effect.catchAllDefect((defect) => Effect.sync(() => log.died(id, defect))),
    Effect.ensuring(Effect.sync(() => log.over(id)))
  )
}

/** Calls come when they come (a Poisson process), whether or not those before them have ended. */
const load = Effect.gen(function* () {
  const until = (yield* Clock.currentTimeMillis) + minutes * 60_000
  const fibers = []
  for (let id = 1; (yield* Clock.currentTimeMillis) < until; id++) {
    fibers.push(yield* Effect.fork(chat(id)))
    const unit = yield* Random.next
    yield* Effect.sleep(Duration.millis((-1000 / rate) * Math.log(1 - unit)))
  }
  yield* Effect.forEach(fibers, (fiber) => fiber.await, { discard: true })
})

/** One minute of trouble: seconds, and what happens then. */
const trouble = (killed: Hosts.Host, stopped: Hosts.Host, slow: Hosts.Host, restarting: Hosts.Host) => {
  const now = Clock.currentTimeMillis
  const restart = Effect.promise(() => restarting.kill().then(restarting.start))
  return [
    [5, Effect.sync(() => slow.slowDown(4))],
    [
      10,
      Effect.zipRight(
        Effect.promise(killed.kill),
        Effect.map(now, (at) => log.killed(killed.url, at))
      )
    ],
    [18, restart],
    [
      25,
      Effect.zipRight(
        Effect.promise(killed.start),
        Effect.map(now, (at) => log.returned(killed.url, at))
      )
    ],
    [30, Effect.sync(stopped.stop)],
    [38, restart],
    [45, Effect.sync(stopped.go)],
    [50, Effect.sync(() => slow.slowDown(1))],
    [58, restart]
  ] as const
}

const program = Effect.gen(function* () {
  const hosts = yield* Effect.acquireRelease(
    Effect.promise(() => Promise.all(Array.from({ length: 4 }, () => Hosts.make(log.told)))),
    (all) => Effect.promise(() => Promise.all(all.map((host) => host.kill())))
  )
  yield* Effect.promise(() => Promise.all(hosts.map((host) => host.start())))
  const [killed, stopped, slow, restarting] = hosts as [Hosts.Host, Hosts.Host, Hosts.Host, Hosts.Host]
  const troubles = Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    for (let minute = 0; minute < minutes; minute++) {
      for (const [second, happens] of trouble(killed, stopped, slow, restarting)) {
        const at = began + (minute * 60 + second) * 1000
        yield* Effect.sleep(Duration.millis(Math.max(0, at - (yield* Clock.currentTimeMillis))))
        yield* happens
      }
    }
  })
  const Ollama = Fleet.layer({ hosts: hosts.map(({ url }) => url) }).pipe(Layer.provide(Transport))
  yield* Effect.forkScoped(troubles)
  yield* Effect.provide(
    Effect.gen(function* () {
      const { records } = yield* OllamaClient.OllamaClient
      yield* Effect.forkScoped(Stream.runForEach(records, (record) => Effect.sync(() => log.recorded(record))))
      yield* load
      // the last records are on their way
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: log.isComplete, times: 100 })
    }),
    Ollama
  )
  const report = log.report(hosts.map(({ url }) => url))
  yield* Console.log(args.json ? JSON.stringify(report, undefined, 2) : Judge.render(report, minutes))
  process.exitCode = report.wanted.every(({ holds }) => holds) ? 0 : 1
}).pipe(Effect.scoped, Effect.withRandom(Random.make(Number(args.seed))))

await Effect.runPromise(program)
