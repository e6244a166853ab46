/**
 * The failures an Ollama call can end in: one tagged class for each cause, with the remedy inside.
 *
 * Every member is a `Schema.TaggedError`, so it can be caught by tag, encoded, sent to another process and decoded
 * there. Durations are `effect/Duration` values and encode as milliseconds. No member holds a credential or a prompt;
 * what the model had already said (`partial`) is kept for the program, and out of messages, JSON and logs.
 *
 * @since 0.1.0
 */
import type { YieldableError } from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"

/**
 * Identifies the failures of this module, across copies of it.
 *
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("effect-ollama/OllamaError")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * The stage a call was in: `prepare` (nothing sent), `queue` (waiting in the client), `connect`, `load` (the server
 * reads the model into memory), `firstToken`, `gap` (after the first chunk), `response` (waiting for an answer that is
 * not generated), `total` (the limit over everything). For a `Timeout` it names the clock that ran out.
 *
 * @since 0.1.0
 * @category models
 */
export const Phase = Schema.Literal("prepare", "queue", "connect", "load", "firstToken", "gap", "response", "total")

/**
 * @since 0.1.0
 * @category models
 */
export type Phase = typeof Phase.Type

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

/** A field that a constructor may leave out. */
const byDefault = <A, I>(schema: Schema.Schema<A, I>, value: A) =>
  Schema.withConstructorDefault(Schema.propertySignature(schema), () => value)

/**
 * What happened below, in three strings: the code of the operating system or the transport, and name and message of
 * the error that carried it. Never the error itself, which may print requests.
 *
 * @since 0.1.0
 * @category models
 */
export const Cause = Schema.Struct({
  code: optional(Schema.String),
  name: Schema.String,
  message: Schema.String
}).annotations({ identifier: "effect-ollama/Cause" })

/**
 * @since 0.1.0
 * @category models
 */
export type Cause = typeof Cause.Type

/**
 * A tool call as the model wrote it, inside a partial answer.
 *
 * @since 0.1.0
 * @category models
 */
export const PartialToolCall = Schema.Struct({
  id: optional(Schema.String),
  function: Schema.Struct({
    index: optional(Schema.Number),
    name: Schema.String,
    arguments: Schema.Record({ key: Schema.String, value: Schema.Unknown })
  })
})

/**
 * What had arrived before the failure: the text and thinking so far, complete tool calls, and the number of chunks.
 *
 * @since 0.1.0
 * @category models
 */
export const Partial = Schema.Struct({
  text: Schema.String,
  thinking: Schema.String,
  tool_calls: Schema.Array(PartialToolCall),
  chunks: Schema.Int
}).annotations({ identifier: "effect-ollama/Partial" })

/**
 * @since 0.1.0
 * @category models
 */
export type Partial = typeof Partial.Type

/**
 * An earlier attempt of the same call, in short.
 *
 * @since 0.1.0
 * @category models
 */
export const Attempt = Schema.Struct({
  tag: Schema.String,
  phase: Phase,
  /** From the start of that attempt to its failure; milliseconds when encoded. */
  elapsed: Schema.DurationFromMillis,
  host: optional(Schema.String),
  status: optional(Schema.Int),
  detail: optional(Schema.String)
}).annotations({ identifier: "effect-ollama/Attempt" })

/**
 * @since 0.1.0
 * @category models
 */
export type Attempt = typeof Attempt.Type

const common = {
  /** The address the call went to, without credentials: `http://127.0.0.1:11434`. */
  host: optional(Schema.String),
  /** The path of the endpoint: `/api/chat`. */
  endpoint: byDefault(Schema.String, ""),
  model: optional(Schema.String),
  phase: byDefault<Phase, Phase>(Phase, "prepare"),
  /** Since the call began; milliseconds when encoded. */
  elapsed: byDefault(Schema.DurationFromMillis, Duration.zero),
  /** Earlier attempts of this call, oldest first. */
  attempts: byDefault(Schema.Array(Attempt), []),
  /** The HTTP status, where there was one. */
  status: optional(Schema.Int),
  /** The server's own text, at most 500 characters, without secrets. */
  detail: optional(Schema.String),
  cause: optional(Cause),
  /** Present exactly when at least one chunk of an answer had arrived. */
  partial: optional(Partial)
}

/** Properties that programs may read and encode, and that nothing prints. */
const concealed = ["partial", "excerpt", "text"]

interface Failure {
  readonly _tag: string
  readonly host?: string
  readonly endpoint: string
  readonly model?: string
  readonly phase: Phase
  readonly elapsed: Duration.Duration
  readonly detail?: string
  readonly status?: number
  readonly remedy: string
  readonly partial?: Partial
  readonly attempts: ReadonlyArray<Attempt>
  readonly cause?: unknown
  readonly stack?: string
}

