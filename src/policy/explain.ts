/** What a policy does in each of the four causes of a call that does not come back, in sentences. */
import * as Duration from "effect/Duration"
import * as OllamaError from "../OllamaError.js"
import * as Fallback from "./Fallback.js"
import * as Phrases from "./phrases.js"
import * as Slow from "./Slow.js"
import * as Timeouts from "./Timeouts.js"
import type { Policy } from "./value.js"

/**
 * What a policy does, in plain sentences, for each cause of an Ollama call that times out.
 *
 * - `unreachable`: the server is down, or cannot be reached.
 * - `slow`: the model is slow or cold, and the client's timeout too low.
 * - `overloaded`: the server has more calls than it can work on.
 * - `blocked`: a firewall or a proxy is on the way.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  readonly unreachable: ReadonlyArray<string>
  readonly slow: ReadonlyArray<string>
  readonly overloaded: ReadonlyArray<string>
  readonly blocked: ReadonlyArray<string>
}

type Limits = Timeouts.Limits

const ordinary: Timeouts.Request = { characters: 0, hasTools: false, isTransfer: false }

const limitsOf = (policy: Policy, request: Partial<Timeouts.Request> = {}): Limits =>
  Timeouts.limits(policy.timeouts, { ...ordinary, ...request })

const timeout = (phase: OllamaError.Phase) => new OllamaError.Timeout({ phase, limit: Duration.zero })

/** The failures that each cause is seen as. */
const seen: Readonly<Record<keyof Explanation, ReadonlyArray<OllamaError.OllamaError>>> = {
  unreachable: [new OllamaError.Unreachable({ reason: "refused" }), timeout("connect")],
  slow: [timeout("load"), timeout("firstToken")],
  overloaded: [new OllamaError.Overloaded({ by: "server" })],
  blocked: [new OllamaError.Blocked({ by: "firewall" }), new OllamaError.Unreachable({ reason: "tls" })]
}

const fallbackFor = ({ fallback }: Policy, cause: keyof Explanation): ReadonlyArray<string> => {
  const entries = fallback.filter((entry) => seen[cause].some((error) => Fallback.applies(entry, error)))
  return entries.length === 0 ? [] : [Phrases.fallback(entries)]
}

/** Only where something is ever sent twice. */
const budgetOf = ({ budget, hedging, retry }: Policy): ReadonlyArray<string> =>
  budget === "off" || (retry.attempts === 1 && hedging === "off") ? [] : [Phrases.budget(budget)]

const unreachable = (policy: Policy): ReadonlyArray<string> => {
  const { breaker, retry } = policy
  const { connect } = limitsOf(policy)
  const sentences = [
    connect === undefined
      ? "Connecting has no time limit."
      : `Connecting may take up to ${Phrases.millis(connect)} (Timeout, phase connect; counted on Node, elsewhere it is ` +
        "part of the next phase).",
    `A call that finds no server fails with Unreachable. ${Phrases.sentAgain(retry)}`
  ]
  if (retry.whileOffline === "wait") {
    sentences.push(
      `While the host cannot be reached, calls are held for up to ${Phrases.span(retry.offlineLimit)} and go on in ` +
        "order as soon as it answers."
    )
  }
  sentences.push(...budgetOf(policy))
  if (breaker !== "off" && breaker.host !== "off") sentences.push(...Phrases.breaker("host", breaker.host))
  return sentences
}

const clock = (what: string, phase: string, limit: number | undefined, more: string): string =>
  limit === undefined
    ? `${what} has no time limit.`
    : `${what} may take up to ${Phrases.millis(limit)}${more} (Timeout, phase ${phase}).`

