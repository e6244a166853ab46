/** A verdict in one sentence, with its figures and, where there is one, what to do. */
import * as Duration from "effect/Duration"
import type { Verdict } from "../Verdict.js"
import * as Names from "./names.js"

const minute = 60
const hour = 3600

interface Amount {
  readonly value: string
  readonly unit: string
}

/** With as many digits as matter. */
const digits = (value: number): string => (value < 10 ? String(Number(value.toFixed(1))) : String(Math.round(value)))

const amount = (duration: Duration.Duration): Amount => {
  const millis = Duration.toMillis(duration)
  if (!(millis >= 0) || !Number.isFinite(millis)) return { value: "some", unit: "time" }
  const seconds = millis / 1000
  if (millis < 950) return { value: String(Math.round(millis)), unit: "ms" }
  const [value, unit] =
    seconds < 2 * minute
      ? [digits(seconds), "second"]
      : seconds < 2 * hour
        ? [digits(seconds / minute), "minute"]
        : [digits(seconds / hour), "hour"]
  return { value, unit: value === "1" ? unit : `${unit}s` }
}

const span = (duration: Duration.Duration): string => {
  const { unit, value } = amount(duration)
  return `${value} ${unit}`
}

/** `12 of about 41 seconds`. */
const soFar = (elapsed: Duration.Duration, expected: Duration.Duration | undefined): string => {
  if (expected === undefined) return span(elapsed)
  const whole = amount(expected)
  const part = amount(elapsed)
  const isSame = part.unit === whole.unit || (part.unit === "second" && whole.unit === "seconds")
  return `${part.value}${isSame ? "" : ` ${part.unit}`} of about ${whole.value} ${whole.unit}`
}

const counted = (count: number, one: string): string => `${digits(count)} ${one}${count === 1 ? "" : "s"}`

const times = (factor: number): string => `${Number(factor.toPrecision(2))} times`

const percent = (share: number): string => `${Math.min(100, Math.max(1, Math.round(share * 100)))} %`

const names = (list: ReadonlyArray<string>): string => Names.list(list).join(", ")

/** `4.7 GB at 0.11 GB/s`. */
const size = (gigabytes: number | undefined, expected: Duration.Duration | undefined): string => {
  if (gigabytes === undefined || !(gigabytes > 0)) return ""
  const rate = expected === undefined ? 0 : gigabytes / (Duration.toMillis(expected) / 1000)
  const at = rate > 0 && Number.isFinite(rate) ? ` at ${Number(rate.toPrecision(2))} GB/s` : ""
  return ` (${Number(gigabytes.toPrecision(2))} GB${at})`
}

const connections: Readonly<Record<string, string>> = {
  refused: "Nothing listens at this address: start Ollama (`ollama serve`), or correct OLLAMA_HOST on either side",
  dns: "The name of the host is not known: correct the address, or the name service of this machine",
  unroutable:
    "There is no way to this host: check that it is on, its address, and the firewalls and networks in between",
  reset: "The server closed the connection without an answer: see whether Ollama stopped or restarts",
  tls: "The certificate of the host was not accepted: trust its authority, renew it, or correct https in the address",
  protocol: "What answers there does not speak HTTP as it should: correct port and http or https in the address",
  gateway: "The proxy before the server has no server behind it: start Ollama there, or correct the proxy",
  proxy: "The proxy cannot be reached: check that it runs and its address (HTTP_PROXY), or put the host into NO_PROXY",
  upstream: "The server cannot reach the cloud: check its way to the Internet, or use a local model",
  offline: "The host cannot be reached: check the network of this machine",
  timeout: "No connection came about in time: the host is off, or a firewall drops what is sent to it",
  silent: "The host stopped answering: see whether it is on and Ollama still runs",
  breaker: "The host could not be reached before, so nothing was sent: it is tried again in a while"
}

const blocks: Readonly<Record<string, string>> = {
  origin: "The server refuses calls from this origin: add it to OLLAMA_ORIGINS on the server",
  hostHeader: "The server refuses the name it was called by: use its address, or set OLLAMA_HOST on the server",
  proxy:
    "A proxy does not let the call through: give it its credentials, have it allow the host, or put the host into NO_PROXY",
  firewall: "A firewall of this machine forbids the connection: allow it",
  captivePortal: "Something else than Ollama answers (a sign-in page, or a proxy): sign in, or correct the address",
  cloudDisabled: "The cloud is switched off on the server: switch it on there, or use a local model",
  forbidden: "Something on the way to the server forbids the call: ask who runs it, or go around it"
}

const shed: Readonly<Record<string, string>> = {
  server: "The server sheds calls because its queue is full: send fewer at once, or add a host",
  gateway: "A gateway gave up waiting for the server: raise its timeout, or send fewer calls at once",
  client: "This client sheds calls because too many wait already: send fewer at once, or add a host",
  quota: "The limit of the account is used up: wait until it is renewed, or use a local model"
}

const requests: Readonly<Record<string, string>> = {
  Unauthorized: "The server wants other credentials: sign in (`ollama signin`), or give a valid API key",
  ModelNotFound: "The model is not on the server: pull it (`ollama pull`), or correct its name",
  InvalidRequest: "The request cannot work as it is: correct it as the failure says",
  MalformedOutput: "What the model wrote does not fit the schema: ask again, simplify it, or raise num_predict"
}

const failures: Readonly<Record<string, string>> = {
  LoadFailed: "The model could not be loaded: see the log of the server; pull it again if its file is broken",
  ServerError: "The server failed, or the process of its model crashed: see the log of the server",
  StreamInterrupted: "The answer broke off: the server stopped, or something in between cut the connection",
  ProtocolError: "What came back is not what Ollama sends: see whether something in between changes it"
}