const seconds = (duration: Duration.Duration): string => {
  const millis = Duration.toMillis(duration)
  return millis < 1000 ? `${Math.round(millis)} ms` : `${Number((millis / 1000).toFixed(1))} s`
}

/** Without what would colour a terminal, begin another line in a log, or turn the direction of writing. */
const oneLine = (text: string): string => text.replace(/[\s\p{Cc}\p{Bidi_Control}]+/gu, " ").trim()

/** Names of models and addresses come from whoever calls; a message is for people. */
const longestName = 200

const short = (name: string): string => (name.length > longestName ? `${name.slice(0, longestName)}…` : name)

/** One line: what happened, where, what had arrived, and the remedy. */
const describe = (self: Failure, what: string): string => {
  const parts = [what]
  if (self.endpoint) parts.push(`on ${short(self.host ?? "")}${self.endpoint}`)
  if (self.model) parts.push(`(${short(self.model)})`)
  if (self.status !== undefined) parts.push(`[${self.status}]`)
  let line = parts.join(" ")
  if (self.detail) line += `: "${self.detail}"`
  if (self.partial) line += `, after ${self.partial.chunks} ${self.partial.chunks === 1 ? "chunk" : "chunks"}`
  if (self.attempts?.length > 0) line += `, attempt ${self.attempts.length + 1}`
  return oneLine(`${line}. ${self.remedy ?? ""}`)
}

interface FailureMembers {
  readonly [TypeId]: TypeId
  /** Whether the same request, sent again by the caller, may succeed. */
  readonly isRetryable: boolean
}

type AllFields<Tag extends string, Fields extends Schema.Struct.Fields> = {
  readonly _tag: Schema.tag<Tag>
} & typeof common & {
    readonly remedy: Schema.PropertySignature<":", string, never, ":", string, true, never>
  } & Fields

/** What `Failure` returns: a tagged error class with the common fields and members. */
interface FailureClass<Self, Tag extends string, Fields extends Schema.Struct.Fields> extends Schema.Class<
  Self,
  AllFields<Tag, Fields>,
  Schema.Struct.Encoded<AllFields<Tag, Fields>>,
  Schema.Struct.Context<AllFields<Tag, Fields>>,
  Schema.Struct.Constructor<Omit<AllFields<Tag, Fields>, "_tag">>,
  {},
  YieldableError & FailureMembers
> {
  readonly _tag: Tag
}

/** The base of every failure: `Schema.TaggedError` with the common fields, a one-line message, and discretion. */
const Failure =
  <Self>() =>
  <const Tag extends string, Fields extends Schema.Struct.Fields>(
    tag: Tag,
    options: {
      readonly fields: Fields
      readonly remedy: string
      readonly what: (self: Schema.Struct.Type<Fields> & Failure) => string
      readonly isRetryable: (self: Schema.Struct.Type<Fields> & Failure) => boolean
    }
  ): FailureClass<Self, Tag, Fields> => {
    const Base = Schema.TaggedError<Self>(`effect-ollama/OllamaError/${tag}`)(tag, {
      ...common,
      /** One sentence that says what to do. */
      remedy: byDefault(Schema.String, options.remedy),
      ...options.fields
    })
    // the members are the same for every tag, so they are put on a subclass here, and typed by FailureClass
    const Untyped: new (props: object, options?: Schema.MakeOptions) => Failure = Base as never
    const what: (self: Failure) => string = options.what as never
    const isRetryable: (self: Failure) => boolean = options.isRetryable as never
    class Discreet extends Untyped {
      constructor(props: object, makeOptions?: Schema.MakeOptions) {
        super(props, makeOptions)
        for (const key of concealed) {
          if (Object.hasOwn(this, key)) Object.defineProperty(this, key, { enumerable: false })
        }
      }
      get [TypeId]() {
        return TypeId
      }
      get message() {
        return describe(this, what(this))
      }
      get isRetryable() {
        return isRetryable(this)
      }
      override toString() {
        return `${tag}: ${this.message}`
      }
      toJSON() {
        // an error's own cause is not enumerable
        return Object.assign({ _tag: tag, message: this.message }, plain({ ...this, ...causeOf(this) }))
      }
      [Inspectable.NodeInspectSymbol]() {
        // the head of the stack is what the error was before its fields were set
        return String(this) + (/\n\s+at [^]*/.exec(this.stack ?? "")?.[0] ?? "")
      }
    }
    return Discreet as never
  }

const causeOf = ({ cause }: Failure): object => (cause === undefined ? {} : { cause })

const plain = (value: unknown): unknown =>
  Duration.isDuration(value)
    ? Duration.toMillis(value)
    : Array.isArray(value)
      ? value.map(plain)
      : Predicate.isRecord(value)
        ? Record.map(value, plain)
        : value

