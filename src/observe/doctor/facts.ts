/** What the probes found, as data that can be written down. */
import * as Schema from "effect/Schema"

export const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })
const duration = Schema.DurationFromMillis

/**
 * The machine that the doctor runs on, which decides how a remedy is written.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Machine = Schema.Struct({
  os: Schema.Literal("linux", "macos", "windows", "browser", "unknown"),
  /** Where it runs inside a container: `localhost` is the container then. */
  container: optional(Schema.Literal("docker", "podman", "kubernetes", "other")),
  /** Whether it is the Linux inside of Windows (WSL). */
  wsl: Schema.Boolean
})

/**
 * @since 0.1.0
 * @category models
 */
export type Machine = typeof Machine.Type

/** The address, by the rules of OLLAMA_HOST. */
export const Address = Schema.Struct({
  /** As it was given, without credentials. */
  given: optional(Schema.String),
  /** What it became; absent where no server can have it. */
  url: optional(Schema.String),
  hostname: optional(Schema.String),
  port: optional(Schema.Int),
  /** Each step from the one to the other, one sentence each. */
  notes: Schema.Array(Schema.String),
  problem: optional(Schema.String)
})
export type Address = typeof Address.Type

/**
 * An address that a name stands for.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Resolved = Schema.Struct({ address: Schema.String, family: Schema.Literal(4, 6) })

/**
 * @since 0.1.0
 * @category models
 */
export type Resolved = typeof Resolved.Type

export const Dns = Schema.Struct({
  hostname: Schema.String,
  addresses: Schema.Array(Resolved),
  /** `ENOTFOUND`, … where the name leads nowhere. */
  code: optional(Schema.String),
  took: duration
})
export type Dns = typeof Dns.Type

/**
 * Where an address is: this machine, a network that it is part of, or further away.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Place = Schema.Literal("self", "onLink", "remote", "unknown")

/**
 * @since 0.1.0
 * @category models
 */
export type Place = typeof Place.Type

/**
 * What became of a connection. `dropped`: no answer within the limit. `forbidden`: by this machine's own firewall
 * or sandbox. `exhausted`: this machine has no port or file left for another one.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Tcp = Schema.Struct({
  address: Schema.String,
  family: Schema.Literal(4, 6),
  port: Schema.Int,
  place: Place,
  outcome: Schema.Literal("connected", "refused", "dropped", "unroutable", "forbidden", "exhausted", "failed"),
  /** Whether a refusal was a message of the network and not of the server: what a firewall that rejects sends. */
  byNetwork: optional(Schema.Boolean),
  code: optional(Schema.String),
  took: duration
})

/**
 * @since 0.1.0
 * @category models
 */
export type Tcp = typeof Tcp.Type

export const TlsFault = Schema.Literal(
  "selfSigned",
  "unknownAuthority",
  "expired",
  "notYetValid",
  "wrongName",
  "notTls",
  "other"
)
export type TlsFault = typeof TlsFault.Type

/**
 * The certificate, and what is wrong with it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Tls = Schema.Struct({
  /** `TLSv1.3`. */
  protocol: optional(Schema.String),
  subject: optional(Schema.String),
  /** Who signed it. */
  issuer: optional(Schema.String),
  /** The names it is for. */
  names: Schema.Array(Schema.String),
  /** Milliseconds since 1970 when encoded, like the next. */
  validFrom: optional(Schema.DateTimeUtcFromNumber),
  validTo: optional(Schema.DateTimeUtcFromNumber),
  trusted: Schema.Boolean,
  fault: optional(TlsFault),
  code: optional(Schema.String),
  took: duration
})

/**
 * @since 0.1.0
 * @category models
 */
export type Tls = typeof Tls.Type

/**
 * What a proxy says when it is asked for the way to the server. `noWay`: it answers, and has none.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ProxyAnswer = Schema.Struct({
  outcome: Schema.Literal("answers", "wantsCredentials", "refuses", "noWay", "unreachable", "failed"),
  status: optional(Schema.Int),
  code: optional(Schema.String),
  took: duration
})

/**
 * @since 0.1.0
 * @category models
 */
export type ProxyAnswer = typeof ProxyAnswer.Type

/** A proxy that is set somewhere. */
export const Proxy = Schema.Struct({
  /** The variable or option: `HTTP_PROXY`. */
  from: Schema.String,
  /** Without credentials. */
  address: Schema.String,
  /** Whether the calls to this server go through it. */
  used: Schema.Boolean,
  answer: optional(ProxyAnswer)
})
export type Proxy = typeof Proxy.Type

