/** What the first answer says: Ollama itself, something in its place, something in between, or nothing. */
import { type Case, type Rule, say, type Statement } from "./case.js"
import type { Server } from "./facts.js"
import * as Remedies from "./remedies.js"
import type { Fix } from "./report.js"
import { isOllama } from "./server.js"
import { listed, span } from "./words.js"

const elsewhere = ({ facts, place }: Case): ReadonlyArray<Fix> =>
  facts.elsewhere.slice(0, 1).map((url) => Remedies.useAddress(place, url))

const found = ({ facts }: Case): string =>
  facts.elsewhere.length === 0 ? "" : ` Ollama answers at ${listed(facts.elsewhere)}.`

const named = ({ software, status, title }: Server): string => {
  const page = title === undefined || title === "" ? "" : ` "${title.slice(0, 60)}"`
  return `${software === undefined ? "What answers" : `${software}, which answers,`} says ${status ?? "nothing"}${page}`
}

/** Whether the sockets and proxies were looked at, and have already said why there is no answer. */
const isExplained = ({ facts }: Case): boolean => {
  const proxy = facts.proxies.find(({ used }) => used)
  if (proxy?.answer !== undefined) return proxy.answer.outcome !== "answers"
  if (facts.tls !== undefined && !facts.tls.trusted) return true
  if (facts.dns !== undefined && facts.dns.addresses.length === 0) return true
  return facts.tcp.length > 0 && !facts.tcp.some(({ outcome }) => outcome === "connected")
}

/** A failure of the transport, where that is all that is known. */
const byReason = (judged: Case, server: Server): ReadonlyArray<Statement> => {
  const { place } = judged
  const code = server.failure?.code === undefined ? "" : ` (${server.failure.code})`
  const unreachable = (evidence: string, ...fixes: ReadonlyArray<Fix>): Statement =>
    say("unreachable", "yes", `${evidence}${code}.${found(judged)}`, ...elsewhere(judged), ...fixes)
  switch (server.failure?.reason) {
    case "refused":
      return [
        unreachable(`${place.url} refused the connection`, Remedies.start(place), ...remoteBinding(judged)),
        ...rejected(judged)
      ]
    case "dns":
      return [unreachable(`The name ${place.hostname} has no address`, Remedies.correctAddress(place))]
    case "unroutable":
      return /^(EADDRNOTAVAIL|EMFILE|ENFILE)$/.test(server.failure.code ?? "")
        ? [say("unreachable", "unknown", "Whether Ollama runs cannot be seen from here.")]
        : [
            unreachable(`No way leads to ${place.hostname}`, Remedies.correctAddress(place)),
            say("blocked", "unknown", "A router or firewall that rejects would look the same.")
          ]
    case "connect":
      return [
        unreachable(`No connection to ${place.hostname} within ${span(server.took)}`, Remedies.correctAddress(place)),
        say("blocked", "unknown", "A firewall that drops packets looks like this.", Remedies.openFirewall(place))
      ]
    case "firewall":
      return [
        say("blocked", "yes", `This machine forbids the connection${code}.`, Remedies.allowProgram(place)),
        say("unreachable", "unknown", "Whether Ollama runs cannot be seen before that.")
      ]
    case "tls":
      return [
        say(
          "blocked",
          "yes",
          `TLS failed${code}. What speaks TLS is not Ollama, but a proxy.${found(judged)}`,
          ...elsewhere(judged),
          Remedies.advice("here", server.failure.remedy)
        ),
        say("unreachable", "unknown", "Whether Ollama runs cannot be seen from here.")
      ]
    case "protocol":
      return /https:/.test(server.failure.remedy)
        ? [
            say(
              "blocked",
              "yes",
              `This port speaks TLS, so it is a proxy's${code}; the address is http.${found(judged)}`,
              ...elsewhere(judged),
              Remedies.useAddress(place, place.url.replace(/^http:/, "https:"), "Write https:// in the address.")
            ),
            say("unreachable", "unknown", "Whether Ollama runs cannot be seen from here.")
          ]
        : [unreachable("What listens there does not speak HTTP", Remedies.correctAddress(place))]
    case "response":
      return [
        unreachable(
          `It takes connections, and gave no answer within ${span(server.took)}: it is starting, hangs, or has too much to do`,
          Remedies.advice(
            "server",
            "Wait a moment if it has just been started; otherwise restart it, and look at the load of its machine."
          )
        ),
        say("overloaded", "unknown", "A machine with far too much to do looks like this, too.")
      ]
    case "gateway":
      return [
        say(
          "blocked",
          "yes",
          `The proxy between here and ${place.hostname} cannot be used${code}.`,
          Remedies.aroundProxy(place)
        ),
        say("unreachable", "unknown", "Whether Ollama runs cannot be seen behind the proxy.")
      ]
    default:
      return [
        unreachable(
          "The connection is made and closed without a byte: a port that is passed on (Docker -p, ssh -L) to where nothing listens, or a server that just went down",
          Remedies.listenEverywhere(place),
          Remedies.start(place)
        )
      ]
  }
}

