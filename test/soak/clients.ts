/** Clients of different policies on one server, with everything that they send counted on its way. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { OllamaClient, Policy } from "effect-ollama"
import type { OllamaSimulator } from "effect-ollama/testing"
import { idOf } from "./plan.js"

const everything = {
  throttle: {},
  hedging: { after: "2 seconds" },
  fallback: [{ model: "beta" }, { host: "http://spare:11434" }],
  concurrency: { limit: 6, queue: 40, admission: {} },
  retry: { whileOffline: "wait", offlineLimit: "1 minute" }
} satisfies Policy.Patch

const patches = {
  plain: {},
  throttled: { throttle: {} },
  hedged: { hedging: { after: "1 second", max: 2 } },
  fallingBack: { fallback: [{ model: "beta" }] },
  waiting: { retry: { whileOffline: "wait", offlineLimit: "1 minute" } },
  bounded: { concurrency: { limit: 3, queue: 10, admission: {} } },
  everything
} satisfies Readonly<Record<string, Policy.Patch>>

export type Name = keyof typeof patches

export const names: readonly [Name, ...ReadonlyArray<Name>] = [
  "plain",
  "throttled",
  "hedged",
  "fallingBack",
  "waiting",
  "bounded",
  "everything"
]

/** Something that left a client. */
export interface Sent {
  /** The header by which the server's side of it is found. */
  readonly index: number
  readonly client: string
  readonly path: string
  /** The call it is for; nothing for what a client asks on its own account. */
  readonly id: number | undefined
  readonly model: string | undefined
  /** Milliseconds on Clock. */
  readonly at: number
  /** Whether there was a server to see it. */
  readonly wasUp: boolean
}

/** The way from the clients to the server. */
export interface Wire {
  readonly sent: Array<Sent>
  isUp: boolean
  /** Requests that were sent and not answered, broken or left. */
  open: number
  /** What was sent and left, and had its load thrown away for it. */
  readonly threwAway: Array<number>
  /** Loads that were thrown away until now. */
  aborted: number
}

export const header = "x-soak-sent"

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): string =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""

/** Learns of loads that were thrown away in this moment. */
const thrown = (wire: Wire, simulator: OllamaSimulator.Service, index: number): Effect.Effect<void> =>
  Effect.map(simulator.state, ({ loads }) => {
    for (; wire.aborted < loads.aborted; wire.aborted++) wire.threwAway.push(index)
  })

/** A transport that counts. */
const counted =
  (wire: Wire, client: string, simulator: OllamaSimulator.Service) =>
  (transport: HttpClient.HttpClient): HttpClient.HttpClient =>
    HttpClient.make((request) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const body = bodyOf(request)
        const { pathname } = new URL(request.url)
        const index = wire.sent.length
        const model = /"model":"([^"]*)"/.exec(body)?.[1]
        wire.sent.push({ index, client, path: pathname, id: idOf(body), model, at, wasUp: wire.isUp })
        wire.open++
        return Effect.ensuring(
          Effect.onInterrupt(transport.execute(HttpClientRequest.setHeader(request, header, String(index))), () =>
            thrown(wire, simulator, index)
          ),
          Effect.sync(() => {
            wire.open--
          })
        )
      })
    )

export interface Client {
  readonly name: Name
  readonly service: OllamaClient.Service
  /** Another policy from now on. */
  readonly become: (patch: Policy.Patch) => Effect.Effect<void>
}

// thousands of calls are slow here, and each would be told in the log
const policyOf = (patch: Policy.Patch): Policy.Policy => Policy.merge(Policy.make({ slow: { log: false } }), patch)

export const make = (name: Name, transport: HttpClient.HttpClient, simulator: OllamaSimulator.Service, wire: Wire) =>
  Effect.gen(function* () {
    const changes = yield* Queue.unbounded<Policy.Policy>()
    const service = yield* OllamaClient.make({
      policy: policyOf(patches[name]),
      policyChanges: Stream.fromQueue(changes),
      transformClient: counted(wire, name, simulator)
    }).pipe(Effect.provideService(HttpClient.HttpClient, transport))
    const client: Client = {
      name,
      service,
      become: (patch) => Effect.asVoid(Queue.offer(changes, policyOf(patch)))
    }
    return client
  })
