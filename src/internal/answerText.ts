/**
 * What the body of a failed answer says, out of the shapes that Ollama, the cloud, llama-server and proxies use:
 * `{"error":"…"}`, the same with JSON inside the string, `{"error":{"message":…}}`, `{"StatusCode":…,"error":…}`, plain
 * text, HTML, nothing.
 */
import * as Predicate from "effect/Predicate"

export interface AnswerText {
  readonly kind: "json" | "text" | "html" | "empty"
  /** The words of the error; of a page, its title. */
  readonly message: string
  /** A status inside the body, which wins over the answer's own. */
  readonly status?: number
  readonly signinUrl?: string
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** JSON inside an error string; a log line may follow it. */
const inner = (text: string): unknown =>
  text.trimStart().startsWith("{") ? (parse(text) ?? parse(text.slice(0, text.lastIndexOf("}") + 1))) : undefined

const words = (u: unknown, depth = 0): string => {
  if (typeof u === "string") {
    const nested = depth < 3 ? inner(u) : undefined
    const said = nested === undefined ? "" : words(nested, depth + 1)
    return said === "" ? u : said
  }
  if (!Predicate.isRecord(u)) return ""
  if (u.error !== undefined) return words(u.error, depth + 1)
  const type = typeof u.type === "string" ? u.type : ""
  const message = typeof u.message === "string" ? u.message : ""
  return type !== "" && message !== "" && !message.includes(type) ? `${message} (${type})` : message
}

const title = (html: string): string => /<title[^>]*>([^<]*)/i.exec(html)?.[1]?.trim() ?? ""

const statusOf = (u: Record<string | symbol, unknown>): number | undefined => {
  const status = u.StatusCode ?? u.status
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599 ? status : undefined
}

/** From a parsed JSON value, such as a line of a stream. */
export const fromJson = (u: unknown): AnswerText => {
  if (!Predicate.isRecord(u)) return { kind: "json", message: typeof u === "string" ? u : "" }
  const status = statusOf(u)
  return {
    kind: "json",
    message: words(u),
    ...(status === undefined ? {} : { status }),
    ...(typeof u.signin_url === "string" ? { signinUrl: u.signin_url } : {})
  }
}

export const isHtml = (contentType: string | undefined, text: string): boolean =>
  (contentType !== undefined && /\btext\/html\b|xhtml/i.test(contentType)) ||
  /^\s*(<!doctype html|<html|<head|<body)/i.test(text)

/** From the whole text of an answer, or its beginning. */
export const fromBody = (contentType: string | undefined, text: string): AnswerText => {
  if (text.trim() === "") return { kind: "empty", message: "" }
  if (isHtml(contentType, text)) return { kind: "html", message: title(text) }
  const json = parse(text) ?? parse(text.slice(0, text.indexOf("\n") + 1))
  return Predicate.isRecord(json) ? fromJson(json) : { kind: "text", message: text.trim() }
}
