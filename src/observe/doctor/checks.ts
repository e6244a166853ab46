/** A line for each thing that was looked at. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import { defined } from "../../internal/defined.js"
import type { Case } from "./case.js"
import type { Facts, Proxy, Server, Tcp, Tls } from "./facts.js"
import * as Models from "./models.js"
import * as Remedies from "./remedies.js"
import type { Check, CheckName, Fix } from "./report.js"
import { isOllama } from "./server.js"
import * as Versions from "./versions.js"
import { bytes, counted, listed, sentence, span } from "./words.js"

type Line = Omit<Check, "name">

const line = (
  status: Check["status"],
  text: string,
  took?: Duration.Duration,
  fixes: ReadonlyArray<Fix> = []
): Line => ({
  status,
  text,
  fixes,
  ...defined({ took })
})

const skipped = (text: string): Line => line("skipped", text)
const unknown = (text: string): Line => line("unknown", text)

/** What cannot be used of the options: the address, a header, a proxy, a certificate authority. */
const unusable = ({ facts, failure }: Case): string | undefined =>
  facts.address.problem ?? (failure?._tag === "InvalidRequest" && failure.endpoint === "" ? failure.remedy : undefined)

const address = (judged: Case): Line => {
  const { facts, place, warning } = judged
  const { notes, url } = facts.address
  const problem = unusable(judged)
  if (problem !== undefined) return line("failed", problem, undefined, [Remedies.correctAddress(place)])
  const all = [`${url}.`, ...notes, ...(warning === undefined ? [] : [warning])].join(" ")
  return line(warning === undefined ? "ok" : "warning", all)
}

const throughProxy = ({ proxies }: Facts): Proxy | undefined => proxies.find(({ used }) => used)

const dns = ({ facts }: Case): Line => {
  const { dns } = facts
  if (throughProxy(facts) !== undefined) return skipped("The proxy looks up the name.")
  if (dns === undefined) return unknown("Names cannot be looked up from here.")
  if (dns.addresses.length === 0) {
    return line("failed", `${dns.hostname} has no address${dns.code === undefined ? "" : ` (${dns.code})`}.`, dns.took)
  }
  return line("ok", `${dns.hostname} is ${listed(dns.addresses.map(({ address }) => address))}.`, dns.took)
}

const outcomes: Readonly<Record<Tcp["outcome"], string>> = {
  connected: "connected",
  refused: "refused",
  dropped: "no answer",
  unroutable: "no way there",
  forbidden: "forbidden by this machine",
  exhausted: "impossible: this machine has no port or file left for it",
  failed: "failed"
}

const attempt = ({ address, code, outcome, port, took }: Tcp): string =>
  `${address.includes(":") ? `[${address}]` : address}:${port} ${outcomes[outcome]} (${code === undefined ? "" : `${code}, `}${span(took)})`

const tcp = ({ facts }: Case): Line => {
  const { tcp } = facts
  if (throughProxy(facts) !== undefined) return skipped("Calls go through a proxy.")
  if (tcp.length === 0) {
    return facts.dns?.addresses.length === 0
      ? skipped("There is no address.")
      : unknown("Connections cannot be tried from here.")
  }
  const good = tcp.filter(({ outcome }) => outcome === "connected").length
  return line(
    good === tcp.length ? "ok" : good > 0 ? "warning" : "failed",
    `${tcp.map(attempt).join("; ")}.`,
    Duration.max(...longest(tcp))
  )
}

const longest = (tcp: ReadonlyArray<Tcp>): readonly [Duration.Duration, Duration.Duration] => {
  const most = tcp.reduce((most, { took }) => Duration.max(most, took), Duration.zero)
  return [most, most]
}

const soon = Duration.days(14)

const tls = ({ facts }: Case, now: DateTime.Utc): Line => {
  const { address, tls } = facts
  if (address.url?.startsWith("https://") !== true) return skipped("The address is http.")
  if (tls === undefined) return unknown("Certificates cannot be looked at from here.")
  return line(tls.trusted ? (ends(tls, now) ? "warning" : "ok") : "failed", certificate(tls), tls.took)
}

const ends = ({ validTo }: Tls, now: DateTime.Utc): boolean =>
  validTo !== undefined && DateTime.lessThan(validTo, DateTime.addDuration(now, soon))

const certificate = ({ code, fault, issuer, names, protocol, trusted, validTo }: Tls): string => {
  const parts = [
    trusted ? `Trusted${protocol === undefined ? "" : `, ${protocol}`}` : `Not trusted: ${fault ?? "other"}`,
    ...(code === undefined ? [] : [code]),
    ...(names.length === 0 ? [] : [`for ${listed(names)}`]),
    ...(issuer === undefined ? [] : [`signed by ${issuer}`]),
    ...(validTo === undefined ? [] : [`valid until ${DateTime.formatIsoDateUtc(validTo)}`])
  ]
  return `${parts.join(", ")}.`
}

