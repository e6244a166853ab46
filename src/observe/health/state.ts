/** What is known of a host, as data. */
import * as Schema from "effect/Schema"

const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })
const moment = Schema.DateTimeUtcFromNumber

/**
 * A model in memory.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Resident = Schema.Struct({
  name: Schema.String,
  /** Bytes in memory, and how many of them on the GPU. */
  size: Schema.Number,
  sizeVram: Schema.Number,
  /** Tokens; absent before v0.10. */
  context: optional(Schema.Number),
  /** RFC 3339, in the server's time zone: when it leaves if nobody asks. */
  expiresAt: Schema.String
})

/**
 * @since 0.1.0
 * @category models
 */
export type Resident = typeof Resident.Type

/**
 * A model that came into memory, or left it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Move = Schema.Struct({
  /** When it was noticed. */
  at: moment,
  model: Schema.String,
  what: Schema.Literal("came", "left"),
  /** Bytes in memory. */
  size: Schema.Number
})

/**
 * @since 0.1.0
 * @category models
 */
export type Move = typeof Move.Type

/**
 * How a host is.
 *
 * - `healthy`: it answered a probe or a call, and nothing speaks against it since.
 * - `busy`: it answers, but `/api/ps` does not: it loads or evicts a model. Never a failure.
 * - `unreachable`: a call or two probes in a row got no connection.
 * - `unknown`: nothing was heard yet, or two probes in a row had no answer in time, or one that is not Ollama's.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Status = Schema.Literal("healthy", "busy", "unreachable", "unknown")

/**
 * @since 0.1.0
 * @category models
 */
export type Status = typeof Status.Type

/**
 * What is known of a host. Moments are milliseconds since 1970 when encoded.
 *
 * @since 0.1.0
 * @category schemas
 */
export const HostHealth = Schema.Struct({
  /** The address, without credentials. */
  host: Schema.String,
  status: Status,
  /** Since when it is so. */
  since: moment,
  /** Why, in one sentence. */
  why: Schema.String,
  /** Probes of `/api/version` in a row that had no good answer. */
  misses: Schema.Int,
  /** How long the last answer to a probe of `/api/version` took; milliseconds when encoded. */
  latency: optional(Schema.DurationFromMillis),
  version: optional(Schema.String),
  /** When it was last heard of: an answer to a probe, or a value of an answer to a call. */
  heardAt: optional(moment),
  /** Calls of this client that run there. */
  running: Schema.Int,
  /** The models in memory, as last seen; kept while the host does not say. */
  models: Schema.Array(Resident),
  /** When they were last seen; absent before that. */
  modelsAt: optional(moment),
  /** The last comings and goings of models, oldest first, at most `historyLimit`. */
  moves: Schema.Array(Move)
}).annotations({ identifier: "effect-ollama/HostHealth" })

/**
 * @since 0.1.0
 * @category models
 */
export type HostHealth = typeof HostHealth.Type
