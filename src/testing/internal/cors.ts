/**
 * What a browser is told of who may call: the rules of gin-contrib/cors 1.7.2, as Ollama configures them
 * (`server/routes.go`, `envconfig.AllowedOrigins`). They are asked before everything else, also of callers that are no
 * browsers but send an Origin.
 */
import type { Options, WireAnswer, WireRequest } from "./types.js"

const defaults: ReadonlyArray<string> = [
  ...["localhost", "127.0.0.1", "0.0.0.0"].flatMap((name) =>
    ["http", "https"].flatMap((scheme) => [`${scheme}://${name}`, `${scheme}://${name}:*`])
  ),
  ...["app", "file", "tauri", "vscode-webview", "vscode-file"].map((scheme) => `${scheme}://*`)
]

/** Of `x-stainless-…`: what the OpenAI clients send. */
const stainless =
  "Lang,Package-Version,Os,Arch,Retry-Count,Runtime,Runtime-Version,Async,Helper-Method,Poll-Helper,Custom-Poll-Interval,Timeout"

const preflightHeaders = {
  "access-control-allow-headers": [
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta",
    ...stainless.split(",").map((name) => `X-Stainless-${name}`)
  ].join(),
  "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS",
  "access-control-max-age": "43200"
}

type Rules = Pick<Options, "origins">

/** The origin of another site: one that is no part of the server's own. */
const foreign = ({ headers, host }: WireRequest): string | undefined => {
  const origin = headers["origin"]
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}` ? undefined : origin
}

const allowsAll = ({ origins = [] }: Rules): boolean => origins.includes("*")

/** One `*` in a rule stands for any text, as in `https://*.example.com`. */
const fits = (origin: string, rule: string): boolean => {
  const [before = "", after] = rule.split("*", 2)
  return after === undefined
    ? origin === rule
    : origin.length >= before.length + after.length && origin.startsWith(before) && origin.endsWith(after)
}

/** Whether the request is answered with 403 because of its Origin. */
export const refuses = (request: WireRequest, rules: Rules): boolean => {
  const origin = foreign(request)
  if (origin === undefined || allowsAll(rules)) return false
  return ![...defaults, ...(rules.origins ?? [])].some((rule) => fits(origin, rule))
}

/** Whether a browser asks before it sends: the server answers that itself, without looking at the path. */
export const isPreflight = (request: WireRequest): boolean =>
  request.method === "OPTIONS" && foreign(request) !== undefined

/** What allows a page to read an answer. */
const readable = (request: WireRequest, rules: Rules, vary: string): Readonly<Record<string, string>> => {
  const origin = foreign(request)
  if (origin === undefined || refuses(request, rules)) return {}
  return allowsAll(rules) ? { "access-control-allow-origin": "*" } : { "access-control-allow-origin": origin, vary }
}

export const preflight = (request: WireRequest, rules: Rules): WireAnswer => ({
  status: 204,
  headers: {
    ...preflightHeaders,
    ...readable(request, rules, "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
  },
  body: new Uint8Array(0)
})

/** An answer of the server itself. Pages of proxies (HTML) and what a fault makes of it stay as they are. */
export const answer = (request: WireRequest, rules: Rules, given: WireAnswer): WireAnswer =>
  /html/.test(given.headers["content-type"] ?? "")
    ? given
    : { ...given, headers: { ...readable(request, rules, "Origin"), ...given.headers } }
