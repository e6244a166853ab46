/** Whether the server can be reached, and what on the way forbids it: from the name to the first answer. */
import * as Duration from "effect/Duration"
import { type Case, type Rule, say, type Statement } from "./case.js"
import type { Proxy, Tcp } from "./facts.js"
import { isLoopback } from "./loopback.js"
import { atOnce } from "./network.js"
import * as Remedies from "./remedies.js"
import type { Fix } from "./report.js"
import { isOllama } from "./server.js"
import { listed, span } from "./words.js"

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

const hidden = say("unreachable", "unknown", "Whether Ollama runs cannot be seen from here.")

/** Nothing listens there, or something says so. */
const refused = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => {
  const { place } = judged
  const own = tcp.place === "self"
  if (tcp.byNetwork === true) {
    return [
      say(
        "blocked",
        "yes",
        `${target(tcp)} is refused by a message of the network, not of its machine: a firewall rejects the connection.`,
        Remedies.openFirewall(place)
      ),
      hidden
    ]
  }
  const statement = say(
    "unreachable",
    "yes",
    `${target(tcp)} refused the connection after ${span(tcp.took)}: nothing listens there.${found(judged)}`,
    ...elsewhere(judged),
    ...(isInContainer(judged) ? [Remedies.leaveContainer(place)] : []),
    Remedies.start(place),
    ...(isLoopback(tcp.address) ? [] : [Remedies.listenEverywhere(place)])
  )
  return own
    ? [statement, say("blocked", "no", `${target(tcp)} answered, with a refusal: nothing swallows connections.`)]
    : [
        statement,
        say(
          "blocked",
          "unknown",
          `A firewall that answers for ${target(tcp)} with a reset would look the same.`,
          Remedies.openFirewall(place)
        )
      ]
}

/** Networks of one's own (RFC 1918, RFC 4193, RFC 6598): their routers say when a machine is not there. */
const isPrivate = (address: string): boolean =>
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd][0-9a-f]{2}:)/i.test(
    address
  )

/** No answer at all. */
const dropped = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => {
  const { place } = judged
  const silence = `${target(tcp)} gave no answer to a connection within ${span(tcp.took)}`
  if (tcp.place === "self" || tcp.place === "onLink" || isPrivate(tcp.address)) {
    const why =
      tcp.place === "self"
        ? "though it is this machine"
        : "and nothing said that its machine is not there, as happens within 3 s where it is off"
    return [
      say("blocked", "yes", `${silence}, ${why}: a firewall drops the packets.`, Remedies.openFirewall(place)),
      hidden
    ]
  }
  return [
    say(
      "unreachable",
      "yes",
      `${silence}: the machine is off, the address is another one's, or a firewall on the way drops the packets.${found(judged)}`,
      ...elsewhere(judged),
      Remedies.correctAddress(place),
      network
    ),
    say(
      "blocked",
      "unknown",
      `${silence}, which is how a firewall that drops packets looks.`,
      Remedies.openFirewall(place)
    )
  ]
}

const network = Remedies.advice(
  "network",
  "Check the link, the routes and the VPN that lead to it, and that the machine is on."
)

/** That a machine is off, a neighbour finds out after seconds; what is said at once is a rule, or a way that is missing. */
const unroutable = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => {
  const code = tcp.code === undefined ? "" : ` (${tcp.code})`
  const said = `The way to ${target(tcp)} is closed${code}, said after ${span(tcp.took)}`
  return Duration.lessThan(tcp.took, atOnce)
    ? [
        say(
          "blocked",
          "yes",
          `${said}: a firewall or router turns connections away, or no route leads there.`,
          Remedies.openFirewall(judged.place),
          network
        ),
        hidden
      ]
    : [
        say(
          "unreachable",
          "yes",
          `${said}: its machine does not answer in its own network, so it is off, or the address is another one's.${found(judged)}`,
          ...elsewhere(judged),
          Remedies.correctAddress(judged.place),
          network
        )
      ]
}

const forbidden = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => [
  say(
    "blocked",
    "yes",
    `This machine forbids the connection to ${target(tcp)} (${tcp.code ?? "forbidden"}).`,
    Remedies.allowProgram(judged.place)
  ),
  hidden
]

/** It is this program's own, and says nothing of the server. */
const exhausted = (): ReadonlyArray<Statement> => [hidden]

const failed = (judged: Case, tcp: Tcp): ReadonlyArray<Statement> => [
  say(
    "unreachable",
    "yes",
    `The connection to ${target(tcp)} failed (${tcp.code ?? "no code"}).${found(judged)}`,
    ...elsewhere(judged),
    Remedies.correctAddress(judged.place)
  )
]

const byOutcome = { refused, dropped, unroutable, forbidden, exhausted, failed }

/** What says most about the way comes first. */
const order = ["exhausted", "forbidden", "dropped", "refused", "unroutable", "failed"] as const

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
      return [
        say(
          "unreachable",
          "yes",
          `${through} gets no connection to ${place.hostname}${shown}: nothing listens there, or the proxy has no way to it.`,
          Remedies.start({ ...place, isHere: false }),
          Remedies.correctAddress(place),
          Remedies.aroundProxy(place)
        ),
        say(
          "blocked",
          "unknown",
          `It may be the proxy that has no way to ${place.hostname}, and not the server that is down.`
        )
      ]
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
  const evidence = `${faults[fault]}${tls.code === undefined ? "" : ` (${tls.code})`}.${by}`
  if (fault === "notTls") return [say("unreachable", "yes", `${evidence}${found(judged)}`, ...fixes[fault])]
  // Ollama itself speaks no TLS: what does is in front of it, or in between
  const statement = say("blocked", "yes", `${evidence} What speaks TLS is not Ollama, but a proxy.`, ...fixes[fault])
  return [statement, hidden]
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
