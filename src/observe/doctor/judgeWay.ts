/** Whether the server can be reached, and what on the way forbids it: from the name to the first answer. */
import * as Duration from "effect/Duration"
import { type Case, type Rule, say, type Statement } from "./case.js"
import type { Proxy, Tcp } from "./facts.js"
import * as Remedies from "./remedies.js"
import type { Fix } from "./report.js"
import { isOllama } from "./server.js"
import { listed, span } from "./words.js"

/** The system finds out that a neighbour is not there only after seconds; a router or firewall says so at once. */
const atOnce = Duration.seconds(1)

const usedProxy = ({ facts }: Case): Proxy | undefined => facts.proxies.find(({ used }) => used)

const target = ({ address, port }: Tcp): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`

/** The better address, where one was found. */
const elsewhere = ({ facts, place }: Case): ReadonlyArray<Fix> =>
  facts.elsewhere.slice(0, 1).map((url) => Remedies.useAddress(place, url))

const found = ({ facts }: Case): string =>
  facts.elsewhere.length === 0 ? "" : ` Ollama answers at ${listed(facts.elsewhere)}.`

const isInContainer = ({ facts, place }: Case): boolean => facts.machine.container !== undefined && place.isHere

const name: Rule = (judged) => {
  const { dns } = judged.facts
  if (dns === undefined || dns.addresses.length > 0 || usedProxy(judged) !== undefined) return []
  const { place } = judged
  const code = dns.code === undefined ? "" : ` (${dns.code})`
  return dns.code === "EAI_AGAIN" || dns.code === "ETIMEDOUT"
    ? [
        say(
          "unreachable",
          "yes",
          `No name server said within ${span(dns.took)} what ${dns.hostname} is${code}: this machine may be offline.`,
          Remedies.advice("network", "Check the network of this machine and its name server, or use an IP address.")
        )
      ]
    : [
        say(
          "unreachable",
          "yes",
          `The name ${dns.hostname} has no address${code}.${found(judged)}`,
          ...elsewhere(judged),
          ...(/^host\.(docker|containers)\.internal$/.test(dns.hostname) ? [Remedies.leaveContainer(place)] : []),
          Remedies.correctAddress(place)
        )
      ]
}

/** Nothing listens there. */
const refused = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => {
  const { place } = judged
  const own = tcp.place === "self"
  const fixes = [
    ...elsewhere(judged),
    ...(isInContainer(judged) ? [Remedies.leaveContainer(place)] : []),
    Remedies.start(place),
    ...(place.isHere && !own ? [] : own && !isLoopback(tcp.address) ? [Remedies.listenEverywhere(place)] : []),
    ...(place.isHere ? [] : [Remedies.listenEverywhere(place)])
  ]
  const statements = [
    say(
      "unreachable",
      "yes",
      `${target(tcp)} refused the connection after ${span(tcp.took)}: nothing listens there.${found(judged)}`,
      ...fixes
    )
  ]
  return own
    ? [...statements, say("blocked", "no", `${target(tcp)} answered, with a refusal: nothing swallows connections.`)]
    : [
        ...statements,
        say(
          "blocked",
          "unknown",
          `A firewall that rejects connections to ${target(tcp)} would look the same.`,
          Remedies.openFirewall(place)
        )
      ]
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1"

/** No answer at all. */
const dropped = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => {
  const { place } = judged
  const silence = `${target(tcp)} gave no answer to a connection within ${span(tcp.took)}`
  if (tcp.place === "self" || tcp.place === "onLink") {
    const where = tcp.place === "self" ? "this machine" : "a machine of this network that is there"
    return [
      say(
        "blocked",
        "yes",
        `${silence}, though it is ${where}: a firewall drops the packets.`,
        Remedies.openFirewall(place)
      ),
      say("unreachable", "unknown", "Whether Ollama runs behind the firewall cannot be seen from here.")
    ]
  }
  return [
    say(
      "unreachable",
      "yes",
      `${silence}: the machine is off, the address is another one's, or a firewall on the way drops the packets.${found(judged)}`,
      ...elsewhere(judged),
      Remedies.correctAddress(place),
      Remedies.advice("network", "Check that the machine is on, and the VPN or network that leads to it.")
    ),
    say(
      "blocked",
      "unknown",
      `${silence}, which is how a firewall that drops packets looks.`,
      Remedies.openFirewall(place)
    )
  ]
}

const unroutable = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => {
  const { place } = judged
  const code = tcp.code === undefined ? "" : ` (${tcp.code})`
  if ((tcp.place === "onLink" || tcp.place === "self") && Duration.lessThan(tcp.took, atOnce)) {
    return [
      say(
        "blocked",
        "yes",
        `Connections to ${target(tcp)} are turned away after ${span(tcp.took)}${code}, though it is in this network: a firewall rejects them.`,
        Remedies.openFirewall(place)
      ),
      say("unreachable", "unknown", "Whether Ollama runs behind the firewall cannot be seen from here.")
    ]
  }
  return [
    say(
      "unreachable",
      "yes",
      `No way leads to ${tcp.address}${code}, said after ${span(tcp.took)}.${found(judged)}`,
      ...elsewhere(judged),
      Remedies.correctAddress(place),
      Remedies.advice("network", "Check that the machine is on, and the VPN or network that leads to it.")
    ),
    say("blocked", "unknown", "A router or firewall that rejects would look the same.")
  ]
}