const received = (self: Failure): string => (self.partial ? "the next chunk" : "the first chunk")

/**
 * One of our clocks ran out. `phase` says which: `connect`, `load`, `firstToken`, `gap`, `response` or `total`.
 *
 * @since 0.1.0
 * @category errors
 */
export class Timeout extends Failure<Timeout>()("Timeout", {
  fields: {
    /** The limit that passed; milliseconds when encoded. */
    limit: Schema.DurationFromMillis,
    /** What this phase was expected to take; milliseconds when encoded. */
    predicted: optional(Schema.DurationFromMillis)
  },
  remedy: "Raise the limit of this phase in the policy, or find out why the server is slow",
  what: (self) => {
    switch (self.phase) {
      case "connect":
        return `no connection within ${seconds(self.limit)}`
      case "load":
        return `no first chunk within ${seconds(self.limit)}, while the model may still be loading (load)`
      case "total":
        return `the call was not finished within ${seconds(self.limit)}`
      case "response":
        return `no answer within ${seconds(self.limit)}`
      default:
        return `no sign of ${received(self)} within ${seconds(self.limit)} (${self.phase})`
    }
  },
  isRetryable: (self) => self.phase !== "total"
}) {}

/**
 * There is no usable connection. `reason`: `refused` (nothing listens), `dns`, `unroutable`, `reset` (closed before an
 * answer), `tls`, `protocol` (what answers does not speak HTTP, or speaks TLS), `gateway` (a proxy has no server behind
 * it), `upstream` (the server cannot reach the cloud), `offline` (a host of a fleet has stopped answering during the call).
 *
 * @since 0.1.0
 * @category errors
 */
export class Unreachable extends Failure<Unreachable>()("Unreachable", {
  fields: {
    reason: Schema.Literal("refused", "dns", "unroutable", "reset", "tls", "protocol", "gateway", "upstream", "offline")
  },
  remedy: "Start Ollama (`ollama serve`) and check the address in OLLAMA_HOST",
  what: (self) => `no usable connection (${self.reason})`,
  isRetryable: (self) => self.reason !== "tls" && self.reason !== "protocol"
}) {}

/**
 * The call was shed. `by`: `server` (its queue is full), `gateway` (a proxy gave up waiting), `client` (our own
 * admission), `quota` (the usage limits of the cloud).
 *
 * @since 0.1.0
 * @category errors
 */
export class Overloaded extends Failure<Overloaded>()("Overloaded", {
  fields: {
    by: Schema.Literal("server", "gateway", "client", "quota"),
    /** The wait that the server or proxy asked for; milliseconds when encoded. */
    retryAfter: optional(Schema.DurationFromMillis)
  },
  remedy: "Send fewer calls at once, or add a host; a later try may succeed",
  what: (self) => `overloaded (${self.by})${self.retryAfter ? `, retry after ${seconds(self.retryAfter)}` : ""}`,
  isRetryable: (self) => self.by === "server" || self.by === "gateway"
}) {}

/**
 * Something on the way forbids the call. `by`: `origin` (OLLAMA_ORIGINS; in a page also a header that the server lets no
 * page send, or a page over https that calls http), `hostHeader` (the Host header is not one the server accepts), `proxy`
 * (it wants credentials: 407), `firewall` (of the machine, or Deno's sandbox), `captivePortal` (a web page or a redirect
 * where Ollama was expected), `cloudDisabled`, `forbidden`.
 *
 * @since 0.1.0
 * @category errors
 */
export class Blocked extends Failure<Blocked>()("Blocked", {
  fields: {
    by: Schema.Literal("origin", "hostHeader", "proxy", "firewall", "captivePortal", "cloudDisabled", "forbidden")
  },
  remedy: "Allow the call where it is blocked, or go around it",
  what: (self) => `blocked (${self.by})`,
  isRetryable: () => false
}) {}

/**
 * The circuit breaker refused the call before anything was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitOpen extends Failure<CircuitOpen>()("CircuitOpen", {
  fields: {
    /** Until the breaker lets a trial pass; milliseconds when encoded. */
    retryAfter: Schema.DurationFromMillis,
    /** The failure that opened the breaker. */
    lastFailure: Attempt
  },
  remedy: "Wait for the breaker's next trial, or use another host",
  what: (self) => `the circuit breaker is open after ${self.lastFailure.tag}, retry after ${seconds(self.retryAfter)}`,
  isRetryable: () => true
}) {}

/**
 * The server or the cloud wants credentials, a payment or a subscription (401, 402, subscription 403).
 *
 * @since 0.1.0
 * @category errors
 */
export class Unauthorized extends Failure<Unauthorized>()("Unauthorized", {
  fields: {
    /** Where a person can sign this server in. */
    signinUrl: optional(Schema.String)
  },
  remedy: "Sign in with `ollama signin`, or give a valid API key",
  what: () => "not authorized",
  isRetryable: () => false
}) {}

