/** All probes, side by side where none needs another, under one limit; and the report of what they found. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Policy from "../../policy/Policy.js"
import * as Timeouts from "../../policy/Timeouts.js"
import type { Options } from "../Doctor.js"
import * as Address from "./address.js"
import * as Asking from "./asking.js"
import type { Case } from "./case.js"
import * as Checks from "./checks.js"
import type { Facts } from "./facts.js"
import * as Judge from "./judge.js"
import * as Limits from "./limits.js"
import { isLoopback } from "./loopback.js"
import * as Models from "./models.js"
import * as Network from "./network.js"
import { CurrentProbes, type Probes } from "./probes.js"
import type { Report } from "./report.js"
import * as Secrets from "./secrets.js"
import * as Server from "./server.js"

const defaultLimit = Duration.seconds(15)
/** For what the machine knows without asking anybody. */
const glance = Duration.seconds(1)

type Found = { -readonly [K in keyof Facts]: Facts[K] }

const nothing = (read: Address.Read): Found => ({
  machine: { os: "unknown", wsl: false },
  address: read.facts,
  tcp: [],
  proxies: [],
  elsewhere: [],
  limits: []
})

const seen = <A>(finding: Effect.Effect<Option.Option<A>>): Effect.Effect<Option.Option<A>> =>
  Effect.map(Asking.atMost(Asking.unbroken(finding), glance), Option.flatten)

/** Headers that a report may repeat. */
const isHarmless = (name: string): boolean => /^(origin|accept|user-agent|content-type)$/i.test(name)

const plain = (value: string | Redacted.Redacted): string => (typeof value === "string" ? value : Redacted.value(value))

const secretsOf = ({ apiKey, headers = {}, host }: Options): ReadonlyArray<string> => {
  const values = Object.entries(headers).flatMap(([name, value]) =>
    isHarmless(name) && typeof value === "string" ? [] : [plain(value)]
  )
  return [
    ...(host === undefined ? [] : Secrets.ofAddress(host)),
    ...(apiKey === undefined ? [] : [Redacted.value(apiKey)]),
    ...values.flatMap((value) => [value, ...value.split(/\s+/).filter((part) => part.length >= 6)])
  ]
}

/** How long a load may take. */
const loadLimit = (policy: Policy.Policy): Duration.Duration =>
  Duration.millis(
    Timeouts.limits(policy.timeouts, { characters: 0, hasTools: false, isTransfer: false }).load ??
      Duration.toMillis("5 minutes")
  )

/** Writes what it finds as soon as it is known, so that what takes too long is all that is missing. */
const gather = (
  options: Options,
  policy: Policy.Policy,
  probes: Probes,
  address: NonNullable<Address.Read["address"]>,
  found: Found,
  secrets: Set<string>
): Effect.Effect<void, never, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function* () {
    const [machine, settings] = yield* Effect.all([seen(probes.machine), seen(probes.proxies(address.url))], {
      concurrency: "unbounded"
    })
    if (Option.isSome(machine)) found.machine = machine.value
    const proxies = Option.getOrElse(settings, () => [])
    for (const { address } of proxies) {
      for (const secret of Secrets.ofAddress(Redacted.value(address))) secrets.add(secret)
    }
    found.proxies = proxies.map((setting) => ({
      from: setting.from,
      address: Secrets.proxyAddress(setting),
      used: setting.used
    }))

    const models = (asking: Asking.Asking): Effect.Effect<void> =>
      Effect.gen(function* () {
        found.models = yield* Models.probe(asking, found.server?.kind === "cloud")
        const choice = Models.choose(found.models, options.model, options.call ?? "resident")
        if (choice !== undefined) found.call = yield* Models.call(asking, choice, loadLimit(policy))
      })

    const origin: Effect.Effect<void, never, HttpClient.HttpClient> =
      options.origin === undefined
        ? Effect.void
        : Effect.map(Server.origin(options, options.origin), (seen) => {
            if (Option.isSome(seen)) found.origin = seen.value
          })

    const server = Effect.flatMap(Asking.make(options), (asking) =>
      Effect.gen(function* () {
        found.server = yield* Server.probe(asking, address)
        if (Server.isOllama(found.server)) {
          const large = Effect.map(Server.large(asking), (seen) => {
            found.large = seen
          })
          yield* Effect.all([models(asking), origin, large], { concurrency: "unbounded", discard: true })
        }
      })
    ).pipe(
      Effect.catchAll((error) =>
        Effect.sync(() => {
          found.address = { ...found.address, problem: error.remedy }
        })
      )
    )

    yield* Effect.all(
      [
        server,
        Network.way(
          probes,
          address,
          proxies.some(({ used }) => used),
          (way) => Object.assign(found, way)
        ),
        Effect.map(Network.proxies(probes, proxies, address), (asked) => {
          found.proxies = asked
        })
      ],
      { concurrency: "unbounded", discard: true }
    )
    if (!Server.isOllama(found.server)) {
      found.elsewhere = yield* Server.nearby(Server.candidates(address, found.machine, found.tcp))
    }
  })

const caseOf = (options: Options, policy: Policy.Policy, read: Address.Read, facts: Facts): Case => {
  const { hostname = "", port = 11434, url = "" } = facts.address
  const { failure, model, records = [] } = options
  const isHere = isLoopback(hostname) || facts.tcp.some(({ place }) => place === "self")
  return {
    facts: { ...facts, limits: Limits.compare(policy, facts, facts.call?.model ?? model, records) },
    place: { machine: facts.machine, isHere, url, hostname, port },
    warning: read.warning,
    failure,
    records
  }
}

/** Whether it came to its end; a transport that breaks is no reason to keep back what was found before. */
const whole = <R>(gathering: Effect.Effect<void, never, R>): Effect.Effect<boolean, never, Exclude<R, Scope.Scope>> =>
  Effect.scoped(Effect.as(gathering, true)).pipe(
    Effect.catchAllDefect(() =>
      Effect.as(Effect.logWarning("The doctor's transport broke: what was to be asked after that is not known"), false)
    )
  )

export const run = (options: Options): Effect.Effect<Report, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const startedAt = yield* DateTime.now
    const probes = yield* CurrentProbes
    const policy = options.policy ?? Policy.defaults
    const read = Address.read(options.host)
    const found = nothing(read)
    const secrets = new Set(secretsOf(options))
    const limit =
      options.limit === undefined
        ? Duration.sum(defaultLimit, options.call === "load" ? loadLimit(policy) : Duration.zero)
        : Duration.decode(options.limit)
    const { address } = read
    const ended =
      address === undefined
        ? Option.some(true)
        : yield* Asking.atMost(whole(gather(options, policy, probes, address, found, secrets)), limit)
    const judged = caseOf(options, policy, read, Secrets.clean({ ...found }, Secrets.sorted(secrets)))
    const now = yield* DateTime.now
    const causes = Judge.causes(judged)
    const checks = Checks.all(judged, options.model, now)
    return {
      startedAt,
      took: DateTime.distanceDuration(startedAt, now),
      isComplete: Option.getOrElse(ended, () => false),
      verdict: Judge.verdict(causes, checks, options.failure),
      causes,
      checks,
      facts: judged.facts
    }
  })
