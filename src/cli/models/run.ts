/** `effect-ollama models`. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Connection from "../connection.js"
import * as List from "./list.js"
import * as Memory from "./memory.js"
import * as Pull from "./pull.js"
import * as Show from "./show.js"

export interface ListOptions extends Connection.Connection {
  readonly json: boolean
}

export interface ModelOptions extends Connection.Connection {
  readonly model: string
}

export interface ModelsOptions extends Connection.Connection {
  readonly models: ReadonlyArray<string>
}

export const list = (options: ListOptions) => Effect.provide(List.list(options), Connection.layer(options))

export const pull = (options: ModelOptions & { readonly json: boolean; readonly insecure: boolean }) =>
  Effect.provide(
    Pull.pull({ model: options.model, ...(options.insecure ? { insecure: true } : {}) }, options),
    Connection.layer(options)
  )

export const show = (options: ModelOptions & { readonly json: boolean }) =>
  Effect.provide(Show.show({ model: options.model }, options), Connection.layer(options))

export const load = (options: ModelOptions & { readonly keepAlive: Option.Option<string> }) =>
  Effect.provide(Memory.load(options.model, options.keepAlive), Connection.layer(options))

export const unload = (options: ModelsOptions) =>
  Effect.provide(Memory.unload(options.models), Connection.layer(options))

export const remove = (options: ModelsOptions) =>
  Effect.provide(Memory.remove(options.models), Connection.layer(options))
