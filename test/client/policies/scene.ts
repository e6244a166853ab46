/**
 * Calls that come at their times to a server that answers as it is told, under one policy; and what has to hold whatever
 * the policy, the server and the times are.
 */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type CallRecord, type OllamaClient, Policy } from "effect-ollama"
import * as Virtual from "../../soak/virtual.js"
import { model, type Reply } from "../../support/replies.js"
import { make, type Route, type Seen, type Server } from "../../support/server.js"
import * as Watched from "./watched.js"

/** A call, and when it comes: milliseconds. */
export interface Asked {
  readonly at: number
  readonly how: "chat" | "chatStream"
  /** When it has to be over, after its beginning. */
  readonly total?: number | undefined
  /** When its caller goes away, after its beginning. */
  readonly leaves?: number | undefined
  /** Chunks after which its reader has enough. */
  readonly takes?: number | undefined
  readonly priority?: OllamaClient.CallOptions["priority"]
  /** Sent again at a pace of the caller's own. */
  readonly isScheduled?: boolean | undefined
}

export interface Scene {
  readonly policy: Policy.Patch
  readonly chat: (seen: Seen, nth: number) => Reply
  readonly routes?: Readonly<Record<string, Route>>
  readonly calls: ReadonlyArray<Asked>
}

/** What became of a call. */
export interface Told {
  readonly asked: Asked
  readonly endedAt: number
  readonly exit: Exit.Exit<unknown, Watched.Failure>
  readonly records: ReadonlyArray<CallRecord.CallRecord>
  /** Requests of this call; not the loads that it waited for. */
  readonly sent: ReadonlyArray<Seen>
}

export interface Played {
  readonly policy: Policy.Policy
  readonly told: ReadonlyArray<Told>
  readonly server: Server
  readonly client: Watched.Watched
}

/** Nobody waits for longer. */
const patience = 300_000

const ownSchedule = Schedule.intersect(Schedule.spaced("700 millis"), Schedule.recurs(4))

const requestOf = (n: number) => ({ model, messages: [{ role: "user" as const, content: `call-${n}.` }] })

const run = (client: Watched.Watched, asked: Asked, n: number, records: Array<CallRecord.CallRecord>) => {
  const options: OllamaClient.CallOptions = {
    ...(asked.priority === undefined ? {} : { priority: asked.priority }),
    ...(asked.total === undefined ? {} : { policy: { timeouts: { total: asked.total } } }),
    ...(asked.isScheduled === true ? { retrySchedule: ownSchedule } : {}),
    onRecord: (record) => Effect.sync(() => void records.push(record))
  }
  if (asked.how === "chat") return client.chat(requestOf(n), options)
  const stream = client.chatStream(requestOf(n), options)
  return Stream.runDrain(asked.takes === undefined ? stream : Stream.take(stream, asked.takes))
}

const now = Effect.map(Effect.clock, (clock) => clock.unsafeCurrentTimeMillis())

/** One call, from when it comes to its end. */
const called = (client: Watched.Watched, server: Server, asked: Asked, n: number) =>
  Effect.gen(function* () {
    const records: Array<CallRecord.CallRecord> = []
    yield* Effect.sleep(asked.at)
    const call = yield* Effect.fork(run(client, asked, n, records))
    const exit = yield* Effect.raceFirst(
      Fiber.await(call),
      Effect.zipRight(Effect.sleep(asked.leaves ?? patience), Fiber.interrupt(call))
    )
    const endedAt = yield* now
    return (): Told => ({
      asked,
      endedAt,
      exit,
      records,
      sent: server.at("/api/chat").filter(({ body }) => body.includes(`call-${n}.`))
    })
  })

/** Plays the scene to its end, and some time longer. */
export const play = (scene: Scene): Effect.Effect<Played> => {
  const virtual = Virtual.make()
  const policy = Policy.make(scene.policy)
  const watch = watching(scene.chat)
  const server = make({ ...scene.routes, "/api/chat": watch.route })
  const playing = Effect.gen(function* () {
    const client = yield* Effect.orDie(Watched.make(server.client, policy))
    const told = yield* virtual.passing(
      Effect.forEach(scene.calls, (asked, n) => called(client, server, asked, n), { concurrency: "unbounded" })
    )
    // loads that nobody waits for, which go on for as long as somebody would have, and answers that are let go in the background
    yield* virtual.adjust("4 hours")
    const played: Played = { policy, told: told.map((tell) => tell()), server, client }
    yield* holds(played)
    watch.holds()
    return played
  })
  return virtual.on(Effect.withRandom(Effect.scoped(playing), Random.make("scene")))
}

/** What the failure of a call, or its success, is called in its record. */
const outcomeOf = ({ asked, exit }: Told): string => {
  if (Exit.isSuccess(exit)) return asked.takes === undefined ? "success" : "left"
  if (Cause.isInterrupted(exit.cause)) return "left"
  const failures = [...Cause.failures(exit.cause)]
  return failures[0]?._tag ?? assert.fail(`a defect: ${Cause.pretty(exit.cause)}`)
}