const remoteBinding = ({ place }: Case): ReadonlyArray<Fix> => (place.isHere ? [] : [Remedies.listenEverywhere(place)])

const rejected = ({ place }: Case): ReadonlyArray<Statement> =>
  place.isHere
    ? [say("blocked", "no", "The connection was answered, with a refusal: nothing swallows it.")]
    : [
        say(
          "blocked",
          "unknown",
          "A firewall that rejects connections would look the same.",
          Remedies.openFirewall(place)
        )
      ]

const nothing: Rule = (judged) => {
  const { server } = judged.facts
  return server?.kind !== "none" || isExplained(judged) ? [] : byReason(judged, server)
}

const gateway: Rule = (judged) => {
  const { facts, place } = judged
  const { server } = facts
  if (server?.kind !== "gateway" || isExplained(judged)) return []
  if (server.failure?.tag === "Overloaded" && server.status !== 504) {
    return [
      say(
        "overloaded",
        "yes",
        `${named(server)}: something in front of Ollama sheds calls.`,
        Remedies.advice("here", "Send fewer calls at once."),
        Remedies.advice("server", "Raise the limit on calls of the proxy in front of Ollama (nginx: limit_req).")
      ),
      say("unreachable", "unknown", "Whether Ollama runs cannot be seen behind it.")
    ]
  }
  if (server.status === 504) {
    return [
      say(
        "blocked",
        "yes",
        `${named(server)}: a proxy in front of Ollama gave up waiting for it.`,
        Remedies.patientProxy
      ),
      say("unreachable", "unknown", "Whether Ollama runs cannot be seen behind it.")
    ]
  }
  return [
    say(
      "unreachable",
      "yes",
      `${named(server)}: it passes calls on, and finds no Ollama there.${found(judged)}`,
      Remedies.start({ ...place, isHere: false }),
      Remedies.advice(
        "server",
        "Correct the address that the proxy passes calls on to (nginx: proxy_pass http://127.0.0.1:11434)."
      )
    )
  ]
}

const refusing: Rule = (judged) => {
  const { facts, place } = judged
  const { server } = facts
  if (server?.kind !== "refusing" || isExplained(judged)) return []
  const hidden = say("unreachable", "unknown", "It answers, but what it refuses with need not be Ollama's.")
  const says = (evidence: string, ...fixes: ReadonlyArray<Fix>): ReadonlyArray<Statement> => [
    say("blocked", "yes", evidence, ...fixes),
    hidden
  ]
  if (server.failure?.tag === "Unauthorized") {
    return facts.address.url?.includes("ollama.com") === true
      ? []
      : says(
          `${named(server)}: it wants credentials, which Ollama itself never does, so something in front of it does.`,
          Remedies.credentials
        )
  }
  switch (server.failure?.reason) {
    case "origin":
      return says(
        `${place.url} refuses every call with 403 and nothing else: the origin of this page is not on its list.`,
        Remedies.allowOrigin(place, "https://<this page>")
      )
    case "hostHeader":
      return says(
        `${place.url} refuses every call with 403 and nothing else: a server on 127.0.0.1 takes only local names, and ${place.hostname} is none.`,
        Remedies.listenEverywhere({ ...place, isHere: false }),
        Remedies.advice(
          "server",
          "Or have the proxy or tunnel in front of it send the header Host: localhost (nginx: proxy_set_header Host localhost)."
        )
      )
    case "proxy":
      return says(
        `${named(server)}: a proxy refuses.`,
        ...(server.status === 407 ? [Remedies.proxyCredentials(place, "HTTP_PROXY")] : []),
        Remedies.aroundProxy(place),
        Remedies.advice("network", "Have the proxy allow this host and port.")
      )
    default:
      return says(
        `${named(server)}: it refuses every call.`,
        Remedies.advice("server", "Ask whoever runs the server, or what is in front of it, to allow these calls.")
      )
  }
}

