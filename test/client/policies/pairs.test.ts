/** Every pair of policies together, on servers that go wrong in every way: what holds for each holds for both. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Policy } from "effect-ollama"
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
import type { Route, Seen } from "../../support/server.js"
import { type Asked, play, type Scene } from "./scene.js"

/** One call does nothing but what its pair says. */
const bare: Policy.Patch = {
  timeouts: { load: "none", firstToken: "none", gap: "none", total: "none" },
  retry: { attempts: 1 },
  budget: "off",
  breaker: "off",
  concurrency: "off"
}

/** The parts, each with a setting at which a few calls reach its limits. */
const parts = {
  timeouts: { timeouts: { firstToken: "3 seconds", gap: "2 seconds", total: "12 seconds" } },
  retry: { retry: { attempts: 4, baseDelay: "1 second", jitter: "equal" } },
  budget: { budget: { floor: 2, share: 0.2, pool: { size: 4 } } },
  breaker: {
    breaker: {
      host: { consecutive: 2, openFor: "2 seconds", openJitter: 0 },
      model: { consecutive: 2, openFor: "3 seconds", trials: 2, trialSuccesses: 2, trialLimit: "4 seconds" }
    }
  },
  permits: { concurrency: { limit: 2, queue: 4 } },
  hedging: { hedging: { after: "500 millis", max: 2 } },
  offline: { retry: { whileOffline: "wait", offlineLimit: "15 seconds" } },
  fallback: { fallback: [{ model: "small" }, { host: "spare" }] },
  throttle: { throttle: { k: 1.1, window: "20 seconds" } },
  ownedLoad: { timeouts: { load: "10 seconds" } }
} satisfies Record<string, Policy.Patch>

type Part = keyof typeof parts

const isPart = (name: string): name is Part => name in parts

const names = Object.keys(parts).filter(isPart)

const crash = failure(500, "llama runner process has terminated: exit status 2")
const shed = failure(503, "server busy, please try again.  maximum pending requests exceeded")
const answer = late("1 second", stream(token("a"), wait("1 second"), token("b"), end()))

/** A server that does this until it has recovered, 20 seconds after the first calls. */
const until20 =
  (reply: Reply): Scene["chat"] =>
  ({ at }) =>
    at < 20_000 ? reply : answer

const cycle =
  (...replies: ReadonlyArray<Reply>): Scene["chat"] =>
  (_, nth) =>
    replies[nth % replies.length] ?? answer

const weathers: Readonly<Record<string, Scene["chat"]>> = {
  fine: () => answer,
  slow: () => late("5 seconds", chat("a", "b")),
  refuses: until20(refused),
  crashes: until20(late("200 millis", crash)),
  sheds: until20(shed),
  "says nothing": until20(silent),
  "falls silent": cycle(stream(token("a"), silence), answer),
  "breaks off": cycle(
    stream(token("a"), wait("1 second"), errorLine("out of memory")),
    stream(token("a"), wait("1 second"), { broken: problem("ECONNRESET") }),
    answer,
    crash
  ),
  "is different each time": cycle(answer, refused, shed, silent, late("700 millis", crash), stream(token("a"), silence))
}

/** Calls together, one after the other, and after the recovery; some with little time, some that leave. */
const calls: ReadonlyArray<Asked> = [
  { at: 0, how: "chat" },
  { at: 0, how: "chatStream" },
  { at: 0, how: "chat", total: 7_000 },
  { at: 100, how: "chatStream", takes: 1 },
  { at: 900, how: "chat", leaves: 3_000, priority: "interactive" },
  { at: 2_500, how: "chatStream", leaves: 1_600 },
  { at: 4_000, how: "chat", total: 500 },
  { at: 9_000, how: "chatStream", priority: "batch" },
  { at: 22_000, how: "chat" },
  { at: 22_000, how: "chatStream", total: 60_000 },
  { at: 23_000, how: "chat", isScheduled: true },
  { at: 24_000, how: "chatStream", isScheduled: true },
  { at: 29_000, how: "chat" }
]

/** What a server has beside its chat. */
const others = (isCold: boolean, isUp: (seen: Seen) => boolean): Readonly<Record<string, Route>> => ({
  "/api/version": (seen) => (isUp(seen) ? version : refused),
  "/api/ps": (seen) => (!isUp(seen) ? refused : isCold ? psEmpty : ps(loaded(), loaded("small:latest")))
})

/** The load that the client owns has no messages; this one takes four seconds. */
const coldly =
  (answers: Scene["chat"]): Scene["chat"] =>
  (seen, nth) =>
    seen.body.includes("messages") ? answers(seen, nth) : { ...answers(seen, nth), delay: "4 seconds" }

const sceneOf = (weather: string, pair: ReadonlyArray<Part>): Scene => {
  const isCold = pair.includes("ownedLoad")
  const answers = weathers[weather] ?? weathers.fine ?? (() => answer)
  const policy = pair.reduce<Policy.Policy>((base, part) => Policy.merge(base, parts[part]), Policy.make(bare))
  return {
    policy,
    chat: isCold ? coldly(answers) : answers,
    routes: others(isCold, ({ at }) => weather !== "refuses" || at >= 20_000),
    calls
  }
}

const pairs = names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other] as const))

describe("every pair of policies", () => {
  const reached = new Map<string, number>()
  const reach = (what: string): void => void reached.set(what, (reached.get(what) ?? 0) + 1)

  for (const pair of pairs) {
    it.live(`${pair[0]} and ${pair[1]}`, () =>
      Effect.gen(function* () {
        for (const weather of Object.keys(weathers)) {
          const { client, told } = yield* play(sceneOf(weather, pair))
          for (const { records } of told) {
            for (const { decisions, outcome } of records) {
              reach(outcome)
              for (const { what } of decisions) reach(what)
            }
          }
          if (client.trials() > 0) reach("trial")
        }
      })
    )
  }

  it("reach every decision and every end between them", () => {
    for (const what of [
      "retried",
      "hedged",
      "heldOffline",
      "fellBack",
      "refused",
      "queued",
      "notRetried",
      "trial",
      "success",
      "left",
      "Timeout",
      "CircuitOpen",
      "Overloaded",
      "Unreachable",
      "ServerError",
      "StreamInterrupted"
    ]) {
      assert.isAbove(reached.get(what) ?? 0, 5, what)
    }
  })
})