/**
 * What answers at the address.
 *
 * - `ollama`, `cloud` (ollama.com), `simulator` (of this library: it says so).
 * - `gateway`: a reverse proxy without a server behind it.
 * - `captivePortal`: a page, or the way to one.
 * - `refusing`: something that refuses every call (403, 401, 407).
 * - `other`: a server, but not this one. `none`: nothing answered.
 */
export const Server = Schema.Struct({
  kind: Schema.Literal("ollama", "cloud", "simulator", "gateway", "captivePortal", "refusing", "other", "none"),
  status: optional(Schema.Int),
  version: optional(Schema.String),
  /** The header `Server`: Ollama sends none, so there is something in front of it. */
  software: optional(Schema.String),
  /** The title of a page. */
  title: optional(Schema.String),
  /** Where it sends everybody, without query. */
  location: optional(Schema.String),
  /** The tag of the failure: `Unreachable`, `Blocked`, … and what it says of the reason. */
  failure: optional(
    Schema.Struct({
      tag: Schema.String,
      reason: optional(Schema.String),
      code: optional(Schema.String),
      /** What the failure itself says to do. */
      remedy: Schema.String
    })
  ),
  /** From the request to the end of the answer, on the way that calls take. */
  took: duration
})
export type Server = typeof Server.Type

/** Whether the server lets a web page of this origin call it. */
export const Origin = Schema.Struct({
  origin: Schema.String,
  allowed: Schema.Boolean,
  status: optional(Schema.Int)
})
export type Origin = typeof Origin.Type

/** Whether a request of several packets is answered, as a short one is. */
export const Large = Schema.Struct({
  /** Bytes of its body. */
  bytes: Schema.Int,
  /** `lost`: no answer in time. `tooLarge`: something says that it is. */
  outcome: Schema.Literal("answered", "lost", "tooLarge", "failed"),
  took: duration
})
export type Large = typeof Large.Type

export const Installed = Schema.Struct({
  name: Schema.String,
  /** Bytes on disk. */
  size: Schema.Number,
  isCloud: Schema.Boolean
})
export type Installed = typeof Installed.Type

export const Loaded = Schema.Struct({
  name: Schema.String,
  /** Bytes in memory, and how many of them on the GPU. */
  size: Schema.Number,
  sizeVram: Schema.Number,
  /** Tokens. */
  context: optional(Schema.Number)
})
export type Loaded = typeof Loaded.Type

export const Models = Schema.Struct({
  installed: optional(Schema.Array(Installed)),
  loaded: optional(Schema.Array(Loaded)),
  /** Whether `/api/ps` gave no answer in time: the server loads or evicts a model just then. */
  psBlocked: Schema.Boolean
})
export type Models = typeof Models.Type

/** The tiny call: one token. */
export const Call = Schema.Struct({
  model: Schema.String,
  endpoint: Schema.String,
  /** Whether the model was in memory before. */
  resident: Schema.Boolean,
  /** `success`, or the tag of the failure. */
  outcome: Schema.String,
  status: optional(Schema.Int),
  took: duration,
  /** By the figures of the server's answer; `queued` is what is left of its total. */
  queued: optional(duration),
  loading: optional(duration),
  prompt: optional(duration),
  generating: optional(duration),
  /** Tokens of the prompt, as the server counted them. */
  promptTokens: optional(Schema.Int),
  /** Bytes a second, where the call loaded the model. */
  loadRate: optional(Schema.Number)
})
export type Call = typeof Call.Type

/** A clock of the policy beside what was measured, or is to be expected. */
export const Limit = Schema.Struct({
  clock: Schema.Literal("connect", "load", "firstToken", "gap", "total"),
  /** Absent where there is none. */
  limit: optional(duration),
  /** Whether the policy says `auto`. */
  auto: Schema.Boolean,
  measured: optional(duration),
  /** `tight`: more than half of it is needed. */
  fits: Schema.Literal("yes", "tight", "no", "unknown"),
  /** What was measured, in words. */
  text: Schema.String
})
export type Limit = typeof Limit.Type

/**
 * Everything that the probes found. What is absent was not looked at, or cannot be known here.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Facts = Schema.Struct({
  machine: Machine,
  address: Address,
  dns: optional(Dns),
  tcp: Schema.Array(Tcp),
  tls: optional(Tls),
  proxies: Schema.Array(Proxy),
  server: optional(Server),
  /** Addresses nearby at which Ollama answers, where the given one does not. */
  elsewhere: Schema.Array(Schema.String),
  origin: optional(Origin),
  large: optional(Large),
  models: optional(Models),
  call: optional(Call),
  limits: Schema.Array(Limit)
})

/**
 * @since 0.1.0
 * @category models
 */
export type Facts = typeof Facts.Type
