/**
 * What a web page can find out about a call that failed. Its fetch says the same few words whether nobody listens, the
 * server does not allow the page's origin, or the browser itself forbids the call; so the page asks again, with requests
 * of which less is expected.
 *
 * - A request without CORS (`mode: "no-cors"`) is answered by whoever is there: the page learns that, and nothing else.
 * - A plain request with CORS tells whether pages of this origin may read answers, without a preflight.
 * - The same with the headers of the call tells whether the preflight allows these.
 *
 * None of them carries a body; only the last has credentials.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Address from "./address.js"
import * as Answers from "./answers.js"
import type { Seed } from "./context.js"
import * as Endpoint from "./endpoint.js"
import type * as Host from "./host.js"
import { blocked, unreachable } from "./seed.js"

/** Where the program runs, when that is in a page or a worker of one. */
export interface Page {
  readonly origin: string
  readonly hostname: string
  /** Whether it came over TLS. */
  readonly isSecure: boolean
}

interface Global {
  readonly document?: unknown
  readonly WorkerGlobalScope?: unknown
  readonly location?: { readonly origin: string; readonly hostname: string; readonly protocol: string }
}

/** Whether fetch adds an Origin header by itself. */
export const isBrowser = (): boolean => {
  const { document, WorkerGlobalScope }: Global = globalThis
  return document !== undefined || WorkerGlobalScope !== undefined
}

const current = (): Page | undefined => {
  const { location }: Global = globalThis
  if (!isBrowser() || location === undefined) return undefined
  return { origin: location.origin, hostname: location.hostname, isSecure: location.protocol === "https:" }
}

/** All that Chromium, Safari and Firefox say of any failure. */
export const words = /^(Failed to fetch|Load failed|NetworkError when attempting to fetch resource\.?)$/

/** The page that a failure happened in, when it says no more than a browser does. */
export const silent = (chain: ReadonlyArray<string>): Page | undefined =>
  chain.some((text) => words.test(text)) ? current() : undefined

/** What a server has to be told to let pages of an origin call it. */
export const originRefused = (origin: string | undefined): Seed =>
  origin === undefined || origin === "null"
    ? blocked(
        "origin",
        "The server refuses the Origin of this page: make it a page of an address of its own (http://localhost:3000), and set OLLAMA_ORIGINS to that on the server"
      )
    : blocked(
        "origin",
        `The server does not allow pages of ${origin}: set OLLAMA_ORIGINS=${origin} where it runs, and restart it (a proxy before it must hand Origin and OPTIONS on)`
      )

/** What a preflight of Ollama allows (`server/routes.go`), and what it does not ask for. */
const allowedHeader =
  /^(accept|authorization|content-length|content-type|openai-beta|user-agent|x-requested-with|x-stainless-.*)$/

const headersRefused = (names: ReadonlyArray<string>): Seed =>
  blocked(
    "origin",
    `The server lets this page call, but not send ${names.join(", ") || "its headers"}: leave out headers of one's own (headers, propagateTrace), of which Ollama allows pages only Authorization`
  )

const insecure = (url: string): Seed =>
  blocked(
    "origin",
    `The browser forbids a page that came over https to call ${url}: serve Ollama over https (a proxy with a certificate), or the page over http`
  )

const perhapsKeptOut = unreachable(
  "refused",
  "Start Ollama, and check address and port (OLLAMA_HOST); the browser may also forbid this page to reach this machine or its network: serve the page over https, and allow local network access in its settings"
)

/** Of this machine or of its network. */
const isLocal = (hostname: string): boolean =>
  Address.isLoopback(hostname) ||
  /^(10|192\.168|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$|\.local$|^\[f[cde][0-9a-f]{2}:/.test(hostname)

const limit = "2 seconds"

/** Any answer. */
const answers = (
  host: Host.Host,
  request: HttpClientRequest.HttpClientRequest,
  init: RequestInit = {}
): Effect.Effect<boolean> => Effect.provideService(Answers.any(host, request, limit), FetchHttpClient.RequestInit, init)

interface Permissions {
  readonly navigator?: {
    readonly permissions?: {
      // a method, as the browser's own takes only the names of some permissions
      query(of: { readonly name: string }): Promise<{ readonly state: string }>
    }
  }
}

/** Whether the browser lets pages of this origin reach this machine and its network; Chromium asks for it, from 142 on. */
const localNetwork: Effect.Effect<string> = Effect.suspend(() => {
  const { navigator }: Permissions = globalThis
  const permissions = navigator?.permissions
  if (permissions === undefined) return Effect.succeed("unknown")
  return Effect.tryPromise(() => permissions.query({ name: "local-network-access" })).pipe(
    Effect.map(({ state }) => state),
    Effect.timeout(limit),
    // a browser that does not know the permission does not ask for it
    Effect.catchAllCause(() => Effect.succeed("unknown"))
  )
})

/** What the browser may forbid by itself; nothing more than that nobody answered where that is not so. */
const unanswered = (page: Page, { address }: Host.Host): Effect.Effect<Seed | "absent"> =>
  Effect.map(localNetwork, (permission) => {
    const isMixed = page.isSecure && address.scheme === "http" && !Address.isLoopback(address.hostname)
    if (isMixed && permission !== "granted") return insecure(address.url)
    const isAsked = permission === "denied" || permission === "prompt"
    return isAsked && !Address.isLoopback(page.hostname) && isLocal(address.hostname) ? perhapsKeptOut : "absent"
  })

/** What was found: why a browser or the server forbids the call, that somebody is there all the same, or nobody. */
export type Finding = Seed | "present" | "absent"

/**
 * Finds out why fetch failed in a page.
 *
 * @param headers of the request
 */
export const examine = (
  page: Page,
  host: Host.Host,
  headers: Readonly<Record<string, string>>
): Effect.Effect<Finding> =>
  Effect.gen(function* () {
    const plain = HttpClientRequest.get(`${host.address.url}${Endpoint.version.path}`)
    if (!(yield* answers(host, plain, { mode: "no-cors", cache: "no-store" }))) return yield* unanswered(page, host)
    if (!(yield* answers(host, plain))) return originRefused(page.origin)
    if (yield* answers(host, HttpClientRequest.setHeaders(plain, headers))) return "present"
    return headersRefused(Object.keys(headers).filter((name) => !allowedHeader.test(name)))
  })
