/**
 * The policy as data: from JSON with everything that is wrong with it, from the environment, and changed for a part of a
 * program.
 *
 * expect: ^Timeout \(total\) after 1 attempt$
 */
import { NodeRuntime } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Layer, ParseResult } from "effect"
import { OllamaClient, Policy } from "effect-ollama"
import { Fault, OllamaSimulator } from "effect-ollama/testing"

// 1. From JSON, as from a file. What is not given is `Policy.defaults`; what is wrong is refused as a whole.
const fromJson = Effect.gen(function* () {
  const policy = yield* Policy.fromJson({ timeouts: { load: "10 minutes" }, retry: { attempts: 5 } })
  yield* Console.log(JSON.stringify(Policy.toJson(policy).timeouts))
  const error = yield* Effect.flip(Policy.fromJson({ timeouts: { laod: "10 minutes" }, retry: { attempts: 0 } }))
  const problems = ParseResult.ArrayFormatter.formatErrorSync(error)
  yield* Effect.forEach(problems, ({ message, path }) => Console.log(`${path.join(".")}: ${message}`))
})

// 2. From the environment, here a staged one: JSON for the whole, and single fields, which win.
const environment = ConfigProvider.fromMap(
  new Map([
    ["OLLAMA_HOST", "gpu-box"],
    ["OLLAMA_POLICY", `{ "retry": { "attempts": 2, "jitter": "none" } }`],
    ["OLLAMA_POLICY_TIMEOUTS_FIRST_TOKEN", "100 millis"]
  ])
)

const Ollama = OllamaClient.layerConfig().pipe(
  Layer.provide(OllamaSimulator.layer({ faults: [Fault.blackHole()] })),
  Layer.provide(Layer.setConfigProvider(environment))
)

const describe = Effect.flip(OllamaClient.version()).pipe(
  Effect.flatMap((error) => {
    const attempts = error.attempts.length + 1
    return Console.log(`${error._tag} (${error.phase}) after ${attempts} attempt${attempts === 1 ? "" : "s"}`)
  })
)

// 3. For a part of the program: every call inside, also the run of a stream.
const hurried = describe.pipe(OllamaClient.withPolicy({ timeouts: { total: "50 millis" } }))

fromJson.pipe(Effect.zipRight(describe), Effect.zipRight(hurried), Effect.provide(Ollama), NodeRuntime.runMain)