const countOf = (record: CallRecord.CallRecord | undefined, ...whats: ReadonlyArray<string>): number =>
  record?.decisions.filter(({ what }) => whats.includes(what)).length ?? 0

/** What each call may say of itself. */
const holdsForCall = (told: Told): void => {
  const { asked, endedAt, exit, records, sent } = told
  assert.isFalse(Exit.isFailure(exit) && Cause.isDie(exit.cause), Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")
  // ends once, and says truly how
  assert.strictEqual(records.length, 1, "a call has one end")
  const [record] = records
  const outcome = outcomeOf(told)
  // who has had enough does not hear what else has come, the record does
  if (asked.takes === undefined || outcome !== "left") assert.strictEqual(record?.outcome, outcome)

  const deadline = asked.total === undefined ? Number.POSITIVE_INFINITY : asked.at + asked.total
  // to the millisecond, as clocks go that do not stand between two
  assert.isBelow(endedAt, Math.min(deadline, asked.at + (asked.leaves ?? patience)) + 1, "a call ended too late")
  for (const { at } of sent) {
    assert.isBelow(at, deadline, "sent after the deadline")
    assert.isAtMost(at, endedAt, "sent after the end")
  }
  const again = countOf(record, "retried", "hedged", "heldOffline", "fellBack")
  assert.isAtMost(sent.length, 1 + again, "sent, and nothing says why")
}

const callIn = ({ body }: Seen): string | undefined => /call-\d+\./.exec(body)?.[0]

const millisOf = (duration: Duration.DurationInput | undefined): number => Duration.toMillis(duration ?? 0)

const isEndless = ({ body, delay }: Reply): boolean => {
  const last = body.at(-1)
  const waits = [delay, typeof last === "object" && "wait" in last ? last.wait : undefined]
  return waits.some((wait) => millisOf(wait) === Number.POSITIVE_INFINITY)
}

/** What the server sees of every call: nothing comes after a chunk of an answer, and no connection is left open. */
const watching = (route: (seen: Seen, nth: number) => Reply) => {
  const all: Array<{ readonly seen: Seen; readonly reply: Reply }> = []
  const begins = ({ body, status }: Reply): boolean => status === 200 && String(body[0]).includes('"done":false')
  let late = 0
  const watched: Route = (seen, nth) => {
    const call = callIn(seen)
    const isLate = all.some(
      (other) =>
        call !== undefined &&
        callIn(other.seen) === call &&
        begins(other.reply) &&
        other.seen.sent > 0 &&
        // what comes in the same moment knows nothing of it yet
        other.seen.at + millisOf(other.reply.delay) < seen.at
    )
    if (isLate) late++
    const reply = route(seen, nth)
    all.push({ seen, reply })
    return reply
  }
  return {
    route: watched,
    holds: (): void => {
      assert.strictEqual(late, 0, "sent again after the first chunk")
      for (const { reply, seen } of all) {
        const pieces = reply.body.filter((step) => typeof step === "string" || step instanceof Uint8Array).length
        const isOver = reply.broken !== undefined || (!isEndless(reply) && seen.sent >= pieces)
        assert.isTrue(seen.left || isOver, `a connection is open: ${JSON.stringify([seen, reply])}`)
      }
    }
  }
}

/** What has to hold after every scene. */
const holds = (played: Played): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { client, policy, told } = played
    for (const call of told) holdsForCall(call)
    yield* client.isAtRest
    if (policy.budget === "off") return
    const records = told.flatMap((call) => call.records)
    const again = records.reduce((sum, record) => sum + countOf(record, "retried", "hedged"), 0)
    // a schedule of one's own may end when it is asked, and only then
    if (told.some(({ asked }) => asked.isScheduled === true)) assert.isAtMost(again, client.granted())
    else assert.strictEqual(again, client.granted(), "every retry and hedge has a grant, and every grant was used")
    const { pool } = policy.budget
    if (pool === "off" || pool.charge !== "retries" || typeof pool.cost !== "number" || pool.cost === 0) return
    // what was interrupted is given back, although it was sent
    if (records.some(({ outcome }) => outcome === "left") || pool.refund !== "none") return
    const initial = pool.initial === "full" ? pool.size : Math.min(pool.initial, pool.size)
    const earned = told.reduce((sum, { sent }) => sum + sent.length, 0) * pool.perSuccess
    const paid = told.reduce((sum, { records: [record], sent }) => {
      const free = 1 + countOf(record, "heldOffline", "fellBack")
      return sum + Math.max(0, sent.length - free)
    }, 0)
    assert.isAtMost(paid * pool.cost, initial + earned + 1e-6, "more than the pool had")
  })
