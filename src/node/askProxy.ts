/** Asks a proxy for the way to a server, as calls do: by the whole address, or by a tunnel. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { defined } from "../internal/defined.js"
import type * as Doctor from "../observe/Doctor.js"
import type * as Proxy from "./proxy.js"
import * as Sockets from "./sockets.js"
import * as Tunnel from "./tunnel.js"
import { userAgent } from "./userAgent.js"

type Answer = Omit<Doctor.ProxyAnswer, "took">
type Way = Exclude<Proxy.Route, { readonly _tag: "direct" }>

const unreachable = (error: Error): Answer =>
  defined({
    outcome: "unreachable",
    code: "code" in error && typeof error.code === "string" ? error.code : undefined
  })

/** A page is the proxy's; what Ollama says of itself is JSON or nothing. */
const byStatus = (status: number, isPage: boolean): Answer["outcome"] => {
  if (status === 407) return "wantsCredentials"
  if (isPage && (status === 401 || status === 403)) return "refuses"
  return isPage && status >= 500 ? "noWay" : "answers"
}

const forwarded = ({ server }: Way, url: URL): Effect.Effect<Answer, Error, Scope.Scope> =>
  Effect.flatMap(Sockets.toProxy(server), (socket) =>
    Effect.async<Answer, Error>((resume) => {
      const credentials = Tunnel.authorization(server)
      const request = Http.request({
        createConnection: () => socket,
        method: "GET",
        path: `${url.href.replace(/\/$/, "")}/api/version`,
        headers: {
          host: url.host,
          "user-agent": userAgent,
          connection: "close",
          ...(credentials === undefined ? {} : { "proxy-authorization": credentials })
        }
      })
      request.once("error", (error) => resume(Effect.fail(error)))
      request.once("response", ({ headers, statusCode: status = 0 }) => {
        const isPage = /html/i.test(headers["content-type"] ?? "")
        resume(Effect.succeed({ outcome: byStatus(status, isPage), status }))
      })
      request.end()
      return Effect.sync(() => request.destroy())
    })
  )

const statusOf = ({ message }: Tunnel.ProxyFailed): number | undefined => {
  const status = /Proxy response \((\d+)\)/.exec(message)?.[1]
  return status === undefined ? undefined : Number(status)
}

const ofTunnel = (error: Tunnel.ProxyFailed): Answer => {
  const status = statusOf(error)
  if (status === undefined) return { outcome: "failed", code: error.code }
  const outcome = status === 407 ? "wantsCredentials" : status === 401 || status === 403 ? "refuses" : "noWay"
  return { outcome, status }
}

const tunneled = ({ server }: Way, url: URL): Effect.Effect<Answer, Error, Scope.Scope> =>
  Effect.flatMap(Sockets.toProxy(server), (socket) => {
    const isSecure = url.protocol === "https:"
    const target = {
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port)
    }
    return Effect.match(Tunnel.through(socket, server, target), {
      onSuccess: (): Answer => ({ outcome: "answers" }),
      onFailure: ofTunnel
    })
  })

export const ask = (way: Way, url: URL): Effect.Effect<Answer> =>
  (way._tag === "forward" ? forwarded(way, url) : tunneled(way, url)).pipe(
    Effect.scoped,
    Effect.catchAll((error) => Effect.succeed(unreachable(error)))
  )
