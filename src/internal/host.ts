/** One server as a client knows it: where it is, what is sent along, and what has been learned of the way to it. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { Address } from "./address.js"

export interface Host {
  readonly address: Address
  /** Gives responses whose connection closes with the Scope. */
  readonly client: HttpClient.HttpClient.With<HttpClientError, Scope.Scope>
  readonly headers: Readonly<Record<string, string>>
  /** Values that must not appear in any failure. */
  readonly secrets: ReadonlyArray<string>
  readonly isCloud: boolean
  /** Whether requests carry an Origin header, or may: browsers add it. */
  readonly sendsOrigin: boolean
  /** What the transport's connect timer is set to, in milliseconds. */
  readonly connectLimit: number | undefined
  /** Whether an HTTP answer ever came from there: then a reset is not HTTP to a TLS port. */
  hasAnswered: boolean
}

const isBrowser = (): boolean => {
  const global: { readonly document?: unknown; readonly WorkerGlobalScope?: unknown } = globalThis
  return global.document !== undefined || global.WorkerGlobalScope !== undefined
}

export const make = (options: {
  readonly address: Address
  readonly client: Host["client"]
  readonly apiKey?: Redacted.Redacted | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  readonly isCloud: boolean
  readonly connectLimit: number | undefined
}): Host => {
  const headers: Record<string, string> = {}
  const secrets: Array<string> = []
  const secret = (value: Redacted.Redacted): string => {
    const text = Redacted.value(value)
    secrets.push(text, ...text.split(/\s+/).filter((part) => part.length >= 6))
    return text
  }
  if (options.address.basic !== undefined) headers.authorization = secret(options.address.basic)
  if (options.apiKey !== undefined) headers.authorization = `Bearer ${secret(options.apiKey)}`
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = typeof value === "string" ? value : secret(value)
  }
  return {
    address: options.address,
    client: options.client,
    headers,
    secrets,
    isCloud: options.isCloud,
    sendsOrigin: headers.origin !== undefined || isBrowser(),
    connectLimit: options.connectLimit,
    hasAnswered: false
  }
}

export const request = (
  host: Host,
  method: HttpClientRequest.HttpClientRequest["method"],
  path: string,
  accept: string
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.make(method)(host.address.url + path, { headers: { accept, ...host.headers } })
