/** The same call of the same client: bare, under each policy, under all, and under those of other libraries. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cockatiel from "cockatiel"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import Opossum from "opossum"
import { OllamaClient, Policy } from "effect-ollama"

const model = "llama3.2"
const at = "2026-01-01T00:00:00Z"
const line = (value: object) => `${JSON.stringify(value)}\n`
const token = line({ model, created_at: at, message: { role: "assistant", content: " token" }, done: false })
const last = line({
  model,
  created_at: at,
  message: { role: "assistant", content: "" },
  done: true,
  done_reason: "stop",
  total_duration: 1_000_000,
  load_duration: 100_000,
  prompt_eval_duration: 400_000,
  eval_duration: 500_000
})
const short = token + last
const ps = JSON.stringify({ models: [{ model: `${model}:latest`, name: `${model}:latest` }] })

/** A server in memory that answers at once. */
const transport = (tokens: () => number) =>
  HttpClient.make((request, url) =>
    Effect.sync(() => {
      if (url.pathname !== "/api/chat") return HttpClientResponse.fromWeb(request, new Response(ps))
      const count = tokens()
      if (count === 1) return HttpClientResponse.fromWeb(request, ndjson(short))
      let left = count
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          const now = Math.min(left, 512)
          left -= now
          controller.enqueue(new TextEncoder().encode(left === 0 ? token.repeat(now) + last : token.repeat(now)))
          if (left === 0) controller.close()
        }
      })
      return HttpClientResponse.fromWeb(request, ndjson(body))
    })
  )

const ndjson = (body: string | ReadableStream<Uint8Array>) =>
  new Response(body, { headers: { "content-type": "application/x-ndjson" } })

const request = { model, messages: [{ role: "user" as const, content: "Hello" }] }

let length = 1
const scope = Effect.runSync(Scope.make())

const clientOf = (policy: Policy.Policy) =>
  Effect.runSync(
    OllamaClient.make({ policy }).pipe(
      Effect.provideService(
        HttpClient.HttpClient,
        transport(() => length)
      ),
      Scope.extend(scope)
    )
  )

/** Clocks and retries as the defaults have them, and nothing that has state. */
const bare: Policy.Patch = {
  budget: "off",
  breaker: "off",
  concurrency: "off",
  throttle: "off",
  hedging: "off",
  fallback: [],
  slow: "off"
}

const every: Policy.Patch = {
  budget: {},
  breaker: {},
  concurrency: { limit: 4, queue: 100, admission: { target: "10 seconds", interval: "10 seconds" } },
  throttle: {},
  hedging: { after: "10 seconds" },
  fallback: [{ model: "small" }],
  timeouts: { total: "10 minutes" },
  slow: {}
}

const patches: Readonly<Record<string, Policy.Patch>> = {
  bare: {},
  // another client that is the same: what comes out where nothing differs
  "another bare one": {},
  "retry budget": { budget: {} },
  "circuit breakers (host, model)": { breaker: {} },
  concurrency: { concurrency: {} },
  "concurrency, bounded, admission": { concurrency: every.concurrency },
  throttle: { throttle: {} },
  hedging: { hedging: { after: "10 seconds" } },
  fallback: { fallback: [{ model: "small" }] },
  "total timeout": { timeouts: { total: "10 minutes" } },
  "slow calls": { slow: {} },
  "the defaults": { budget: {}, breaker: {}, concurrency: {}, slow: {} },
  all: every
}

const policyOf = (patch: Policy.Patch) => Policy.merge(Policy.merge(Policy.defaults, bare), patch)

const sequentially = (call: Effect.Effect<unknown, unknown>) => (count: number) =>
  Effect.runPromise(Effect.orDie(Effect.asVoid(Effect.repeatN(call, count - 1))))

const ofPromise = (call: () => Promise<unknown>) => async (count: number) => {
  for (let n = 0; n < count; n++) await call()
}

const plain = clientOf(policyOf({}))
const once = () => Effect.runPromise(Effect.orDie(plain.chat(request)))

const cockatielBreaker = Cockatiel.circuitBreaker(Cockatiel.handleAll, {
  halfOpenAfter: 5000,
  breaker: new Cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000 })
})
const cockatielAll = Cockatiel.wrap(
  Cockatiel.timeout(600_000, Cockatiel.TimeoutStrategy.Aggressive),
  Cockatiel.fallback(Cockatiel.handleType(TypeError), undefined),
  Cockatiel.retry(Cockatiel.handleAll, { maxAttempts: 3, backoff: new Cockatiel.ExponentialBackoff() }),
  cockatielBreaker,
  Cockatiel.bulkhead(4, 100)
)
const opossum = new Opossum(once, { timeout: 600_000, capacity: 4, volumeThreshold: 10 })

/** Each makes so many calls, one after the other. */
export const calls = {
  ...Object.fromEntries(
    Object.entries(patches).map(([name, patch]) => [name, sequentially(clientOf(policyOf(patch)).chat(request))])
  ),
  promise: ofPromise(once),
  "cockatiel, breaker": ofPromise(() => cockatielBreaker.execute(once)),
  "cockatiel, all it has": ofPromise(() => cockatielAll.execute(once)),
  "opossum, breaker and bulkhead": ofPromise(() => opossum.fire())
}

const streaming = (client: OllamaClient.Service) => async (count: number) => {
  length = count
  await Effect.runPromise(Effect.orDie(Stream.runDrain(client.chatStream(request))))
  length = 1
}

/** Each reads a stream of so many tokens. */
export const tokens = {
  bare: streaming(plain),
  "another bare one": streaming(clientOf(policyOf({}))),
  all: streaming(clientOf(policyOf(every)))
}
