/**
 * What the body of a failed answer says, out of the shapes that Ollama, the cloud, llama-server and proxies use:
 * `{"error":"…"}`, the same with JSON inside the string, `{"error":{"message":…}}`, `{"StatusCode":…,"error":…}`, plain
 * text, HTML, nothing.
 */
import * as Predicate from "effect/Predicate"
import { defined } from "./defined.js"

export interface AnswerText {
  readonly kind: "json" | "text" | "html" | "empty"
  /** The words of the error; of a page, its title, or its first words. */
  readonly message: string
  /** The kind of error, where the body names one: `exceed_context_size_error`, squid's `ERR_CONNECT_FAIL`. */
  readonly type?: string
  /** What a page says, without its tags. */
  readonly page?: string
  /** A status inside the body, which wins over the answer's own. */
  readonly status?: number
  readonly signinUrl?: string
}

interface Words {
  readonly message: string
  readonly type?: string
}

const string = (u: unknown): string | undefined => (typeof u === "string" ? u : undefined)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A text that is longer is no error that anybody wrote; looking into it three times would only take time. */
const leadingLimit = 64 * 1024

/** A JSON object at the beginning of a text, and what follows it: lines of the engine's log. */
const leading = (text: string): readonly [json: unknown, rest: string] | undefined => {
  if (text.length > leadingLimit || !text.trimStart().startsWith("{")) return undefined
  for (const end of [text.length, text.indexOf("\n"), text.lastIndexOf("}") + 1]) {
    const json = end <= 0 ? undefined : parse(text.slice(0, end))
    if (Predicate.isRecord(json)) return [json, text.slice(end).trim()]
  }
  return undefined
}

/** How often JSON may be inside a text of JSON, and an error inside an error. */
const nestingLimit = 3
const errorLimit = 8

const words = (u: unknown, depth = 0): Words => {
  if (typeof u === "string") {
    const nested = depth < nestingLimit ? leading(u) : undefined
    if (nested === undefined) return { message: u }
    const [json, rest] = nested
    const said = words(json, depth + 1)
    return said.message === ""
      ? { message: u }
      : { ...said, message: rest === "" ? said.message : `${said.message}\n${rest}` }
  }
  if (!Predicate.isRecord(u)) return { message: "" }
  if (u.error != null) return depth < errorLimit ? words(u.error, depth + 1) : { message: "" }
  return defined({ message: string(u.message) ?? "", type: string(u.type) })
}

/** The most characters of a page that are looked at, and that are repeated. */
const pageLimit = 8192
const wordsLimit = 100

const fromPage = (whole: string): AnswerText => {
  const html = whole.slice(0, pageLimit)
  const page = html
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim()
  const title = /<title[^>]*>([^<]*)/i.exec(html)?.[1]?.trim()
  const type = /<body[^>]* id="?(ERR_\w+)/i.exec(html)?.[1]
  return { kind: "html", message: title || page.slice(0, wordsLimit), page, ...defined({ type }) }
}

const statusOf = (u: Record<string | symbol, unknown>): number | undefined => {
  const status = u.StatusCode ?? u.status
  return typeof status === "number" && /^[45]\d\d$/.test(String(status)) ? status : undefined
}

/** The most characters of a text that anything is looked for in: a line may have millions. */
const messageLimit = 8192

/** An address for a browser, and nothing else that a link can be. */
const webAddress = (u: unknown): string | undefined =>
  typeof u === "string" && /^https?:\/\/[!#-;=?-~]{1,2000}$/i.test(u) ? u : undefined

/** From a parsed JSON value, such as a line of a stream. */
export const fromJson = (u: unknown): AnswerText => {
  if (!Predicate.isRecord(u)) return { kind: "json", message: (string(u) ?? "").slice(0, messageLimit) }
  const status = statusOf(u)
  const { message, type } = words(u)
  return {
    kind: "json",
    message: message.slice(0, messageLimit),
    ...defined({ type: type?.slice(0, messageLimit), status, signinUrl: webAddress(u.signin_url) })
  }
}

export const isHtml = (contentType: string | undefined, text: string): boolean =>
  (contentType !== undefined && /\btext\/html\b|xhtml/i.test(contentType)) ||
  /^\s*(<!doctype html|<html|<head|<body)/i.test(text)

/** From the whole text of an answer, or its beginning. */
export const fromBody = (contentType: string | undefined, text: string): AnswerText => {
  if (text.trim() === "") return { kind: "empty", message: "" }
  if (isHtml(contentType, text)) return fromPage(text)
  const json = leading(text)?.[0]
  return json === undefined ? { kind: "text", message: text.trim().slice(0, messageLimit) } : fromJson(json)
}
