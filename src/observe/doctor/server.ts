/** What answers at the address, and at others nearby. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Internal from "../../internal/address.js"
import { defined } from "../../internal/defined.js"
import type * as OllamaConfig from "../../OllamaConfig.js"
import type * as OllamaError from "../../OllamaError.js"
import { withoutSecrets } from "./address.js"
import * as Asking from "./asking.js"
import type { Large, Machine, Origin, Server, Tcp } from "./facts.js"
import { isLoopback } from "./loopback.js"

const answerLimit = Duration.seconds(5)
/** Whatever a transport does besides: its connect timer, and the look whether a port speaks TLS. */
const probeLimit = Duration.seconds(7)
const nearbyLimit = Duration.seconds(2)

/** What a failure says of its reason: one word. */
export const reasonOf = (error: OllamaError.OllamaError): string | undefined => {
  switch (error._tag) {
    case "Unreachable":
      return error.reason
    case "Blocked":
    case "Overloaded":
      return error.by
    case "InvalidRequest":
      return error.issue
    case "Timeout":
      return error.phase
    default:
      return undefined
  }
}

const kindOf = (error: OllamaError.OllamaError): Server["kind"] => {
  switch (error._tag) {
    case "Blocked":
      return error.by === "captivePortal" ? "captivePortal" : error.by === "firewall" ? "none" : "refusing"
    case "Unauthorized":
      return "refusing"
    case "Overloaded":
      return "gateway"
    case "Unreachable":
      return error.reason === "gateway" && error.status !== undefined ? "gateway" : "none"
    case "Timeout":
      return "none"
    default:
      return "other"
  }
}

/** An answer that took longer is asked for again: a lost packet is not a slow host. */
const slow = Duration.seconds(1)

const once = (asking: Asking.Asking, address: Internal.Address): Effect.Effect<Server> =>
  Effect.map(
    Asking.atMost(Asking.timed(Effect.either(asking.client.version(Asking.within(answerLimit)))), probeLimit),
    (found): Server => {
      const head = asking.head()
      const seen = defined({
        status: head?.status,
        software: head?.software,
        location: head?.location === undefined ? undefined : withoutSecrets(head.location)
      })
      if (Option.isNone(found)) {
        const failure = { tag: "Timeout", reason: "response", remedy: "Restart the server, or raise the limit" }
        return { kind: "none", ...seen, failure, took: probeLimit }
      }
      const [took, result] = found.value
      return Either.match(result, {
        onRight: ({ version }): Server => ({
          kind: version.endsWith("-simulator") ? "simulator" : Internal.isCloud(address) ? "cloud" : "ollama",
          ...seen,
          version,
          took
        }),
        onLeft: (error): Server => ({
          kind: kindOf(error),
          ...seen,
          // a page's title
          ...defined({ title: error.status === undefined || error.status < 300 ? undefined : error.detail }),
          failure: defined({
            tag: error._tag,
            reason: reasonOf(error),
            code: error.cause?.code,
            remedy: error.remedy
          }),
          took
        })
      })
    }
  )

/** How often it is asked for at the most, and until when. */
const repeats = 3
const patience = Duration.seconds(6)

/** Asks for the version; of several answers the quickest counts. */
export const probe = (asking: Asking.Asking, address: Internal.Address): Effect.Effect<Server> => {
  const best = (before: Server, nth: number, spent: Duration.Duration): Effect.Effect<Server> =>
    nth === repeats ||
    !isOllama(before) ||
    Duration.lessThanOrEqualTo(before.took, slow) ||
    Duration.greaterThan(spent, patience)
      ? Effect.succeed(before)
      : Effect.flatMap(once(asking, address), (next) =>
          best(
            isOllama(next) && Duration.lessThan(next.took, before.took) ? next : before,
            nth + 1,
            Duration.sum(spent, next.took)
          )
        )
  return Effect.flatMap(once(asking, address), (first) => best(first, 1, first.took))
}