const forbidden = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => [
  say(
    "blocked",
    "yes",
    `This machine forbids the connection to ${target(tcp)} (${tcp.code ?? "forbidden"}).`,
    Remedies.allowProgram(judged.place)
  ),
  say("unreachable", "unknown", "Whether Ollama runs cannot be seen before that.")
]

const failed = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => [
  say(
    "unreachable",
    "yes",
    `The connection to ${target(tcp)} failed (${tcp.code ?? "no code"}).${found(judged)}`,
    ...elsewhere(judged),
    Remedies.correctAddress(judged.place)
  )
]

const byOutcome = { refused, dropped, unroutable, forbidden, failed }

/** What says most about the way comes first. */
const order = ["forbidden", "dropped", "refused", "unroutable", "failed"] as const

const connection: Rule = (judged) => {
  const { server, tcp } = judged.facts
  if (usedProxy(judged) !== undefined || isOllama(server)) return []
  if (tcp.length === 0 || tcp.some(({ outcome }) => outcome === "connected")) return []
  for (const outcome of order) {
    const first = tcp.find((one) => one.outcome === outcome)
    if (first !== undefined) return byOutcome[outcome](judged, first)
  }
  return []
}

const proxyTrouble: Rule = (judged) => {
  const proxy = usedProxy(judged)
  const { facts, place } = judged
  if (proxy?.answer === undefined || isOllama(facts.server)) return []
  const { address, answer, from } = proxy
  const code = answer.code ?? (answer.status === undefined ? undefined : String(answer.status))
  const shown = code === undefined ? "" : ` (${code})`
  const hidden = say("unreachable", "unknown", "Whether Ollama runs cannot be seen behind the proxy.")
  const says = (evidence: string, ...fixes: ReadonlyArray<Fix>): ReadonlyArray<Statement> => [
    say("blocked", "yes", evidence, ...fixes),
    hidden
  ]
  const through = `Calls go through the proxy ${address} (${from}), which`
  switch (answer.outcome) {
    case "answers":
      return []
    case "wantsCredentials":
      return says(
        `${through} wants a name and a password${shown}.`,
        Remedies.proxyCredentials(place, from),
        Remedies.aroundProxy(place)
      )
    case "refuses":
      return says(
        `${through} refuses the way to ${place.hostname}${shown}.`,
        Remedies.aroundProxy(place),
        Remedies.advice("network", "Have the proxy allow this host and port.")
      )
    case "noWay":
      return says(`${through} has no way to ${place.hostname}${shown}.`, Remedies.aroundProxy(place))
    default:
      return says(
        `${through} cannot be reached${shown}, ${span(answer.took)} after it was asked.`,
        Remedies.aroundProxy(place),
        Remedies.advice("here", `Correct the proxy's address in ${from}, or unset it.`)
      )
  }
}

const certificate: Rule = (judged) => {
  const { facts, place } = judged
  const { tls } = facts
  if (tls === undefined || tls.trusted || isOllama(facts.server)) return []
  const by = tls.issuer === undefined ? "" : ` It was signed by ${tls.issuer}.`
  const fixes: Record<NonNullable<typeof tls.fault>, ReadonlyArray<Fix>> = {
    selfSigned: [trust],
    unknownAuthority: [trust],
    expired: [Remedies.advice("server", "Renew the certificate of the server, and look at the clock of this machine.")],
    notYetValid: [Remedies.advice("here", "Set the clock of this machine, or wait until the certificate is valid.")],
    wrongName: [
      Remedies.advice(
        "here",
        `Use a name that the certificate is for${tls.names.length > 0 ? `: ${listed(tls.names)}` : ""}.`
      ),
      Remedies.advice("server", `Have the certificate made out to ${place.hostname}.`)
    ],
    notTls: [
      ...elsewhere(judged),
      Remedies.advice("here", "Write http:// in the address: this port does not speak TLS.")
    ],
    other: []
  }
  const fault = tls.fault ?? "other"
  const statements = [
    say(
      "unreachable",
      "yes",
      `${faults[fault]}${tls.code === undefined ? "" : ` (${tls.code})`}.${by}${fault === "notTls" ? found(judged) : ""}`,
      ...fixes[fault]
    )
  ]
  if (fault !== "selfSigned" && fault !== "unknownAuthority") return statements
  const opened = "a proxy that opens TLS signs with an authority of its own"
  return facts.server?.kind === "cloud" || /(^|\.)ollama\.com$/.test(place.hostname)
    ? [
        ...statements,
        say("blocked", "yes", `The certificate of ollama.com is not the public one: ${opened}.${by}`, trust)
      ]
    : [...statements, say("blocked", "unknown", `It may not be the server's own: ${opened}.`)]
}

const faults = {
  selfSigned: "The certificate is signed by itself, so it is not trusted",
  unknownAuthority: "The certificate is signed by an authority that is not trusted here",
  expired: "The certificate has expired",
  notYetValid: "The certificate is not valid yet",
  wrongName: "The certificate is for other names",
  notTls: "What listens there does not speak TLS",
  other: "TLS failed"
} as const

const trust = Remedies.advice(
  "here",
  "Trust the authority that signed it: the option ca of OllamaNode, or NODE_EXTRA_CA_CERTS=<file.pem> before the program starts."
)

export const rules: ReadonlyArray<Rule> = [name, connection, proxyTrouble, certificate]