const answers: Readonly<Record<NonNullable<Proxy["answer"]>["outcome"], string>> = {
  answers: "answers",
  wantsCredentials: "wants a name and a password",
  refuses: "refuses",
  noWay: "has no way to the server",
  unreachable: "cannot be reached",
  failed: "cannot be used"
}

const proxy = ({ facts }: Case): Line => {
  const { proxies } = facts
  if (proxies.length === 0) return skipped("No proxy is set, or none can be seen from here.")
  const shown = proxies.map(({ address, answer, from, used }) =>
    used
      ? `${from} ${address} is used, and ${answer === undefined ? "was not asked" : answers[answer.outcome]}`
      : `${from} ${address} is set, and not used for this address`
  )
  const bad = proxies.some(({ answer }) => answer !== undefined && answer.outcome !== "answers")
  return line(bad ? "failed" : "ok", `${shown.join("; ")}.`)
}

const failing = ({ failure, status }: Server): string => {
  const why =
    failure === undefined
      ? ""
      : [failure.tag, failure.reason, failure.code].filter((text) => text !== undefined).join(", ")
  return status === undefined ? `No answer (${why}).` : `${status} (${why}).`
}

const http = ({ facts }: Case): Line => {
  const { server } = facts
  if (server === undefined) return skipped("There is nothing to ask.")
  if (server.failure === undefined) {
    return line("ok", `GET /api/version answered ${server.status ?? 200} in ${span(server.took)}.`, server.took)
  }
  return line("failed", failing(server), server.took)
}

const kinds: Readonly<Record<Server["kind"], string>> = {
  ollama: "It is Ollama",
  cloud: "It is Ollama's cloud",
  simulator: "It is the simulator of effect-ollama, not a real server",
  gateway: "It is a proxy, without Ollama behind it",
  captivePortal: "It is a web page, not Ollama",
  refusing: "It refuses every call",
  other: "It is a server, but not Ollama",
  none: "Nothing answers"
}

const server = ({ facts }: Case): Line => {
  const { server } = facts
  if (server === undefined) return skipped("There is nothing to ask.")
  const front = server.software === undefined ? "" : ` (in front of it, or in its place: ${server.software})`
  if (server.kind === "refusing" && server.failure?.tag === "Unauthorized") {
    return line("failed", `It wants credentials (${server.status ?? 401})${front}.`, undefined, [Remedies.credentials])
  }
  const status = isOllama(server) ? (server.kind === "simulator" ? "warning" : "ok") : "failed"
  return line(status, `${kinds[server.kind]}${front}.`)
}

const version = ({ facts, place }: Case): Line => {
  const version = facts.server?.version
  if (version === undefined) return skipped("No version is known.")
  const age = Versions.age(version)
  if (age === undefined) return line("ok", `${version}: a development build.`)
  const { defects, missing } = age
  if (defects.length + missing.length === 0) return line("ok", `${version}.`)
  const lacks = missing.length === 0 ? [] : [`too old for ${listed(missing, 8)}`]
  const status = defects.length > 0 ? "warning" : "ok"
  return line(status, `${version}: ${[...lacks, ...defects].join("; ")}.`, undefined, [Remedies.upgrade(place)])
}

const origin = ({ facts }: Case): Line => {
  const { origin } = facts
  if (facts.server?.kind === "refusing" && facts.server.failure?.reason === "hostHeader") {
    return line("failed", `It does not take calls for the name ${facts.address.hostname ?? ""} (403, the header Host).`)
  }
  if (origin === undefined) return skipped("No web page was named.")
  return line(
    origin.allowed ? "ok" : "failed",
    origin.allowed
      ? `Pages of ${origin.origin} may call it.`
      : `Pages of ${origin.origin} are refused (${origin.status ?? 403}).`
  )
}

/** @param wanted the model that was asked about */
const models = ({ facts }: Case, wanted: string | undefined): Line => {
  const { models } = facts
  if (models === undefined) return skipped("There is no server to ask.")
  const { installed, loaded } = models
  if (installed === undefined) return unknown("It did not say which models are installed.")
  const inMemory =
    loaded === undefined ? "" : `, ${loaded.length === 0 ? "none" : listed(loaded.map(({ name }) => name))} in memory`
  const all = `${counted(installed.length, "model")} installed${inMemory}.`
  if (wanted !== undefined && !installed.some(({ name }) => Models.same(name, wanted))) {
    return line("failed", `${wanted} is not installed. ${all}`, undefined, [
      { where: "server", text: `Pull ${wanted}.`, commands: [{ on: "Shell", lines: [`ollama pull ${wanted}`] }] }
    ])
  }
  if (installed.length === 0) return line("warning", "No model is installed.")
  return line("ok", all)
}

