/** The way from a contestant to the servers: counts what is sent, and holds back what a parted network would. */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Attempt } from "./contestant.js"
import type { Scenario } from "./scenario.js"
import { idOf, type Server } from "./servers.js"
import type { Request } from "./traffic.js"

const decoder = new TextDecoder()

/** The text of the only message stands near the start of a body, and begins with the mark. */
const idIn = ({ body }: HttpClientRequest.HttpClientRequest): number | undefined => {
  if (body._tag !== "Uint8Array") return undefined
  const found = /"content":"(#\d+ )/.exec(decoder.decode(body.body.subarray(0, 500)))?.[1]
  return found === undefined ? undefined : idOf(found)
}

/** Waits while nothing comes through from this host. */
const healed = (scenario: Scenario, host: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const parted = scenario.outages?.find(
      ({ from, host: index, how, to }) => how === "hang" && index === host && now >= from * 1000 && now < to * 1000
    )
    if (parted === undefined) return Effect.void
    return Number.isFinite(parted.to) ? Effect.sleep(parted.to * 1000 - now) : Effect.never
  })

/** An answer that stands still while nothing comes through. What its reader says to the server comes through: it leaves at once. */
const held = (scenario: Scenario, host: number, response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const body = Stream.toReadableStreamRuntime(
      Stream.tap(response.stream, () => healed(scenario, host)),
      runtime
    )
    const { headers, status } = response
    return HttpClientResponse.fromWeb(response.request, new Response(body, { status, headers }))
  })

export interface Network {
  readonly http: HttpClient.HttpClient
  readonly attempts: ReadonlyArray<Attempt>
}

export const make = (
  scenario: Scenario,
  requests: ReadonlyArray<Request>,
  servers: ReadonlyArray<Server>,
  clock: Clock.Clock
): Effect.Effect<Network> =>
  Effect.sync(() => {
    const attempts: Array<Attempt> = []
    const indices = new Map(servers.map(({ address }, index) => [new URL(address).host, index]))
    const mayHang = new Set(scenario.outages?.flatMap(({ host, how }) => (how === "hang" ? [host] : [])))
    const wasStruck = new Set<number>()

    /** The first attempt of a request may be struck. */
    const strike = (id: number | undefined, { simulator }: Server): Effect.Effect<void> => {
      const index = id === undefined ? undefined : requests[id]!.struckBy
      if (id === undefined || index === undefined || wasStruck.has(id)) return Effect.void
      wasStruck.add(id)
      return simulator.inject({ ...scenario.struck![index]!.fault, path: "/api/chat", times: 1 })
    }

    const http = HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
      Effect.flatMap((request) =>
        Effect.suspend(() => {
          const index = indices.get(new URL(request.url).host)!
          const server = servers[index]!
          const id = idIn(request)
          if (id !== undefined) attempts.push({ id, host: index, at: clock.unsafeCurrentTimeMillis() })
          // the servers' clocks are not those of the clients
          const sent = Effect.withClock(Effect.zipRight(strike(id, server), server.client.execute(request)), clock)
          if (!mayHang.has(index)) return sent
          return Effect.flatMap(
            Effect.tap(sent, () => healed(scenario, index)),
            (response) => held(scenario, index, response)
          )
        })
      ),
      Effect.succeed
    )
    return { http, attempts }
  })