const slow = (policy: Policy): ReadonlyArray<string> => {
  const { breaker, hedging } = policy
  const limits = limitsOf(policy)
  const longer = limitsOf(policy, { characters: 100 })
  const tools = limitsOf(policy, { hasTools: true })
  const transfers = limitsOf(policy, { isTransfer: true })
  const other = (usual: number | undefined, limit: number | undefined, when: string) =>
    usual === limit || limit === undefined ? "" : `, ${when} ${Phrases.millis(limit)}`
  const perHundred = (longer.firstToken ?? 0) - (limits.firstToken ?? 0)
  const sentences = [
    clock("Loading a cold model", "load", limits.load, ""),
    clock(
      "The first chunk of a model in memory",
      "firstToken",
      limits.firstToken,
      (perHundred === 0 ? "" : ` plus ${Phrases.millis(perHundred)} for each 100 characters of the request`) +
        other(limits.firstToken, tools.firstToken, "with tools at least")
    ),
    clock(
      "Each further chunk",
      "gap",
      limits.gap,
      other(limits.gap, tools.gap, "with tools") + other(limits.gap, transfers.gap, "in transfers")
    ),
    clock("The whole call, over all attempts,", "total", limits.total, "")
  ]
  if ([limits.load, limits.firstToken, limits.gap, limits.total].some((limit) => limit !== undefined)) {
    sentences.push("After such a Timeout the call is not sent to the same host again: its work would only begin anew.")
  }
  if (policy.slow !== "off") sentences.push(...Phrases.slow(policy.slow, Slow.thresholds(policy.slow, limits)))
  if (hedging !== "off") sentences.push(Phrases.hedging(hedging), ...budgetOf(policy))
  if (breaker !== "off" && breaker.model !== "off") sentences.push(...Phrases.breaker("model", breaker.model))
  return sentences
}

const overloaded = (policy: Policy): ReadonlyArray<string> => {
  const { concurrency, retry, throttle } = policy
  const hint =
    retry.attempts === 1
      ? ""
      : ` A Retry-After is honoured, up to ${Phrases.slack(retry)} beyond the wait that was computed.`
  return [
    ...(concurrency === "off"
      ? ["Every call is sent as it comes; what the server cannot work on waits there, unseen."]
      : Phrases.concurrency(concurrency)),
    `A call that the server or a gateway sheds fails with Overloaded. ${Phrases.sentAgain(retry)}${hint}`,
    ...budgetOf(policy),
    ...(throttle === "off" ? [] : [Phrases.throttle(throttle)])
  ]
}

const blocked = (policy: Policy): ReadonlyArray<string> => {
  const { attempts } = policy.retry
  const { connect } = limitsOf(policy)
  const again = attempts === 1 ? "is not sent again" : `is sent up to ${attempts} times in all`
  return [
    "A call that a firewall, a proxy or the server's own rules forbid fails with Blocked, which says by whom and what to " +
      "do. It is not sent again.",
    connect === undefined
      ? "A firewall that drops packets is noticed only by the next phase that has a time limit."
      : `A firewall that drops packets is noticed after ${Phrases.millis(connect)} (Timeout, phase connect); such a call ` +
        `${again}.`,
    attempts === 1
      ? "A call that a proxy cuts off is not sent again; the failure holds what had arrived."
      : `A call that a proxy cuts off before the first chunk ${again}; after it never, and the failure holds what had ` +
        "arrived."
  ]
}

/**
 * What a client with this policy does when a call does not come back, in plain sentences with the figures of the policy,
 * for each of the four causes.
 *
 * @example
 * ```ts
 * import { Policy } from "effect-ollama"
 *
 * const { slow } = Policy.explain(Policy.make({ timeouts: { load: "20 minutes" } }))
 * console.log(slow[0]) // Loading a cold model may take up to 20 minutes (Timeout, phase load).
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const explain = (policy: Policy): Explanation => ({
  unreachable: [...unreachable(policy), ...fallbackFor(policy, "unreachable")],
  slow: [...slow(policy), ...fallbackFor(policy, "slow")],
  overloaded: [...overloaded(policy), ...fallbackFor(policy, "overloaded")],
  blocked: [...blocked(policy), ...fallbackFor(policy, "blocked")]
})

const headings: Readonly<Record<keyof Explanation, string>> = {
  unreachable: "The server is down or cannot be reached",
  slow: "The model is slow or cold, or a timeout too low",
  overloaded: "The server is overloaded",
  blocked: "A firewall or a proxy is on the way"
}

/**
 * `explain` as one text: a heading for each cause, and its sentences as a list.
 *
 * @since 0.1.0
 * @category getters
 */
export const explainText = (policy: Policy): string => {
  const explanation = explain(policy)
  return (["unreachable", "slow", "overloaded", "blocked"] as const)
    .map((cause) => [`${headings[cause]}:`, ...explanation[cause].map((sentence) => `- ${sentence}`)].join("\n"))
    .join("\n\n")
}
