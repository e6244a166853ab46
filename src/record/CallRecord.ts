/**
 * What became of a call: who answered it, after which attempts, and what was decided on the way.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Attempt, Phase as CallPhase } from "../OllamaError.js"
import { Verdict } from "./Verdict.js"

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

/**
 * Something that a policy decided. `what`: `retried` (sent again), `moved` (sent to another host of the fleet),
 * `heldOffline` (held until the host answered again), `queued` (waited for a permit, or for room at any host), `panicked`
 * (every host of the fleet was blocked, and the one that was least so was asked all the same), `hedged` (a second copy was sent),
 * `fellBack` (another model or host was asked), `refused` (nothing was sent: breaker, throttle, queue), `notRetried` (the
 * retry budget was empty), `reasked` (this call asks again for an object, because the answer to the call before did not
 * fit).
 *
 * @since 0.1.0
 * @category models
 */
export const Decision = Schema.Struct({
  what: Schema.Literal(
    "retried",
    "moved",
    "heldOffline",
    "queued",
    "panicked",
    "hedged",
    "fellBack",
    "refused",
    "notRetried",
    "reasked"
  ),
  /** Since the call began; milliseconds when encoded. */
  at: Schema.DurationFromMillis,
  why: Schema.String
}).annotations({ identifier: "effect-ollama/Decision" })

/**
 * @since 0.1.0
 * @category models
 */
export type Decision = typeof Decision.Type

/**
 * Who answered a call.
 *
 * @since 0.1.0
 * @category models
 */
export const ServedBy = Schema.Struct({
  /** The address, without credentials. */
  host: Schema.String,
  model: optional(Schema.String)
})

/**
 * What a phase was expected to take, learned from earlier calls of the same host and model. `low` and `high`: nine of ten
 * calls lie between them; with few `samples` they are far apart.
 *
 * @since 0.1.0
 * @category models
 */
export const Prediction = Schema.Struct({
  /** Milliseconds when encoded, like the others. */
  expected: Schema.DurationFromMillis,
  low: Schema.DurationFromMillis,
  high: Schema.DurationFromMillis,
  samples: Schema.Int
})

/**
 * @since 0.1.0
 * @category models
 */
export type Prediction = typeof Prediction.Type

/**
 * How long a phase took, beside what was expected.
 *
 * @since 0.1.0
 * @category models
 */
export const Phase = Schema.Struct({
  actual: Schema.DurationFromMillis,
  predicted: optional(Prediction)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Phase = typeof Phase.Type

/**
 * Where the time of a call went. What is not known is absent; what took no time is zero. From the client's clocks, and
 * from the figures in the server's last chunk where there is one.
 *
 * - `waiting`: in the client: for a permit, for a host that was offline, between attempts.
 * - `lost`: in attempts that failed and were followed by another.
 * - `connecting`: until there was a connection; zero on one that was kept. Only `OllamaNode` knows.
 * - `queued`: in the server, behind other calls of the model (total − load − prompt − generation of the last chunk).
 * - `loading`: until the model was in memory.
 * - `prompt`: reading the prompt.
 * - `generating`: from then to the last token.
 * - `other`: what is left: the network, and a consumer that took its time.
 *
 * @since 0.1.0
 * @category models
 */
export const Phases = Schema.Struct({
  waiting: Phase,
  lost: Phase,
  connecting: optional(Phase),
  queued: optional(Phase),
  loading: optional(Phase),
  prompt: optional(Phase),
  generating: optional(Phase),
  other: Phase
})

/**
 * @since 0.1.0
 * @category models
 */
export type Phases = typeof Phases.Type

/**
 * One call, at its end, whatever the end.
 *
 * @since 0.1.0
 * @category models
 */
export const CallRecord = Schema.Struct({
  /** Counts the calls of a client from 1. */
  id: Schema.Int,
  /** The method that was called: `chat` for `chat` and `chatStream`, `generate`, `embed`, `pull`, `list`, … */
  operation: Schema.String,
  /** The path of the endpoint: `/api/chat`. */
  endpoint: Schema.String,
  /** The address that was asked first, without credentials; `fleet` where no host of a fleet was. */
  host: Schema.String,
  /** The model that was asked for. */
  model: optional(Schema.String),
  /** `CallOptions.session`. */
  session: optional(Schema.String),
  /** Present once a part of an answer had arrived. */
  servedBy: optional(ServedBy),
  /** Milliseconds since 1970 when encoded. */
  startedAt: Schema.DateTimeUtcFromNumber,
  /** `success`, `left` (the caller went away before the end), or the tag of the failure. */
  outcome: Schema.String,
  /** The failure, in short, where there was one. */
  failure: optional(Attempt),
  /** The phase in which a call that did not succeed ended. */
  endedIn: optional(CallPhase),
  /** The HTTP status, where there was one. */
  status: optional(Schema.Int),
  /** From the call to its end; milliseconds when encoded. */
  elapsed: Schema.DurationFromMillis,
  /** From the call to the first value of its answer. */
  firstToken: optional(Schema.DurationFromMillis),
  phases: Phases,
  /** Of all attempts; without headers. */
  bytes: Schema.Struct({ sent: Schema.Int, received: Schema.Int }),
  /** As the server counted them. */
  tokens: Schema.Struct({ prompt: optional(Schema.Int), generated: optional(Schema.Int) }),
  /** Values that arrived: lines of the answer. */
  chunks: Schema.Int,
  /** Why the answer ended: `stop`, `length`, `load`, …; `other` where the server says what none says. */
  doneReason: optional(Schema.String),
  /** The failures of attempts that were followed by another one, oldest first. */
  attempts: Schema.Array(Attempt),
  /** What policies decided, in its order. */
  decisions: Schema.Array(Decision),
  /** Whether it passed a threshold of the policy's `slow` while it ran. */
  slow: Schema.Boolean,
  verdict: Verdict
}).annotations({ identifier: "effect-ollama/CallRecord" })

/**
 * @since 0.1.0
 * @category models
 */
export type CallRecord = typeof CallRecord.Type
