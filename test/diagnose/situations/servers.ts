/** A server that is reached, and is busy, slow or broken. */
import { Effect } from "effect"
import type { ServerJob } from "../../support/real/programs/protocol.js"
import { model, quick, server, type Situation, situation, small, type Told, words } from "../situation.js"

type Rest = Omit<Parameters<typeof situation>[2], "stage">

interface Staged extends Rest {
  readonly server: Partial<ServerJob>
  readonly told?: Told
}

const served = (id: string, what: string, { server: job, told = {}, ...rest }: Staged): Situation =>
  situation(id, what, { stage: (lab) => Effect.as(server(lab, { ...quick, ...job }), told), ...rest })

/** A silence that is no slowness any more. */
const patient = { ...small, timeouts: { ...small.timeouts, gap: "11 seconds" } } as const

/** Whoever asks a model gets headers, and no more. */
const hung: ServerJob["faults"] = [
  { _tag: "StallAfter", chunks: 0, path: "/api/chat" },
  { _tag: "StallAfter", chunks: 0, path: "/api/generate" }
]

const speaking = { name: model, gpu: 1, reply: words, tokenTime: "20 millis" } as const
const another = { name: "another", loadTime: "1 hour", size: 1e9 } as const

const tooLow = { cause: "timeoutTooLow" } as const
const overloaded = { cause: "overloaded" } as const

export const servers: ReadonlyArray<Situation> = [
  served("well", "nothing is wrong", { server: {}, expected: "success", verdict: "AsExpected", cause: "none" }),
  served("queue-full", "the server's queue is full", {
    server: { maxQueue: 0, models: [speaking, another], others: [{ model: "another", calls: 1 }] },
    expected: { _tag: "Overloaded", by: "server", status: 503, attempts: 1 },
    verdict: "Overloaded",
    ...overloaded,
    isInTests: true
  }),
  served("queued", "another call has the model's only slot for a while", {
    server: {
      models: [{ ...speaking, loaded: true, tokenTime: "60 millis" }],
      others: [{ model, calls: 2 }]
    },
    policy: { ...small, timeouts: { ...small.timeouts, firstToken: "20 seconds" } },
    expected: "success",
    verdict: "Queued",
    cause: "none"
  }),
  served("queued-too-long", "other calls have the model's only slot for longer than the limit", {
    server: {
      models: [{ ...speaking, loaded: true, tokenTime: "1 second" }],
      others: [{ model, calls: 2 }]
    },
    expected: { _tag: "Timeout", phase: "firstToken", limit: 3000, attempts: 0 },
    verdict: "TooShort",
    ...overloaded
  }),
  served("cold", "the model has to be loaded, in time", {
    server: { models: [{ ...speaking, loadTime: "6 seconds" }] },
    policy: { ...small, timeouts: { ...small.timeouts, load: "30 seconds" } },
    expected: "success",
    verdict: "Loading",
    cause: "none"
  }),
  served("cold-too-long", "the load takes longer than the limit", {
    server: { models: [{ ...speaking, loadTime: "1 hour" }] },
    expected: { _tag: "Timeout", phase: "load", limit: 3000, attempts: 0 },
    verdict: "TooShort",
    ...tooLow,
    isInTests: true
  }),
  served("behind-load", "another model is loaded first, for longer than the limit", {
    server: { models: [speaking, another], others: [{ model: "another", calls: 1 }] },
    expected: { _tag: "Timeout", phase: "load", limit: 3000, attempts: 0 },
    verdict: "TooShort",
    ...tooLow
  }),
  served("long-prompt", "reading the prompt takes longer than the limit", {
    server: { models: [{ ...speaking, loaded: true, promptRate: 10 }] },
    told: { characters: 4000 },
    expected: { _tag: "Timeout", phase: "firstToken", limit: 3000, attempts: 0 },
    verdict: "TooShort",
    ...tooLow
  }),
  served("stalled", "the model's process hangs in the middle of the answer", {
    server: { faults: [{ _tag: "StallAfter", chunks: 3, path: "/api/chat", times: 1 }, ...hung] },
    policy: patient,
    expected: { _tag: "Timeout", phase: "gap", limit: 11_000, partial: true },
    verdict: "StalledRunner",
    cause: "unreachable",
    isInTests: true
  }),
  served("stalled-early", "the model's process hangs before the first word", {
    server: { faults: hung },
    expected: { _tag: "Timeout", phase: "firstToken", limit: 3000, attempts: 0 },
    verdict: "TooShort",
    cause: "unreachable"
  }),
  served("crashed", "the model's process dies in the middle of the answer", {
    server: { faults: [{ _tag: "Crash", chunks: 3, path: "/api/chat" }] },
    expected: { _tag: "ServerError", crashed: true, phase: "gap", partial: true },
    verdict: "ServerFailed",
    cause: "unreachable"
  }),
  served("no-memory", "the model does not fit into memory", {
    server: { memory: 1e9, models: [{ ...speaking, size: 8e9 }] },
    expected: { _tag: "LoadFailed", outOfMemory: true },
    verdict: "ServerFailed",
    cause: "other"
  }),
  served("no-model", "the model is not installed", {
    server: { models: ["qwen3"] },
    expected: { _tag: "ModelNotFound", status: 404 },
    verdict: "BadRequest",
    cause: "other"
  }),
  served("total-too-short", "the limit on the whole call is shorter than the answer", {
    server: { models: [{ ...speaking, loaded: true, tokenTime: "200 millis" }] },
    policy: { ...small, timeouts: { ...small.timeouts, total: "3 seconds" } },
    expected: { _tag: "Timeout", phase: "total", limit: 3000, partial: true, attempts: 0 },
    verdict: "TooShort",
    ...tooLow
  })
]
