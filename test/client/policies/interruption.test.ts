/**
 * Interruption at every step of a call with all policies on: at every moment at which something happens to it, and there
 * after every few operations. What it held is there again at once, the server sees it leave, and the next call, for which
 * there is one permit and one trial, is answered.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import { type CallRecord, Policy } from "effect-ollama"
import { fewest, yields } from "../../policy/everyStep.js"
import * as Virtual from "../../soak/virtual.js"
import {
  chat,
  end,
  failure,
  late,
  loaded,
  ps,
  psEmpty,
  refused,
  type Reply,
  request,
  silent,
  stream,
  token,
  version,
  wait
} from "../../support/replies.js"
import { make, type Seen } from "../../support/server.js"
import * as Watched from "./watched.js"

const all: Policy.Patch = {
  timeouts: { load: "1 minute", firstToken: "5 seconds", gap: "5 seconds", total: "1 minute" },
  retry: { attempts: 3, baseDelay: "1 second", jitter: "none", whileOffline: "wait" },
  breaker: { model: { consecutive: 2, openFor: "3 seconds", trials: 1, ramp: "off" } },
  concurrency: { limit: 1 },
  throttle: {},
  fallback: [{ model: "small" }]
}

interface Scene {
  readonly policy?: Policy.Patch
  /** Whether the breaker of the model lets one call try. */
  readonly isHalfOpen?: boolean
  /** Another call has the permit for so long. */
  readonly heldFor?: Duration.DurationInput
  readonly chat: (seen: Seen, nth: number) => Reply
  readonly isDown?: (at: number) => boolean
  readonly ps?: Reply
  /** Until the whole of a call that nobody interrupts is over, so that the next one has not to wait for what it left. */
  readonly settles?: Duration.DurationInput
  /** Requests that the call makes when nobody interrupts it. */
  readonly requests: number
}

const answer = stream(token("a"), wait("500 millis"), token("b"), wait("500 millis"), end())
const crash = failure(500, "llama runner process has terminated: exit status 2")

const inTurn =
  (...replies: readonly [Reply, ...ReadonlyArray<Reply>]): Scene["chat"] =>
  (_, nth) =>
    replies[nth] ?? replies[0]

const scenes: Readonly<Record<string, Scene>> = {
  "the trial of a half-open breaker, for a model that the client loads": {
    isHalfOpen: true,
    ps: late("100 millis", psEmpty),
    chat: ({ body }) =>
      body.includes("messages") ? late("400 millis", answer) : late("1 second", stream(end({ done_reason: "load" }))),
    settles: "1 second",
    requests: 2
  },
  "a wait for the permit": { heldFor: "1 second", chat: () => late("400 millis", answer), requests: 1 },
  "a host that is down for a while": {
    chat: () => late("400 millis", answer),
    isDown: (at) => at < 600,
    requests: 2
  },
  "a retry after a wait": { chat: inTurn(late("100 millis", crash), late("400 millis", answer)), requests: 2 },
  "a copy that is faster": {
    policy: { hedging: { after: "500 millis" }, concurrency: { limit: 2 } },
    chat: inTurn(late("3 seconds", chat("slow")), late("400 millis", answer)),
    requests: 2
  },
  "another model": {
    policy: { retry: { attempts: 1 } },
    chat: ({ body }) => (body.includes("small") ? late("400 millis", answer) : late("100 millis", crash)),
    requests: 2
  },
  "a server that says nothing, up to the limit, then another model": {
    policy: { retry: { attempts: 1 }, timeouts: { firstToken: "1 second" } },
    chat: ({ body }) => (body.includes("small") ? answer : silent),
    requests: 2
  }
}

interface Reader {
  readonly name: string
  readonly read: (
    client: Watched.Watched,
    options: Parameters<Watched.Watched["chat"]>[1]
  ) => Effect.Effect<unknown, Watched.Failure>
  /** Numbers of operations after which it may be interrupted. */
  readonly operations: ReadonlyArray<number>
  /** The moments in which it differs from the others: all, or only the last. */
  readonly moments: "all" | "last"
}

/** How a call is read. */
const readers: ReadonlyArray<Reader> = [
  {
    name: "chat",
    read: (client, options) => client.chat(request, options),
    operations: fewest,
    moments: "all"
  },
  {
    name: "chatStream",
    read: (client, options) => Stream.runDrain(client.chatStream(request, options)),
    operations: [15],
    moments: "all"
  },
  {
    name: "chatStream, left after a chunk",
    read: (client, options) => Stream.runDrain(Stream.take(client.chatStream(request, options), 1)),
    operations: [15],
    moments: "last"
  }
]

/** Counts the turns that fibers have in each moment: no more steps of a call can be met there. */
const counting = (clock: Clock.Clock, turns: Map<number, number>): Scheduler.Scheduler => {
  const scheduler = new Scheduler.MixedScheduler(Number.POSITIVE_INFINITY)
  return {
    shouldYield: (fiber) => scheduler.shouldYield(fiber),
    scheduleTask: (task, priority) => {
      const at = clock.unsafeCurrentTimeMillis()
      turns.set(at, (turns.get(at) ?? 0) + 1)
      scheduler.scheduleTask(task, priority)
    }
  }
}

/** The server has nothing more to say. */
const isOver = ({ sent }: Seen, reply: Reply | undefined): boolean =>
  reply?.broken !== undefined || sent === reply?.body.filter((step) => typeof step === "string").length

