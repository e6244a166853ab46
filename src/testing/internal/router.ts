/** Which handler answers which request, and what is answered when none does. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as account from "./account.js"
import * as catalog from "./catalog.js"
import * as cors from "./cors.js"
import * as embedding from "./embedding.js"
import type { Exchange, Route } from "./exchange.js"
import * as generation from "./generation.js"
import * as json from "./json.js"
import * as transfer from "./transfer.js"
import type { WireAnswer, WireRequest } from "./types.js"

type Methods = Readonly<Record<string, Route>>

const routes: Readonly<Record<string, Methods>> = {
  "/": { GET: account.root, HEAD: account.root },
  "/api/version": { GET: account.version, HEAD: account.version },
  "/api/status": { GET: account.status },
  "/api/tags": { GET: catalog.list, HEAD: catalog.list },
  "/api/ps": { GET: catalog.running },
  "/api/show": { POST: catalog.show },
  "/api/generate": { POST: generation.generate },
  "/api/chat": { POST: generation.chat },
  "/api/embed": { POST: embedding.embed },
  "/api/embeddings": { POST: embedding.embeddings },
  "/api/create": { POST: transfer.create },
  "/api/copy": { POST: catalog.copy },
  "/api/delete": { DELETE: catalog.remove },
  "/api/pull": { POST: transfer.pull },
  "/api/push": { POST: transfer.push },
  "/api/me": { POST: account.me },
  "/api/signout": { POST: account.signOut },
  "/api/experimental/web_search": { POST: account.webSearch },
  "/api/experimental/web_fetch": { POST: account.webFetch },
  "/api/experimental/model-recommendations": { GET: account.recommendations }
}

const blobs: Methods = { POST: catalog.uploadBlob, HEAD: catalog.hasBlob }

/** Only on ollama.com itself. */
const cloud: Readonly<Record<string, Methods>> = {
  "/api/web_search": { POST: account.cloudSearch },
  "/api/web_fetch": { POST: account.cloudFetch }
}

const methodsOf = ({ host, path }: WireRequest): Methods | undefined => {
  if (path.startsWith("/api/blobs/")) return blobs
  if (path.startsWith("/api/user/keys/")) return { DELETE: account.signOut }
  return routes[path] ?? (/^ollama\.com(:\d+)?$/.test(host) ? cloud[path] : undefined)
}

const movedTo = (request: WireRequest): string | undefined => {
  const clean = request.path.replace(/\/{2,}/g, "/")
  const known = clean.length > 1 && clean.endsWith("/") && routes[clean.slice(0, -1)] !== undefined
  const target = known ? clean.slice(0, -1) : clean
  return target === request.path ? undefined : `${target}${request.query}`
}

const moved = (request: WireRequest, location: string): WireAnswer => ({
  status: request.method === "GET" && !request.path.includes("//") ? 301 : 307,
  headers: { location, "content-length": "0" },
  body: new Uint8Array(0)
})

/** The answer of the server to anything; errors are answers. */
export const route = (exchange: Exchange): Effect.Effect<WireAnswer, never, Scope.Scope> =>
  Effect.suspend(() => {
    const { request, server } = exchange
    const { options } = server
    if (cors.refuses(request, options)) return Effect.succeed(json.empty(403))
    if (cors.isPreflight(request)) return Effect.succeed(cors.preflight(request, options))
    if (!server.allowsHost(request.host)) return Effect.succeed(json.empty(403))
    const location = movedTo(request)
    if (location !== undefined) return Effect.succeed(moved(request, location))
    const methods = methodsOf(request)
    if (methods === undefined) return Effect.succeed(json.text(404, "404 page not found"))
    const handler = methods[request.method]
    if (handler === undefined) {
      const refused = json.text(405, "405 method not allowed")
      return Effect.succeed({ ...refused, headers: { ...refused.headers, allow: Object.keys(methods).join(", ") } })
    }
    return Effect.catchTag(handler(exchange), "Refusal", (refusal) => Effect.succeed(json.ofRefusal(refusal)))
  })
