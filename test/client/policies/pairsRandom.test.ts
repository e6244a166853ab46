/** Policies, answers and times by chance: what holds for every scene holds for these. */
import { describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { type Fallback, Policy } from "effect-ollama"
import { anyPolicy } from "../../policy/arbitraries.js"
import {
  chat,
  end,
  errorLine,
  failure,
  late,
  loaded,
  problem,
  ps,
  psEmpty,
  refused,
  type Reply,
  silence,
  silent,
  stream,
  token,
  version,
  wait
} from "../../support/replies.js"
import { type Asked, play, type Scene } from "./scene.js"

const { array, boolean, constant, constantFrom, integer, oneof, option, record } = FastCheck

const some = <A>(value: FastCheck.Arbitrary<A>) => option(value, { nil: undefined })
const from = <A>(...values: ReadonlyArray<A>): FastCheck.Arbitrary<A> => constantFrom(...values)
const millis = (max: number) => integer({ min: 1, max })

/** What contradicts no other breaker that it is laid over. */
const sound = { trialSuccesses: constant(1), openMax: constant("10 hours" as const) }

/** Parts whose limits a few calls reach within a minute. */
const tightPatch: FastCheck.Arbitrary<Policy.Patch> = record(
  {
    timeouts: record(
      { load: millis(9_000), firstToken: millis(5_000), gap: millis(3_000), total: millis(60_000) },
      { requiredKeys: [] }
    ),
    retry: record({
      attempts: integer({ min: 1, max: 5 }),
      baseDelay: millis(3_000),
      whileOffline: constantFrom("fail" as const, "wait" as const),
      offlineLimit: millis(20_000)
    }),
    budget: oneof(
      constant("off" as const),
      record({ floor: integer({ min: 0, max: 3 }), pool: record({ size: integer({ min: 1, max: 5 }) }) })
    ),
    breaker: record({
      host: record({
        ...sound,
        consecutive: integer({ min: 1, max: 3 }),
        openFor: millis(4_000),
        openJitter: constant(0)
      }),
      model: record({
        ...sound,
        consecutive: integer({ min: 1, max: 3 }),
        openFor: millis(4_000),
        trials: integer({ min: 1, max: 3 }),
        trialLimit: millis(6_000),
        ramp: oneof(constant("off" as const), millis(9_000))
      })
    }),
    concurrency: record({
      limit: oneof(constant("learned" as const), integer({ min: 1, max: 3 })),
      queue: oneof(constant("unbounded" as const), integer({ min: 0, max: 3 })),
      admission: oneof(constant("off" as const), record({ target: millis(3_000), interval: millis(3_000) }))
    }),
    throttle: record({ k: integer({ min: 1, max: 3 }), window: millis(30_000) }),
    hedging: record({ after: millis(2_000), max: integer({ min: 1, max: 3 }) }),
    fallback: array(from<Fallback.Fallback>({ model: "small" }, { host: "spare" }), {
      maxLength: 2
    })
  },
  { requiredKeys: [] }
)

const policy: FastCheck.Arbitrary<Policy.Policy> = oneof(
  { arbitrary: tightPatch.map((patch) => Policy.make(patch)), weight: 3 },
  { arbitrary: FastCheck.tuple(anyPolicy, tightPatch).map(([base, patch]) => Policy.merge(base, patch)), weight: 1 },
  { arbitrary: anyPolicy, weight: 1 }
)

const reply: FastCheck.Arbitrary<Reply> = FastCheck.tuple(
  from<Reply>(
    chat("a", "b"),
    chat("a", "b"),
    stream(token("a"), wait("1 second"), token("b"), wait("1 second"), end()),
    stream(
      token("a"),
      wait("1 second"),
      end({ total_duration: 9e9, load_duration: 0, prompt_eval_duration: 1e9, eval_duration: 2e9 })
    ),
    stream(token("a"), silence),
    stream(token("a"), errorLine("out of memory")),
    stream(token("a"), { broken: problem("ECONNRESET") }),
    stream(token("a")),
    failure(500, "llama runner process has terminated: exit status 2"),
    failure(503, "server busy, please try again.  maximum pending requests exceeded"),
    failure(503, "server busy, please try again.  maximum pending requests exceeded", { "retry-after": "2" }),
    failure(404, "model 'llama3.2' not found"),
    failure(400, "invalid options"),
    refused,
    silent
  ),
  oneof(constant(0), millis(6_000))
).map(([answer, delay]) => (delay === 0 || answer === silent ? answer : late(delay, answer)))

const asked: FastCheck.Arbitrary<Asked> = record({
  at: integer({ min: 0, max: 20_000 }),
  how: constantFrom("chat" as const, "chatStream" as const),
  total: some(millis(15_000)),
  // between two moments: what comes in the same one as the end is told in any order
  leaves: some(millis(15_000).map((n) => n + 0.5)),
  isScheduled: FastCheck.integer({ min: 0, max: 4 }).map((n) => n === 0),
  priority: constantFrom("interactive" as const, "normal" as const, "batch" as const)
}).chain((call) =>
  call.how === "chat" ? constant(call) : some(integer({ min: 1, max: 2 })).map((takes) => ({ ...call, takes }))
)

const scene: FastCheck.Arbitrary<Scene> = record({
  policy,
  replies: array(reply, { minLength: 1, maxLength: 6 }),
  calls: array(asked, { minLength: 1, maxLength: 10 }),
  isCold: boolean(),
  /** Down between two moments. */
  down: some(FastCheck.tuple(millis(10_000), millis(20_000)))
}).map(({ calls, down, isCold, policy, replies }) => {
  const isDown = (at: number): boolean => down !== undefined && at >= down[0] && at < down[0] + down[1]
  return {
    policy,
    calls,
    chat: ({ at }, nth) => (isDown(at) ? refused : (replies[nth % replies.length] ?? refused)),
    routes: {
      "/api/ps": ({ at }) =>
        isDown(at) ? refused : isCold ? psEmpty : ps(loaded(), loaded("small:latest"), loaded("tiny:latest")),
      "/api/version": ({ at }) => (isDown(at) ? refused : version)
    }
  }
})

describe("policies, answers and times by chance", () => {
  it.live.prop(
    "lose nothing, exceed nothing, and end each call once",
    [scene],
    // what is slow here is slow by chance
    ([scene]) => Logger.withMinimumLogLevel(Effect.asVoid(play(scene)), LogLevel.None),
    {
      fastCheck: { numRuns: 300 }
    }
  )
})
