/** What the doctor says: what was looked at, which cause holds, and what to do. */
import * as Schema from "effect/Schema"
import { Facts, optional } from "./facts.js"

/** Lines to type, for one kind of machine. */
/**
 * Lines to type, for one kind of machine: `Linux (systemd)`, `Docker`, `macOS`, `Windows`, …
 *
 * @since 0.1.0
 * @category schemas
 */
export const Commands = Schema.Struct({
  on: Schema.String,
  lines: Schema.Array(Schema.String)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Commands = typeof Commands.Type

/**
 * What to do, in one sentence and as commands; and whose machine it is done on: this one, that of the server, or
 * what lies between.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Fix = Schema.Struct({
  where: Schema.Literal("here", "server", "network"),
  /** One sentence. */
  text: Schema.String,
  commands: Schema.Array(Commands)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Fix = typeof Fix.Type

/**
 * What is looked at, in this order.
 *
 * @since 0.1.0
 * @category schemas
 */
export const CheckName = Schema.Literal(
  "address",
  "dns",
  "tcp",
  "tls",
  "proxy",
  "http",
  "server",
  "version",
  "origin",
  "models",
  "memory",
  "load",
  "queue",
  "limits"
)

/**
 * @since 0.1.0
 * @category models
 */
export type CheckName = typeof CheckName.Type

/**
 * One thing that was looked at. `skipped`: it made no sense after what was found before. `unknown`: it cannot be
 * known from here, or not in time.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Check = Schema.Struct({
  name: CheckName,
  status: Schema.Literal("ok", "warning", "failed", "skipped", "unknown"),
  /** One line. */
  text: Schema.String,
  took: optional(Schema.DurationFromMillis),
  fixes: Schema.Array(Fix)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Check = typeof Check.Type

/**
 * Whether a cause holds, what speaks for and against it (sentences, with figures), and what to do where it holds,
 * or may.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Cause = Schema.Struct({
  holds: Schema.Literal("yes", "no", "unknown"),
  evidence: Schema.Array(Schema.String),
  fixes: Schema.Array(Fix)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Cause = typeof Cause.Type

/**
 * The four causes of calls that fail: the server is down or cannot be reached, a clock of the client is too short,
 * the server is overloaded, a firewall or proxy (or the server's own list of origins and names) is in the way.
 *
 * @since 0.1.0
 * @category schemas
 */
export const CauseName = Schema.Literal("unreachable", "timeoutTooLow", "overloaded", "blocked")

/**
 * @since 0.1.0
 * @category models
 */
export type CauseName = typeof CauseName.Type

export const Causes = Schema.Struct({
  unreachable: Cause,
  timeoutTooLow: Cause,
  overloaded: Cause,
  blocked: Cause
})
export type Causes = typeof Causes.Type

export const Verdict = Schema.Struct({
  cause: Schema.Literal("none", ...CauseName.literals, "other"),
  /** One sentence. */
  text: Schema.String
})
export type Verdict = typeof Verdict.Type

/**
 * What the doctor found. Encodes as JSON; holds no credential.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Report = Schema.Struct({
  /** Milliseconds since 1970 when encoded. */
  startedAt: Schema.DateTimeUtcFromNumber,
  took: Schema.DurationFromMillis,
  /** Whether all probes ended within the limit. */
  isComplete: Schema.Boolean,
  verdict: Verdict,
  causes: Causes,
  checks: Schema.Array(Check),
  facts: Facts
}).annotations({ identifier: "effect-ollama/Doctor/Report" })

/**
 * @since 0.1.0
 * @category models
 */
export type Report = typeof Report.Type
