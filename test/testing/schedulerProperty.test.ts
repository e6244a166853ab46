/** Whatever comes, goes, crashes and waits: what must hold at every moment, and in the end. */
import { assert, describe, it } from "@effect/vitest"
import { OllamaSimulator } from "effect-ollama/testing"
import { Clock, Effect, FastCheck as fc } from "effect"
import type { Outcome, Request } from "./scene.js"
import { ask, seconds, send, state } from "./scene.js"

const names = ["a", "b", "c", "d"] as const

interface Server {
  readonly sizes: ReadonlyArray<number>
  readonly memory: number
  readonly maxLoaded: number
  readonly maxQueue: number
  readonly parallel: number
  readonly loadTime: number
}

type Step =
  | { readonly do: "ask"; readonly model: number; readonly extra: object }
  | { readonly do: "embed"; readonly model: number }
  | { readonly do: "leave"; readonly which: number }
  | { readonly do: "crash" | "unload"; readonly model: number }
  | { readonly do: "wait"; readonly seconds: number }

const server: fc.Arbitrary<Server> = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 4, maxLength: 4 }),
  memory: fc.integer({ min: 5, max: 14 }),
  maxLoaded: fc.integer({ min: 1, max: 4 }),
  maxQueue: fc.integer({ min: 0, max: 5 }),
  parallel: fc.integer({ min: 1, max: 3 }),
  loadTime: fc.integer({ min: 1, max: 9 })
})

const model = fc.nat({ max: names.length - 1 })

const extra = fc.record(
  {
    keep_alive: fc.constantFrom(0, 3, "1m", -1),
    stream: fc.boolean(),
    options: fc.record({ num_ctx: fc.constantFrom(1024, 2048) })
  },
  { requiredKeys: ["stream"] }
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("ask" as const), model, extra }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("embed" as const), model }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat({ max: 99 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "unload" as const), model }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 12 }) }) }
)

interface Client {
  readonly request: Request
  readonly model: string
  readonly arrivedAt: number
  hasLeft: boolean
}

const nameOf = (index: number): string => names[index % names.length] ?? names[0]

const run = (clients: Array<Client>, next: Step) =>
  Effect.gen(function* () {
    const control = yield* OllamaSimulator.OllamaSimulator
    const arrivedAt = yield* Clock.currentTimeMillis
    switch (next.do) {
      case "ask": {
        const request = yield* ask(nameOf(next.model), next.extra)
        clients.push({ request, model: nameOf(next.model), arrivedAt, hasLeft: false })
        return
      }
      case "embed": {
        const request = yield* send("/api/embed", { model: nameOf(next.model), input: ["x", "y"] })
        clients.push({ request, model: nameOf(next.model), arrivedAt, hasLeft: false })
        return
      }
      case "leave": {
        const client = clients[next.which % Math.max(1, clients.length)]
        if (client === undefined || client.hasLeft || (yield* client.request.isOver)) return
        yield* client.request.leave
        client.hasLeft = true
        return
      }
      case "crash":
        yield* control.crash(nameOf(next.model))
        return yield* seconds(0)
      case "unload": {
        const request = yield* ask(nameOf(next.model), { messages: [], keep_alive: 0 })
        clients.push({ request, model: nameOf(next.model), arrivedAt, hasLeft: false })
        return
      }
      case "wait":
        return yield* seconds(next.seconds)
    }
  })

/** What holds at every moment. */
const sound = (limits: Server, clients: ReadonlyArray<Client>) =>
  Effect.gen(function* () {
    const now = yield* state
    const { aborted, begun, failed, finished } = now.loads
    assert.isAtMost(now.memory.used, limits.memory, "memory")
    assert.isAtMost(now.residents.length, limits.maxLoaded, "models")
    assert.isAtMost(now.queued, limits.maxQueue, "queue")
    assert.strictEqual(begun - finished - aborted - failed, now.loading === undefined ? 0 : 1, "one load at a time")
    if (now.queued > 0) assert.isTrue(now.loading !== undefined || now.isWaitingForRoom, "a worker that works")
    for (const { answering, isDead, slots, waiting } of now.residents) {
      assert.strictEqual(slots, limits.parallel)
      assert.isAtMost(answering, slots, "slots")
      if (waiting > 0 && !isDead) assert.strictEqual(answering, slots, "no free slot while somebody waits")
    }
    const over = yield* Effect.all(clients.map(({ request }) => request.isOver))
    const running = clients.filter(({ hasLeft }, index) => !hasLeft && over[index] === false)
    assert.strictEqual(now.inFlight, running.length, "who left is gone, who waits is there")
    const used = now.residents.reduce((sum, { answering, waiting }) => sum + answering + waiting, 0)
    assert.isAtMost(used, running.length, "nobody who left has or wants a slot")
  })