const largeLimit = Duration.seconds(3)
/** More than the packets of any usual network hold, and less than any limit on requests but the strictest. */
const largeSize = 8192

const arrived = {
  onRight: (): Large["outcome"] => "answered",
  onLeft: (error: OllamaError.OllamaError): Large["outcome"] =>
    error._tag === "Timeout"
      ? "lost"
      : error._tag === "ModelNotFound"
        ? "answered"
        : error._tag === "InvalidRequest" && error.issue === "tooLarge"
          ? "tooLarge"
          : "failed"
}

/** Asks for something that is not there, at length: answered at once where long requests arrive. */
export const large = ({ client }: Asking.Asking): Effect.Effect<Large> =>
  Effect.map(
    Asking.atMost(
      Asking.timed(
        Effect.either(
          client.show({ model: "effect-ollama-doctor", system: "x".repeat(largeSize) }, Asking.within(largeLimit))
        )
      ),
      largeLimit
    ),
    Option.match({
      onNone: (): Large => ({ bytes: largeSize, outcome: "lost", took: largeLimit }),
      onSome: ([took, result]): Large => ({ bytes: largeSize, outcome: Either.match(result, arrived), took })
    })
  )

/** Whether it is the server itself that answers. */
export const isOllama = (server: Server | undefined): boolean =>
  server !== undefined && (server.kind === "ollama" || server.kind === "simulator" || server.kind === "cloud")

/** Asks once more, as a page of this origin would. */
export const origin = (
  config: OllamaConfig.OllamaConfig,
  from: string
): Effect.Effect<Option.Option<Origin>, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const asking = yield* Asking.make({ ...config, headers: { ...config.headers, origin: from } })
    const result = yield* Effect.either(asking.client.version(Asking.within(answerLimit)))
    if (Either.isRight(result)) return Option.some({ origin: from, allowed: true })
    const { left: error } = result
    return error._tag === "Blocked"
      ? Option.some(defined({ origin: from, allowed: false, status: error.status }))
      : Option.none()
  }).pipe(
    Effect.scoped,
    // an origin that no header can have
    Effect.catchAll(() => Effect.succeedNone),
    (effect) => Asking.atMost(effect, probeLimit),
    Effect.map(Option.flatten)
  )

/** Where else it may be: what was meant, by the mistakes that people make. */
export const candidates = (
  address: Internal.Address,
  machine: Machine,
  tcp: ReadonlyArray<Tcp>
): ReadonlyArray<string> => {
  const { hostname, path, port, scheme, url } = address
  const at = (host: string, on: number = port, with_: string = scheme): string => `${with_}://${host}:${on}`
  const found: Array<string> = []
  if (path !== "") found.push(at(hostname))
  if (port !== 11434) found.push(at(hostname, 11434, "http"))
  found.push(at(hostname, port, scheme === "http" ? "https" : "http"))
  if (isLoopback(hostname)) {
    found.push(at("127.0.0.1"), at("[::1]"))
    if (machine.container !== undefined || machine.wsl) found.push(at("host.docker.internal"))
    if (machine.container === "podman") found.push(at("host.containers.internal"))
  } else if (tcp.some(({ place }) => place === "self")) found.push(at("127.0.0.1"))
  return [...new Set(found)].filter((candidate) => candidate !== url)
}

/** Those of these addresses at which Ollama answers. Credentials do not go there. */
export const nearby = (
  addresses: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>, never, HttpClient.HttpClient> =>
  Effect.map(
    Effect.forEach(
      addresses,
      (host) =>
        Asking.make({ host }).pipe(
          Effect.flatMap(({ client }) => client.version(Asking.within(nearbyLimit))),
          Effect.scoped,
          Effect.as(true),
          // it is not there
          Effect.orElseSucceed(() => false),
          (effect) => Asking.atMost(effect, nearbyLimit),
          Effect.map((answers) => (Option.getOrElse(answers, () => false) ? [host] : []))
        ),
      { concurrency: "unbounded" }
    ),
    (found) => found.flat()
  )