const of = (words: Readonly<Record<string, string>>, word: string, otherwise: string): string =>
  Object.hasOwn(words, word) ? (words[word] ?? otherwise) : otherwise

const waits = {
  permit: "until one of the calls before it had ended: raise the concurrency, or send fewer at once",
  offline: "for the host to come back",
  backoff: "between attempts",
  attempts: "for attempts that failed and were sent again"
}

const phases: Readonly<Record<string, string>> = {
  prepare: "preparing",
  queue: "waiting in the client",
  waiting: "waiting in the client",
  lost: "attempts that failed",
  connect: "connecting",
  connecting: "connecting",
  queued: "waiting in the server",
  load: "loading the model",
  loading: "loading the model",
  firstToken: "waiting for the first token",
  prompt: "reading the prompt",
  gap: "waiting for the next token",
  generating: "generating",
  response: "waiting for the answer",
  total: "the whole call",
  other: "the rest"
}

/** The limits of a policy. */
const clocks: Readonly<Record<string, string>> = {
  connect: "timeouts.connect",
  load: "timeouts.load",
  firstToken: "timeouts.firstToken",
  response: "timeouts.firstToken",
  gap: "timeouts.gap",
  total: "timeouts.total"
}

const phase = (name: string): string => of(phases, name, "a phase")

const sentence = (verdict: Verdict): string => {
  switch (verdict._tag) {
    case "AsExpected":
      return "As expected"
    case "HostDown":
      return of(connections, verdict.reason, "The host cannot be reached: check that it runs, and its address")
    case "ClientOffline":
      return "No host can be reached from here: check the network of this machine, and whether it can open connections (ulimit -n)"
    case "ProxyInTheWay":
      return of(
        blocks,
        verdict.by,
        "Something between here and the server stops the call: ask who runs it, or go around it"
      )
    case "Loading":
      return `Loading: ${soFar(verdict.elapsed, verdict.expected)}${size(verdict.gigabytes, verdict.expected)}`
    case "BehindOtherLoad":
      return `Loading: ${soFar(verdict.elapsed, verdict.expected)}, because the server loads another model first (one at a time)`
    case "EvictionThrash":
      return `Pushed out of memory and loaded again ${counted(verdict.loads, "time")} in ten minutes, by ${names(verdict.rivals) || "others"}: use fewer or smaller models, or more memory`
    case "ReloadByOptions":
      return `Loaded again (${span(verdict.elapsed)}) because ${names(verdict.options) || "an option"} differed from the call before: keep such options the same`
    case "Queued": {
      const ahead = verdict.ahead === undefined ? "other calls" : counted(verdict.ahead, "call")
      const parallel = verdict.parallel === undefined ? "" : ` (it answers ${verdict.parallel} at once)`
      return `Waited ${span(verdict.waited)} in the server behind ${ahead}${parallel}: raise OLLAMA_NUM_PARALLEL, send fewer at once, or add a host`
    }
    case "Waited":
      return `Waited ${span(verdict.waited)} in the client ${waits[verdict.why]}`
    case "LongPrompt": {
      const tokens = verdict.tokens === undefined ? "" : ` (${verdict.tokens} tokens)`
      return `Reading the prompt${tokens}: ${soFar(verdict.elapsed, verdict.expected)}; shorten it, or keep its beginning the same from call to call`
    }
    case "PartlyOnCpu": {
      const factor = verdict.factor === undefined ? "" : `, ${times(verdict.factor)} as slow as before`
      return `${percent(verdict.share)} of the model runs on the processor${factor}: use a smaller model or context, or free graphics memory`
    }
    case "SlowHost":
      return `The host takes ${times(verdict.factor)} as long as it used to: see what else runs on it, its heat and power`
    case "Shared":
      return verdict.inFlight === undefined
        ? `The host generates ${times(verdict.factor)} more slowly than it used to: others use it too, or heat or power limit it`
        : `${counted(verdict.inFlight, "call")} of this client at once (usually ${verdict.usual ?? 1}) make each ${times(verdict.factor)} slower: send fewer at once, or add a host`
    case "PredictionOff":
      return `${times(verdict.factor)} as long as predicted, on every host alike: the work is another one, and it is being learned`
    case "StalledRunner":
      return `Nothing for ${span(verdict.silent)}, while the server answers other questions: the process of the model hangs; unload the model or restart the server`
    case "HostOverloaded":
      return "The server is slow to say even its version: the host or the way to it is overloaded; see what else runs there"
    case "Overloaded":
      return of(shed, verdict.by, "The call was shed: send fewer at once, or add a host")
    case "ServerFailed":
      return verdict.outOfMemory === true
        ? "The model does not fit into the memory of the server: use a smaller model or context, or unload others"
        : of(failures, verdict.tag, "The server failed: see its log")
    case "BadRequest":
      return of(requests, verdict.tag, "The request cannot work as it is: correct it")
    case "TooShort": {
      const clock = of(clocks, verdict.phase, "timeouts")
      const why =
        verdict.needed === undefined
          ? `, and the server was still at it (${phase(verdict.phase)})`
          : `: such a call may take ${span(verdict.needed)}`
      return `The limit ${clock} of ${span(verdict.limit)} was too short${why}; raise it`
    }
    case "LeftByCaller":
      return `The caller left after ${span(verdict.after)}, while ${phase(verdict.phase)}`
    case "Unknown":
      return `Slow or stuck (${span(verdict.elapsed)}, ${phase(verdict.phase)}), and nothing that is known says why`
  }
}

/** One line, whatever a verdict from elsewhere holds. */
export const text = (verdict: Verdict): string => sentence(verdict).replace(/\s+/g, " ").trim()