/**
 * The server does not have the model.
 *
 * @since 0.1.0
 * @category errors
 */
export class ModelNotFound extends Failure<ModelNotFound>()("ModelNotFound", {
  fields: {},
  remedy: "Pull the model first (`ollama pull`, or OllamaClient.ensureModel), or check its name",
  what: () => "the model is not installed",
  isRetryable: () => false
}) {}

/**
 * The request cannot work, whoever sends it: nothing but a change of the request helps. `issue` says what is wrong with
 * it and `field`, where it is known, which field.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRequest extends Failure<InvalidRequest>()("InvalidRequest", {
  fields: {
    issue: Schema.Literal(
      "malformed",
      "option",
      "format",
      "modelName",
      "unsupported",
      "contextExceeded",
      "noSuchEndpoint",
      "tooLarge",
      "upgradeRequired",
      "digest",
      "address"
    ),
    field: optional(Schema.String)
  },
  remedy: "Correct the request",
  what: (self) => `invalid request (${self.issue})${self.field ? ` in ${self.field}` : ""}`,
  isRetryable: () => false
}) {}

/**
 * The model could not be loaded: it does not fit into memory, its file is bad, or the runner did not start in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class LoadFailed extends Failure<LoadFailed>()("LoadFailed", {
  fields: { outOfMemory: Schema.Boolean },
  remedy: "Look into the server's log; pull the model again if its file is broken",
  what: (self) => (self.outOfMemory ? "the model does not fit into memory" : "the model could not be loaded"),
  isRetryable: (self) => !self.outOfMemory
}) {}

/**
 * Any other failure of the server: another 5xx, a runner that crashed, or an error line inside a stream.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServerError extends Failure<ServerError>()("ServerError", {
  fields: {
    /** The process that runs the model died; the next request starts it again. */
    crashed: Schema.Boolean,
    /** The server's text marks a state that passes. */
    transient: byDefault(Schema.Boolean, false)
  },
  remedy: "Look into the server's log",
  what: (self) => (self.crashed ? "the model's process crashed" : "the server failed"),
  isRetryable: (self) => self.crashed || self.transient || self.partial !== undefined
}) {}

/**
 * The answer ended without its terminal marker, or the connection broke after the first chunk.
 *
 * @since 0.1.0
 * @category errors
 */
export class StreamInterrupted extends Failure<StreamInterrupted>()("StreamInterrupted", {
  fields: {},
  remedy: "Ask again; what had arrived is in `partial`",
  what: () => "the answer broke off",
  isRetryable: () => true
}) {}

/**
 * The bytes are not Ollama's: a line that is no JSON or not of the right shape, an empty answer, a line over the limit.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProtocolError extends Failure<ProtocolError>()("ProtocolError", {
  fields: {
    /** The number of the bad line, from 1. */
    line: optional(Schema.Int),
    /** The beginning of what was read, at most 200 characters; not shown in messages and logs. */
    excerpt: Schema.String
  },
  remedy: "Check that the address is an Ollama server's, and that no proxy rewrites its answers",
  what: (self) => `the answer is not Ollama's${self.line === undefined ? "" : ` (line ${self.line})`}`,
  isRetryable: () => false
}) {}

/**
 * The model's text does not fit the schema that was asked for.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedOutput extends Failure<MalformedOutput>()("MalformedOutput", {
  fields: {
    /** What the model wrote; not shown in messages and logs. */
    text: Schema.String,
    /** What does not fit, without the values. */
    issues: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })),
    /** Why the model stopped: `length` when it ran into num_predict. */
    doneReason: optional(Schema.String)
  },
  remedy: "Ask again, or make the schema simpler",
  what: (self) => {
    const first = self.issues[0]
    return `the answer does not fit the schema${first ? ` (${first.path || "root"}: ${first.message})` : ""}`
  },
  isRetryable: () => true
}) {}

/**
 * Every way a call can fail, as a Schema: encode and decode failures with it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const OllamaError = Schema.Union(
  Timeout,
  Unreachable,
  Overloaded,
  Blocked,
  CircuitOpen,
  Unauthorized,
  ModelNotFound,
  InvalidRequest,
  LoadFailed,
  ServerError,
  StreamInterrupted,
  ProtocolError,
  MalformedOutput
)

/**
 * Every way a call can fail.
 *
 * @since 0.1.0
 * @category models
 */
export type OllamaError = typeof OllamaError.Type

/**
 * Whether a value is a failure of this library.
 *
 * @since 0.1.0
 * @category guards
 */
export const isOllamaError = (u: unknown): u is OllamaError => Predicate.hasProperty(u, TypeId)
