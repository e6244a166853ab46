/**
 * Why calls fail: the doctor looks at everything between the program and the model, says which of the four causes holds,
 * and what to do. Here the clock for a load is too short for the model.
 *
 * expect: ^timeoutTooLow: Your load limit is 30 s; llama3\.2:latest was not loaded after 30 s\.$
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Doctor, Policy } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import { onVirtualClock } from "./_virtualClock.js"

const program = Effect.gen(function* () {
  const report = yield* Doctor.run({
    call: "load",
    policy: Policy.make({ timeouts: { load: "30 seconds" } })
  })
  yield* Console.log(Doctor.render(report))
  yield* Console.log(`exit code ${Doctor.exitCode(report)}\n`)
  yield* Console.log(`${report.verdict.cause}: ${report.verdict.text}`)
})

// On Node, `OllamaNode.doctor` also looks at names, connections, certificates and proxies.
program.pipe(
  Effect.provide(OllamaSimulator.layer({ models: [{ name: "llama3.2", loadTime: "41 seconds" }] })),
  onVirtualClock("5 minutes"),
  NodeRuntime.runMain
)