interface Moment {
  /** Milliseconds since the call began. */
  readonly at: number
  /** Turns that the call has had in this moment. */
  readonly steps: number
}

/** One world, in which the call is interrupted at this moment, or not at all; gives when something happened in it. */
const played = (scene: Scene, { read }: Reader, operations: number, moment: Moment | undefined) => {
  const virtual = Virtual.make()
  const turns = new Map<number, number>()
  const given = new Map<Seen, Reply>()
  let isFine = false
  let begun = 0
  let replies = 0
  const server = make({
    "/api/chat": (seen) => {
      const reply = isFine
        ? chat("fine")
        : begun === 0
          ? crash
          : scene.isDown?.(seen.at - begun) === true
            ? refused
            : scene.chat(seen, replies++)
      given.set(seen, reply)
      return reply
    },
    "/api/ps": ({ at }) =>
      isFine || begun === 0
        ? ps(loaded(), loaded("small:latest"))
        : scene.isDown?.(at - begun) === true
          ? refused
          : (scene.ps ?? ps(loaded(), loaded("small:latest"))),
    "/api/version": ({ at }) => (!isFine && scene.isDown?.(at - begun) === true ? refused : version)
  })
  const world = Effect.gen(function* () {
    const policy = Policy.merge(Policy.make({ ...all, slow: { log: false } }), scene.policy ?? {})
    const client = yield* Watched.make(server.client, policy)
    const alone = { policy: { retry: { attempts: 1 }, fallback: [] } } as const
    if (scene.isHalfOpen === true) {
      yield* virtual.passing(Effect.flip(client.chat(request, alone)))
      yield* virtual.passing(Effect.flip(client.chat(request, alone)))
    }
    yield* virtual.adjust("1 minute")
    begun = yield* Clock.currentTimeMillis
    const holder =
      scene.heldFor === undefined
        ? undefined
        : yield* Effect.fork(client.chat(request, { policy: { timeouts: { total: scene.heldFor } } }))
    if (holder !== undefined) yield* virtual.adjust(0)
    const own = server.at("/api/chat").length
    const tokens = yield* client.tokens

    const records: Array<CallRecord.CallRecord> = []
    const call = yield* Effect.fork(
      Effect.withMaxOpsBeforeYield(
        read(client, { onRecord: (record) => Effect.sync(() => void records.push(record)) }),
        operations
      )
    )
    if (moment === undefined) {
      yield* virtual.passing(Fiber.join(call))
    } else {
      yield* virtual.passing(
        Effect.zipRight(Effect.zipRight(Effect.sleep(moment.at), yields(moment.steps)), Fiber.interrupt(call))
      )
    }
    const exit = yield* Fiber.await(call)
    const endedAt = (yield* Clock.currentTimeMillis) - begun
    const requests = server.at("/api/chat").slice(own)
    // what happens in the background happens at once
    yield* virtual.adjust(0)
    const calls = requests.filter(({ body }) => body.includes("messages"))
    for (const seen of calls)
      assert.isTrue(seen.left || isOver(seen, given.get(seen)), "the server did not see it leave")
    // a retry or a copy that did not come to its answer has cost nothing
    if (!calls.some((seen) => seen.sent > 0 && given.get(seen)?.status === 200)) {
      assert.strictEqual(yield* client.tokens, tokens, "the budget has not everything back")
    }
    if (holder !== undefined) yield* Fiber.interrupt(holder)
    yield* client.isAtRest
    assert.isAtMost(records.length, 1)
    if (requests.length > 0) assert.strictEqual(records.length, 1, "a call has one end")

    isFine = true
    const next = yield* Effect.fork(client.chat(request, alone))
    yield* virtual.adjust(scene.settles ?? 0)
    const after = yield* Fiber.poll(next)
    assert.isTrue(after._tag === "Some" && Exit.isSuccess(after.value), `the next call: ${JSON.stringify(after)}`)
    yield* virtual.adjust("10 minutes")
    yield* client.isAtRest
    return {
      exit,
      endedAt,
      requests: requests.length,
      moments: [...turns].map(([at, steps]) => ({ at: at - begun, steps })).filter(({ at }) => at >= 0 && at <= endedAt)
    }
  })
  return virtual.on(
    Effect.scoped(
      moment === undefined ? Effect.clockWith((clock) => Effect.withScheduler(world, counting(clock, turns))) : world
    ).pipe(Effect.withRandom(Random.make("interruption")))
  )
}

describe("a call that is interrupted", () => {
  for (const [name, scene] of Object.entries(scenes)) {
    for (const reader of readers) {
      it.live(`${name}: ${reader.name}`, () =>
        Effect.gen(function* () {
          for (const operations of reader.operations) {
            const whole = yield* played(scene, reader, operations, undefined)
            assert.isTrue(Exit.isSuccess(whole.exit))
            assert.strictEqual(whole.requests, scene.requests)
            const moments = reader.moments === "all" ? whole.moments : whole.moments.slice(-1)
            let interrupted = 0
            for (const { at, steps: all } of moments) {
              for (let steps = 0; steps < all; steps++) {
                const { exit } = yield* played(scene, reader, operations, { at, steps })
                if (!Exit.isInterrupted(exit)) break
                interrupted++
              }
            }
            assert.isAbove(interrupted, reader.moments === "all" ? 50 : 10)
          }
        })
      )
    }
  }
})