const memory = ({ facts }: Case): Line => {
  const { models } = facts
  if (models === undefined) return skipped("There is no server to ask.")
  if (models.psBlocked)
    return line("warning", "It does not say what is in memory: it loads or evicts a model just now.")
  if (models.loaded === undefined) return unknown("It did not say what is in memory.")
  if (models.loaded.length === 0) return line("ok", "No model is in memory: the next call loads one.")
  const parts = models.loaded.map(({ name, size, sizeVram }) => {
    const share = size === 0 ? 1 : sizeVram / size
    return {
      text: `${name} ${bytes(size)}, ${share >= 1 ? "on the GPU" : share === 0 ? "on the CPU" : `${Math.round(share * 100)} % on the GPU`}`,
      isPartly: share > 0 && share < 1
    }
  })
  const isPartly = parts.some((part) => part.isPartly)
  return line(
    isPartly ? "warning" : "ok",
    `${parts.map(({ text }) => text).join("; ")}.`,
    undefined,
    isPartly
      ? [
          Remedies.advice(
            "here",
            "What does not fit on the GPU is slow: lower num_ctx, take a smaller model or quantization, or unload others."
          )
        ]
      : []
  )
}

const load = ({ facts }: Case): Line => {
  const { call, limits } = facts
  if (call !== undefined && !call.resident && call.loading !== undefined) {
    const rate = call.loadRate === undefined ? "" : ` (${bytes(call.loadRate)} a second)`
    return call.outcome === "success"
      ? line("ok", `${call.model} was loaded in ${span(call.loading)}${rate}.`, call.loading)
      : line("failed", `${call.model} was not loaded after ${span(call.loading)}: ${call.outcome}.`, call.loading)
  }
  const known = limits.find(({ clock, measured }) => clock === "load" && measured !== undefined)
  return known === undefined
    ? unknown("No load was measured: that needs leave to load a model.")
    : line("ok", `${sentence(known.text)}.`)
}

const queue = ({ facts }: Case): Line => {
  const { call } = facts
  if (call === undefined) return unknown("No call was made: no model that may be called is in memory.")
  if (call.outcome !== "success") {
    return line(
      "failed",
      `A call of one token of ${call.model} ended as ${call.outcome} after ${span(call.took)}.`,
      call.took
    )
  }
  const parts = [
    ...(call.queued === undefined ? [] : [`waiting ${span(call.queued)}`]),
    ...(call.prompt === undefined ? [] : [`prompt ${span(call.prompt)}`]),
    ...(call.generating === undefined ? [] : [`token ${span(call.generating)}`])
  ]
  const isLong = call.queued !== undefined && Duration.toMillis(call.queued) >= 1000
  return line(
    isLong ? "warning" : "ok",
    `A call of one token of ${call.model} took ${span(call.took)}${parts.length === 0 ? "" : ` (${parts.join(", ")})`}.`,
    call.took
  )
}

const limits = ({ facts }: Case): Line => {
  const short = facts.limits.filter(({ fits }) => fits === "no")
  const tight = facts.limits.filter(({ fits }) => fits === "tight")
  const known = facts.limits.filter(({ limit, measured }) => limit !== undefined && measured !== undefined)
  const texts = [...short, ...tight, ...known.filter(({ fits }) => fits === "yes")]
  if (texts.length === 0) return unknown("Nothing was measured that the limits of the policy apply to.")
  const text = texts.map(({ text }) => `${sentence(text)}.`).join(" ")
  return line(short.length > 0 ? "failed" : tight.length > 0 ? "warning" : "ok", text)
}

export const all = (judged: Case, wanted: string | undefined, now: DateTime.Utc): ReadonlyArray<Check> => {
  const lines: Readonly<Record<CheckName, Line>> = {
    address: address(judged),
    dns: dns(judged),
    tcp: tcp(judged),
    tls: tls(judged, now),
    proxy: proxy(judged),
    http: http(judged),
    server: server(judged),
    version: version(judged),
    origin: origin(judged),
    models: models(judged, wanted),
    memory: memory(judged),
    load: load(judged),
    queue: queue(judged),
    limits: limits(judged)
  }
  return Object.entries(lines).map(([name, line]) => ({ name: name as CheckName, ...line }))
}
