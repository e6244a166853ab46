/** Two small questions to a host: its version, and what it has in memory. They load nothing, and no policy counts them. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { RunningModel } from "../../api/Model.js"
import { IsProbe } from "../../client/hub.js"
import * as Address from "../../internal/address.js"
import { defined } from "../../internal/defined.js"
import type * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaError from "../../OllamaError.js"
import { span } from "../doctor/words.js"
import type { Sight } from "./reading.js"
import type { Resident } from "./state.js"

/** Nothing but the limit of the probe. */
const alone = (host: string, limit: Duration.Duration): OllamaClient.CallOptions => ({
  host,
  policy: {
    timeouts: { connect: "none", load: "none", firstToken: limit, gap: "none", total: limit },
    retry: { attempts: 1, whileOffline: "fail" },
    budget: "off",
    breaker: "off",
    concurrency: "off",
    throttle: "off",
    hedging: "off",
    fallback: []
  }
})

const isLate = (error: OllamaError.OllamaError): boolean => error._tag === "Timeout" && error.phase !== "connect"

const hadNoConnection = (error: OllamaError.OllamaError): boolean =>
  error._tag === "Timeout" ? error.phase === "connect" : error._tag === "Unreachable" && error.status === undefined

/** In few words. */
const shortly = (error: OllamaError.OllamaError): string => {
  switch (error._tag) {
    case "Unreachable":
      return `${error._tag} (${error.reason}).`
    case "Blocked":
    case "Overloaded":
      return `${error._tag} (${error.by}).`
    case "Timeout":
      return `no answer within ${span(error.limit)}.`
    default:
      return `${error._tag}.`
  }
}

const resident = ({ context_length, expires_at, name, size, size_vram }: RunningModel): Resident =>
  defined({ name, size, sizeVram: size_vram, context: context_length, expiresAt: expires_at })

const isCloud = (host: string): boolean =>
  Either.match(Address.parse(host), { onLeft: () => false, onRight: Address.isCloud })

/** A client that knows one server refuses to ask another one: that says nothing of it. */
const isNotAsked = (error: OllamaError.OllamaError): boolean =>
  error._tag === "InvalidRequest" && error.field === "host"

/** Asks both at once, and tells what each says as soon as it is known. */
export const look = (
  client: OllamaClient.Service,
  host: string,
  limit: Duration.Duration,
  onSeen: (sight: Sight) => Effect.Effect<void>
): Effect.Effect<void> => {
  const options = alone(host, limit)
  const version = Effect.flatMap(Clock.currentTimeMillis, (from) =>
    Effect.matchEffect(client.version(options), {
      onSuccess: ({ version }) =>
        Effect.flatMap(Clock.currentTimeMillis, (to) =>
          onSeen({ _tag: "Answered", version, latency: Duration.millis(to - from) })
        ),
      onFailure: (error) =>
        isNotAsked(error)
          ? Effect.void
          : onSeen({ _tag: "Missed", connected: !hadNoConnection(error), why: shortly(error) })
    })
  )
  const models = Effect.matchEffect(client.running(options), {
    onSuccess: ({ models }) => Effect.asVoid(onSeen({ _tag: "Listed", models: models.map(resident) })),
    onFailure: (error) =>
      Effect.succeed<Sight | undefined>(
        isNotAsked(error) ? undefined : { _tag: "NotListed", late: isLate(error), limit: span(limit) }
      )
  })
  // that it does not say what is in memory means something else where it says nothing at all
  const both = Effect.flatMap(Effect.all([models, version], { concurrency: "unbounded" }), ([notListed]) =>
    notListed === undefined ? Effect.void : onSeen(notListed)
  )
  return Effect.provideService(isCloud(host) ? version : both, IsProbe, true)
}
