/**
 * The four causes of a timed-out call, each produced in the simulator in the ways it comes about, and told apart by the
 * failure alone: tag, reason and remedy.
 *
 * expect: ^10 of 10 told apart$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { OllamaClient, type OllamaError, type Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const hello = OllamaClient.chat({ model: "llama3.2", messages: [{ role: "user", content: "Hello" }] })

type Cause = "server down or unreachable" | "client timeout too low" | "server overloaded" | "firewall or proxy"

/** All that a program has to know to tell them apart. */
const causeOf = (error: OllamaError.OllamaError): Cause | undefined => {
  switch (error._tag) {
    case "Unreachable":
      return "server down or unreachable"
    case "Timeout":
      // what swallows packets does not say whether it is a firewall or a machine that is off; the remedy names both
      return error.phase === "connect" ? "firewall or proxy" : "client timeout too low"
    case "Overloaded":
      return "server overloaded"
    case "Blocked":
      return "firewall or proxy"
    default:
      return undefined
  }
}

/** What failures of the four kinds have to say beside their tag. */
const reasonOf = (error: OllamaError.OllamaError): string => {
  switch (error._tag) {
    case "Unreachable":
      return error.reason
    case "Timeout":
      return error.phase
    case "Overloaded":
    case "Blocked":
      return error.by
    default:
      return ""
  }
}

// ---- the stages -----------------------------------------------------------------------------------------------------

interface Stage {
  readonly what: string
  readonly cause: Cause
  readonly server: OllamaSimulator.Options
  readonly policy?: Policy.Patch
}

const stages: ReadonlyArray<Stage> = [
  { what: "nothing listens", cause: "server down or unreachable", server: { faults: [Fault.refused()] } },
  { what: "a wrong host name", cause: "server down or unreachable", server: { faults: [Fault.dns()] } },
  {
    what: "a server that restarts",
    cause: "server down or unreachable",
    server: { faults: [Fault.resetBeforeHeaders()] }
  },
  {
    what: "a cold model takes 40 s, the limits are 5 s",
    cause: "client timeout too low",
    server: { loadTime: "40 seconds" },
    policy: { timeouts: { load: "5 seconds", firstToken: "5 seconds" } }
  },
  {
    what: "a long prompt takes 2 min, the limit is 20 s",
    cause: "client timeout too low",
    server: { models: [{ name: "llama3.2", loaded: true, promptTime: "2 minutes" }] },
    policy: { timeouts: { firstToken: "20 seconds" } }
  },
  { what: "the server's queue is full", cause: "server overloaded", server: { faults: [Fault.serverBusy()] } },
  {
    what: "packets are swallowed",
    cause: "firewall or proxy",
    server: { faults: [Fault.connectTimeout("2 seconds")] }
  },
  { what: "the system forbids it", cause: "firewall or proxy", server: { faults: [Fault.firewall("EACCES")] } },
  { what: "a proxy wants credentials", cause: "firewall or proxy", server: { faults: [Fault.proxyAuth()] } },
  { what: "a login page of the network", cause: "firewall or proxy", server: { faults: [Fault.captivePortal()] } }
]

/** Whether the failure shows the cause that was staged. */
const act = ({ cause, policy = {}, server, what }: Stage) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(hello)
    const found = causeOf(error)
    yield* Console.log(
      `${what}\n  ${found}: ${error._tag} (${reasonOf(error)}), attempts: ${error.attempts.length + 1}\n  ${error.remedy}\n`
    )
    return found === cause
  }).pipe(
    OllamaClient.withPolicy(policy),
    Effect.provide(OllamaClient.layer().pipe(Layer.provide(OllamaSimulator.layer(server))))
  )

Effect.forEach(stages, act).pipe(
  Effect.tap((all) => Console.log(`${all.filter(Boolean).length} of ${all.length} told apart`)),
  onVirtualClock("10 minutes"),
  NodeRuntime.runMain
)