/** What was answered, with the moments at which the model was there and at which its turn came. */
const answered = (clients: ReadonlyArray<Client>, ends: ReadonlyArray<Outcome | undefined>) =>
  clients.flatMap(({ arrivedAt, model }, index) => {
    const end = ends[index]
    const { body, status } = end ?? {}
    if (end === undefined || body === undefined || status !== 200 || !(body.eval_duration > 0)) return []
    const loaded = arrivedAt + (body.load_duration ?? 0) / 1e6
    const turn = end.at - (body.prompt_eval_duration + body.eval_duration) / 1e6
    const waited =
      (body.total_duration - (body.load_duration ?? 0) - body.prompt_eval_duration - body.eval_duration) / 1e6
    return [{ model, loaded, turn, waited, wasQueued: body.load_duration > 0 }]
  })

const ascends = (values: ReadonlyArray<number>, what: string): void => {
  values.forEach((value, index) => assert.isAtLeast(value, values[index - 1] ?? value, what))
}

describe("the scheduler", () => {
  it.effect.prop(
    "never has too much in memory, too many at work or two loads at once, keeps the order, and ends every request once",
    [server, fc.array(step, { maxLength: 30 })],
    ([limits, steps]) =>
      Effect.gen(function* () {
        const control = yield* OllamaSimulator.OllamaSimulator
        const clients: Array<Client> = []
        for (const next of steps) {
          yield* run(clients, next)
          yield* sound(limits, clients)
        }
        // a keep_alive without end, brought while the model was to go, would hold up the others as long
        for (let round = 0; round < 5; round++) {
          yield* seconds(100)
          for (const index of names.keys()) yield* run(clients, { do: "unload", model: index })
          yield* sound(limits, clients)
        }

        const ends = yield* Effect.all(
          clients.map(({ hasLeft, request }) =>
            hasLeft ? Effect.sync((): Outcome | undefined => undefined) : request.end
          )
        )
        for (const end of ends) {
          assert.isTrue(end === undefined || (end.code === undefined && [200, 400, 500, 503].includes(end.status ?? 0)))
        }
        const now = yield* state
        assert.strictEqual(now.inFlight, 0)
        assert.strictEqual(now.queued, 0)
        assert.isFalse(now.isWaitingForRoom)
        for (const resident of now.residents) assert.strictEqual(resident.answering + resident.waiting, 0)
        const requests = yield* control.requests
        assert.strictEqual(requests.filter(({ ended }) => ended !== undefined).length, clients.length)
        const { completed, crashed, left } = now.ended
        assert.strictEqual(left, clients.filter(({ hasLeft }) => hasLeft).length)
        assert.strictEqual(completed + crashed + left, clients.length)

        const all = answered(clients, ends)
        ascends(
          all.filter(({ wasQueued }) => wasQueued).map(({ loaded }) => loaded),
          "the queue for loads is in the order of arrival"
        )
        for (const name of names) {
          const own = all.filter(({ model }) => model === name).sort((x, y) => x.loaded - y.loaded)
          ascends(
            own.map(({ turn }) => turn),
            "turns are in the order in which the model was there for them"
          )
        }
        for (const { loaded, turn, waited } of all) assert.strictEqual(waited, turn - loaded, "durations add up")
      }).pipe(
        Effect.provide(
          OllamaSimulator.layer({
            ...limits,
            models: names.map((name, index) => ({
              name,
              size: limits.sizes[index] ?? 1,
              capabilities: ["completion", "embedding"],
              loadTime: limits.loadTime * 1000
            })),
            keepAlive: "20 seconds",
            promptTime: "1 second",
            tokenTime: "1 second",
            reply: "one two"
          })
        )
      ),
    { timeout: 120_000, fastCheck: { numRuns: 30 } }
  )
})
