/**
 * The account a server is signed in with, and whether it may use the cloud.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe } from "./fields.js"

/**
 * `GET /api/status`, since v0.16.2.
 *
 * @since 0.1.0
 * @category schemas
 */
export const StatusResponse = Schema.Struct({
  /** Models and searches that run at ollama.com. */
  cloud: Schema.Struct({
    /** Whether cloud models and the web are switched off. */
    disabled: Schema.Boolean,
    /** What switched them off: `none`, `env` (OLLAMA_NO_CLOUD), `config`, `both`. */
    source: Schema.String
  })
}).annotations({ identifier: "StatusResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface StatusResponse extends Schema.Schema.Type<typeof StatusResponse> {}

/**
 * `POST /api/me`, since v0.12.0. The server asks ollama.com for it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const AccountResponse = Schema.Struct({
  /** Identifies the account. */
  id: Schema.String,
  /** Its e-mail address. */
  email: Schema.String,
  /** The name it is known by on ollama.com. */
  name: Schema.String,
  /** What its owner says about it. */
  bio: maybe(Schema.String),
  /** Address of its picture. */
  avatarurl: maybe(Schema.String),
  /** Its owner's first name. */
  firstname: maybe(Schema.String),
  /** Its owner's last name. */
  lastname: maybe(Schema.String),
  /** What it pays for; `free` without a subscription. */
  plan: maybe(Schema.String)
}).annotations({ identifier: "AccountResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface AccountResponse extends Schema.Schema.Type<typeof AccountResponse> {}