const portal: Rule = (judged) => {
  const { facts, place } = judged
  const { server } = facts
  if (server?.kind !== "captivePortal" || isExplained(judged)) return []
  const where = server.location === undefined ? "a web page" : `the way to ${server.location}`
  return [
    say(
      "blocked",
      "yes",
      `${place.url} answers ${server.status ?? ""} with ${where}: a login page of the network, a proxy's page, or another server.${found(judged)}`,
      ...elsewhere(judged),
      Remedies.advice("network", "Open the address in a browser: log in to the network if it asks for that."),
      Remedies.correctAddress(place)
    ),
    say("unreachable", "unknown", "What answers is not Ollama, so whether it runs cannot be seen.")
  ]
}

const other: Rule = (judged) => {
  const { facts, place, warning } = judged
  const { server } = facts
  if (server?.kind !== "other") return []
  if (server.software !== undefined) {
    return [
      say(
        "blocked",
        "yes",
        `${named(server)}: it does not pass calls on to Ollama, at least not at ${place.url}.${warning === undefined ? "" : ` ${warning}`}${found(judged)}`,
        ...elsewhere(judged),
        Remedies.advice("here", "Write the path under which it passes calls on into the address: http://host/ollama."),
        Remedies.advice(
          "server",
          "Have it pass the paths below /api on to Ollama (nginx: location /api/ { proxy_pass http://127.0.0.1:11434; })."
        ),
        Remedies.correctAddress(place)
      ),
      say("unreachable", "unknown", "Whether Ollama runs cannot be seen behind it.")
    ]
  }
  return [
    say(
      "unreachable",
      "yes",
      `${named(server)}: it is a server, but not Ollama.${warning === undefined ? "" : ` ${warning}`}${found(judged)}`,
      ...elsewhere(judged),
      Remedies.correctAddress(place)
    )
  ]
}

const reached: Rule = ({ facts }) => {
  const { origin, server } = facts
  if (server === undefined || !isOllama(server)) return []
  const answers = `${server.kind === "simulator" ? "The simulator" : "Ollama"} ${server.version ?? ""} answered after ${span(server.took)}.`
  return [say("unreachable", "no", answers), ...(origin?.allowed === false ? [] : [say("blocked", "no", answers)])]
}

/** Short requests are answered, and long ones vanish. */
const large: Rule = ({ facts }) =>
  facts.large?.outcome === "lost" && isOllama(facts.server)
    ? [
        say(
          "blocked",
          "yes",
          `A request of ${facts.large.bytes} bytes had no answer within ${span(facts.large.took)}, where a short one takes ${span(facts.server?.took ?? facts.large.took)}: something on the way (a VPN, a tunnel, a firewall) loses large packets.`,
          Remedies.smallerPackets
        )
      ]
    : []

const pages: Rule = ({ facts, place }) =>
  facts.origin?.allowed === false
    ? [
        say(
          "blocked",
          "yes",
          `The server refuses calls from web pages of ${facts.origin.origin} (${facts.origin.status ?? 403}); from here it answers.`,
          Remedies.allowOrigin(place, facts.origin.origin)
        )
      ]
    : []

export const rules: ReadonlyArray<Rule> = [nothing, gateway, refusing, portal, other, reached, large, pages]
