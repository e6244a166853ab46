/**
 * Why a call took as long as it did, or failed: one tagged value, and one sentence.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Causes from "./verdict/cause.js"
import type { Evidence } from "./verdict/evidence.js"
import * as Facts from "./verdict/facts.js"
import * as Rules from "./verdict/rules.js"
import * as Text from "./verdict/text.js"

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })
const duration = Schema.DurationFromMillis

/**
 * The verdicts (resilience notes, 5.4), each with the figures it rests on.
 *
 * - `AsExpected`: nothing took longer than it should.
 * - `HostDown`: no connection, while others (or an earlier call) had one; a wrong address looks the same.
 * - `ClientOffline`: no host can be reached from here.
 * - `ProxyInTheWay`: something between here and the server answered, or forbids the call.
 * - `Loading`: the model is (or was) being read into memory: so much of what is expected.
 * - `BehindOtherLoad`: the server loaded another model first; it loads one at a time.
 * - `EvictionThrash`: models push each other out of memory.
 * - `ReloadByOptions`: the model was loaded again because a call asked for other options.
 * - `Queued`: other calls were ahead in the server; also where a model in memory says nothing, not even headers, for far
 *   longer than its prompt could take: of other clients' calls the server says nothing.
 * - `Waited`: the call waited in the client: for a permit, for its host, between attempts, or for attempts that failed.
 * - `LongPrompt`: reading the prompt took long because it is long, not because the host is slow.
 * - `PartlyOnCpu`: the model does not fit into the graphics memory; `share` of it (0 to 1) is on the processor.
 * - `SlowHost`: every phase takes longer than it used to on this host.
 * - `Shared`: the server generates more slowly than it used to: it does so for others too, or for more calls of ours.
 * - `PredictionOff`: what was expected was wrong: everything is slower by the same factor on every host.
 * - `StalledRunner`: the connection lives and the server answers, but nothing comes from the model's process.
 * - `HostOverloaded`: the server is slow to say even its version.
 * - `Overloaded`: the server, a gateway, a quota or this client's own queue shed the call.
 * - `ServerFailed`: the server could not do it: a crash, a load that failed, an answer that broke off.
 * - `BadRequest`: the request cannot work as it is, or needs something done first (a model, a key).
 * - `TooShort`: a limit of this client ended a call that went on as could be expected.
 * - `LeftByCaller`: the caller went away.
 * - `Unknown`: it took longer than expected, and what is known does not say why.
 *
 * @since 0.1.0
 * @category models
 */
export const Verdict = Schema.Union(
  Schema.TaggedStruct("AsExpected", {}),
  Schema.TaggedStruct("HostDown", { reason: Schema.String }),
  Schema.TaggedStruct("ClientOffline", {}),
  Schema.TaggedStruct("ProxyInTheWay", { by: Schema.String }),
  Schema.TaggedStruct("Loading", {
    elapsed: duration,
    expected: optional(duration),
    /** What there is to read, in 10^9 bytes. */
    gigabytes: optional(Schema.Number)
  }),
  Schema.TaggedStruct("BehindOtherLoad", { elapsed: duration, expected: optional(duration) }),
  Schema.TaggedStruct("EvictionThrash", { loads: Schema.Int, rivals: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("ReloadByOptions", { elapsed: duration, options: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Queued", { waited: duration, ahead: optional(Schema.Int), parallel: optional(Schema.Int) }),
  Schema.TaggedStruct("Waited", { waited: duration, why: Schema.Literal("permit", "offline", "backoff", "attempts") }),
  Schema.TaggedStruct("LongPrompt", { elapsed: duration, expected: optional(duration), tokens: optional(Schema.Int) }),
  Schema.TaggedStruct("PartlyOnCpu", { share: Schema.Number, factor: optional(Schema.Number) }),
  Schema.TaggedStruct("SlowHost", { factor: Schema.Number }),
  Schema.TaggedStruct("Shared", {
    factor: Schema.Number,
    /** Calls of this client at the same time, where they are more than usual: then it is they. */
    inFlight: optional(Schema.Int),
    usual: optional(Schema.Int)
  }),
  Schema.TaggedStruct("PredictionOff", { factor: Schema.Number }),
  Schema.TaggedStruct("StalledRunner", { silent: duration }),
  Schema.TaggedStruct("HostOverloaded", {}),
  Schema.TaggedStruct("Overloaded", { by: Schema.String }),
  Schema.TaggedStruct("ServerFailed", { tag: Schema.String, outOfMemory: optional(Schema.Boolean) }),
  Schema.TaggedStruct("BadRequest", { tag: Schema.String }),
  Schema.TaggedStruct("TooShort", { phase: Schema.String, limit: duration, needed: optional(duration) }),
  Schema.TaggedStruct("LeftByCaller", { phase: Schema.String, after: duration }),
  Schema.TaggedStruct("Unknown", { phase: Schema.String, elapsed: duration })
).annotations({ identifier: "effect-ollama/Verdict" })

/**
 * @since 0.1.0
 * @category models
 */
export type Verdict = typeof Verdict.Type

export type { Evidence, Failure, HostEvidence, Running } from "./verdict/evidence.js"

/**
 * The verdict on a call, from what is known of it. Total: whatever the evidence, there is a verdict, and it holds no text
 * but words of this library and cleaned names of models and options.
 *
 * The first that applies: how the call ended, where that says it all (the caller left, it was blocked, shed, impossible, or
 * there was no connection); whether a limit of this client was too short for what was to be expected; what is seen to
 * make it slow (it waits here, options, eviction, another load, a slow host, a queue, a stall, a long prompt); what figures
 * say makes it slow (every host alike, the processor, this host in all phases, others who share it); and else `Unknown`
 * where it is late, `AsExpected` where it is not (resilience notes, 5.4).
 *
 * A phase is late when it takes longer than one and a half times the `high` of its prediction, when a detector says that
 * this host has become slower in it, or when the policy calls the call slow.
 *
 * @example
 * ```ts
 * import * as Duration from "effect/Duration"
 * import { Verdict } from "effect-ollama"
 *
 * const seconds = Duration.seconds
 * const verdict = Verdict.of({
 *   elapsed: seconds(12),
 *   running: { phase: "load", inPhase: seconds(12) },
 *   gigabytes: 4.7,
 *   predicted: { loading: { expected: seconds(41), low: seconds(30), high: seconds(56), samples: 8 } }
 * })
 * console.log(Verdict.text(verdict)) // Loading: 12 of about 41 seconds (4.7 GB at 0.11 GB/s)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const of = (evidence: Evidence): Verdict => Rules.apply(Facts.make(evidence))

/**
 * One plain sentence on one line, with its figures and, where there is something to do, what.
 *
 * @since 0.1.0
 * @category getters
 */
export const text = (verdict: Verdict): string => Text.text(verdict)

/**
 * Whether something is wrong, or not as it could be: all but `AsExpected`, `Loading`, `LongPrompt` and `LeftByCaller`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isProblem = (verdict: Verdict): boolean => Causes.isProblem(verdict)

/**
 * The four causes that a slow or failed call has outside of itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Cause = "serverDown" | "timeoutTooLow" | "overload" | "network"

/**
 * Which of the four causes it is; undefined where it is none of them, or not known. A connection that is refused, reset or
 * without a server behind a proxy is `serverDown`; one that nobody answers is `network` (a firewall that drops, a machine
 * that is off and a wrong address look the same from here).
 *
 * @since 0.1.0
 * @category getters
 */
export const cause = (verdict: Verdict): Cause | undefined => Causes.cause(verdict)
