/**
 * What a host is chosen by, and what comes of it: plain data. Times are milliseconds, sizes 10^9 bytes, amounts tokens,
 * all as numbers, because all of this is read for every host and every call.
 */
import type { Priority } from "../../policy/concurrency/queue.js"

/**
 * Whether a host has the model of the question in memory.
 *
 * - `resident`: it is, or needs no memory there (models of the cloud).
 * - `loading`: it is being loaded now; `HostView.loadingLeft` says for how much longer.
 * - `absent`: it is installed, and not in memory.
 * - `unknown`: the host has not said; it is taken to be absent.
 * - `missing`: it is not installed; the host is no candidate.
 *
 * @since 0.1.0
 * @category models
 */
export type Residency = "resident" | "loading" | "absent" | "unknown" | "missing"

/**
 * Why a host should not get the call.
 *
 * - `model`: the breaker of this host and model is open: it can be reached, and does not generate.
 * - `host`: the breaker of the host is open: it cannot be reached.
 * - `closed`: it is drained, or its breaker was forced open: somebody wants it so, and no panic changes that.
 *
 * @since 0.1.0
 * @category models
 */
export type Blocked = "model" | "host" | "closed"

/**
 * A host at a moment, as far as the model of the question is concerned. It may be one object that is changed from call to
 * call: whoever wants to keep it makes a copy.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostView {
  /** Its address, which is its name. */
  readonly host: string
  /** Its share with `weighted`, `sticky` and `leastInFlight`; 1 is usual, 0 is last choice. */
  readonly weight: number
  /** Its tier with `priority`: the lowest number goes first. */
  readonly priority: number
  readonly blocked: Blocked | undefined
  /** How long it will be blocked; milliseconds, 0 where nothing is known or it is not. */
  readonly blockedLeft: number
  readonly residency: Residency
  /** Of the load of this model; milliseconds. */
  readonly loadingLeft: number
  /** Of the loads of other models there, which come first: a server loads one model at a time. Milliseconds. */
  readonly otherLoadsLeft: number
  /** Models in memory that no call uses, in 10^9 bytes each; the one that would be put out first stands first. */
  readonly idleGigabytes: ReadonlyArray<number>
  /** All models in memory or being loaded that calls use; 10^9 bytes. */
  readonly busyGigabytes: number
  /** How much fits into memory (see `capacity.ts`); undefined until it has put a model out. */
  readonly capacity: number | undefined
  /** What was learned, undefined before: 10^9 bytes a second, */
  readonly loadRate: number | undefined
  /** tokens of a prompt a second, */
  readonly promptRate: number | undefined
  /** tokens of an answer a second, */
  readonly generationRate: number | undefined
  /** and how many calls it works on at once. */
  readonly parallelism: number | undefined
  /** Work of our calls that are there, as far as it is not done: the sum of what each still takes; milliseconds. */
  readonly workLeft: number
  /** Work of calls that are held in the client for this host (`Later.host`) and go before this one; milliseconds. */
  readonly heldWork: number
  /** Our calls that are there. */
  readonly inFlight: number
  /** The last wait in its queue that our own calls do not explain: other clients. Milliseconds. */
  readonly foreignQueue: number
  /** Since its breaker closed again; milliseconds, infinity if it never was open. */
  readonly sinceRecovery: number
  /** Tokens of the last prompt and answer of this session there, still in the memory of the model; 0 if none. */
  readonly sessionTokens: number
  /** How many times slower it seems to be than what was learned says; 1 is as learned. */
  readonly slowness: number
}

/**
 * All hosts at a moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface View {
  /** Milliseconds on Clock. */
  readonly now: number
  readonly hosts: ReadonlyArray<HostView>
}

/**
 * What is to be placed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Question {
  /** One name for all spellings: with its tag. */
  readonly model: string
  /** What it takes in memory, in 10^9 bytes. */
  readonly gigabytes: number | undefined
  /** An estimate. */
  readonly promptTokens: number
  /** The mean of answers of this model, at most `num_predict`. */
  readonly answerTokens: number | undefined
  readonly session: string | undefined
  readonly priority: Priority
  /** How long the call has waited for a host already; milliseconds. */
  readonly waited: number
  /** Until the deadline of the call; milliseconds, infinity if it has none. */
  readonly remaining: number
  /** Hosts that earlier attempts were sent to: they get the call only when no other is left. */
  readonly tried: ReadonlyArray<string>
  /** Hosts that must not get it at all, such as those where a load was too slow. */
  readonly excluded: ReadonlyArray<string>
  /** At least 0, below 1; the only source of chance. */
  readonly random: number
}

/**
 * What a call is expected to take at a host, in milliseconds, as told in `cost.ts`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cost {
  /** Behind the calls that are there. */
  readonly wait: number
  readonly load: number
  readonly prompt: number
  readonly answer: number
  /** For hosts that have just come back. */
  readonly recovery: number
  /** The sum. */
  readonly total: number
}

/**
 * A host for the call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Choice {
  readonly _tag: "Choice"
  readonly host: string
  /** Where it stands in `View.hosts`. */
  readonly index: number
  /** What was expected when it was chosen, whatever it was chosen by. */
  readonly cost: Cost
  /** Every host was blocked, and this one least. */
  readonly isPanic: boolean
  /** The call was there before: nobody else is left. */
  readonly isAgain: boolean
}

/**
 * No host gets the call.
 *
 * - `noHost`: there is none.
 * - `missing`: none has the model.
 * - `closed`: those that have it are drained or forced open.
 * - `excluded`: those that have it are excluded by the question.
 * - `declined`: the program's own function has chosen none.
 * - `deadline`: the call would have to wait for longer than what is left of its deadline.
 * - `target`: the wait has been above the target of admission for a whole interval.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly reason: "noHost" | "missing" | "closed" | "excluded" | "declined" | "deadline" | "target"
  /** Of `deadline` and `target`: how long the call would have to wait, in milliseconds. */
  readonly wait: number | undefined
}

/**
 * The host that is best for it has enough calls already: the call is to be held, and asked for again when one has ended
 * or anything else has changed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Later {
  readonly _tag: "Later"
  /** The host it waits for, as things stand. */
  readonly host: string
  /** How long it would have to wait there; milliseconds. */
  readonly wait: number
}

/**
 * @since 0.1.0
 * @category models
 */
export type Answer = Choice | Refusal | Later
