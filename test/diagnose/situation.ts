/** What a situation is: how it is made of real machines, and what a caller should be told in it. */
import type { Doctor, Policy } from "effect-ollama"
import { Effect } from "effect"
import type { Scope } from "effect"
import { addresses, type Lab } from "../support/real/lab.js"
import * as Process from "../support/real/process.js"
import type { CallJob, DnsJob, RelayJob, ServerJob } from "../support/real/programs/protocol.js"
import * as Programs from "../support/real/programs.js"
import type { Tool } from "../support/real/tools.js"
import type * as Verdict from "../../src/record/Verdict.js"

/** The class of the failure and the fields that tell it from others, encoded. */
export interface Failure {
  readonly _tag: string
  readonly phase?: string
  /** Whether a part of the answer must be in it, with at least the chunks after which the situation changed. */
  readonly partial?: boolean
  /** Attempts before it. */
  readonly attempts?: number
  /** In its message. */
  readonly says?: RegExp
  readonly [field: string]: unknown
}

/** What the client is told, besides the address of the server. */
export interface Told extends Partial<CallJob> {
  /** Of its environment; `OLLAMA_HOST` is the server's address if nothing else is said. */
  readonly env?: Readonly<Record<string, string>>
}

/** What is done once the client has a part of the answer, or has had the calls that go before. */
export type Turn = Effect.Effect<void>

export interface Situation {
  readonly id: string
  readonly what: string
  readonly needs: ReadonlyArray<Tool>
  readonly stage: (lab: Lab) => Effect.Effect<Told & { readonly turn?: Turn }, never, Scope.Scope>
  readonly policy: Policy.Patch
  /** `success`: the whole answer. */
  readonly expected: "success" | Failure
  readonly verdict: Verdict.Verdict["_tag"]
  /** What the doctor says first: one of the four causes, something else, or that nothing is wrong. */
  readonly cause: Doctor.Report["verdict"]["cause"]
  /** A cause that looks the same from the client, so that the doctor must not rule it out. */
  readonly mayBe?: Doctor.CauseName
  /** Whether it is one of the few that the tests run. */
  readonly isInTests: boolean
}

/** Seconds instead of minutes: every situation ends soon, with a margin for a busy machine. */
export const small: Policy.Patch = {
  timeouts: { connect: "2 seconds", load: "3 seconds", firstToken: "3 seconds", gap: "2 seconds" },
  retry: { attempts: 2, baseDelay: "50 millis", maxDelay: "100 millis" }
}

export const situation = (
  id: string,
  what: string,
  rest: Pick<Situation, "stage" | "expected" | "verdict" | "cause"> & Partial<Situation>
): Situation => ({ id, what, needs: ["netns"], policy: small, isInTests: false, ...rest })

export const model = "llama3.2"
export const port = 11434

/** What the model says, slowly enough for something to happen in the middle. */
export const words = Array.from({ length: 40 }, (_, nth) => `wort${nth} `)

/** Chunks that the client has before a situation changes. */
export const before = 3

/** In memory, and 50 tokens a second. */
export const quick = {
  host: addresses.server,
  port,
  models: [{ name: model, gpu: 1, loaded: true, reply: words, tokenTime: "20 millis" }]
} satisfies ServerJob

/** Behind a proxy of its own machine. */
export const behind = { ...quick, host: "127.0.0.1" } satisfies ServerJob

export const server = (lab: Lab, job: ServerJob = quick): Effect.Effect<Process.Running, never, Scope.Scope> =>
  running(lab, "server", "server", job)

export const nameServer = (lab: Lab, job: Omit<DnsJob, "address">) =>
  running(lab, "way", "dns", { address: addresses.way, ...job } satisfies DnsJob)

export const relay = (lab: Lab, job: RelayJob) => running(lab, "way", "relay", job)

const running = (
  lab: Lab,
  place: "way" | "server",
  program: Programs.Program,
  job: ServerJob | DnsJob | RelayJob
): Effect.Effect<Process.Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const command = yield* Programs.command(program)
    const started = yield* Process.start(lab, place, [...command, JSON.stringify(job)])
    yield* started.until(/^"ready"$/)
    return started
  })
