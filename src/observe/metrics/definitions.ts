/**
 * All metrics, with their names, units, buckets and tags.
 *
 * Those under `gen_ai` are OpenTelemetry's (semantic conventions for generative AI, in development; names, units, buckets
 * and attributes as of `@opentelemetry/semantic-conventions` 1.43). Those under `ollama.client` are what they have no
 * name for.
 */
import * as Instrument from "./instrument.js"

/** Buckets of the conventions for durations, in seconds. */
const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]

/** The same, and on to what a load of a large model takes. */
const longSeconds = [...seconds, 163.84, 327.68, 655.36]

/** Buckets of the conventions for one token, in seconds. */
const secondsPerToken = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]

/** Buckets of the conventions for tokens: powers of four. */
const tokens = Array.from({ length: 14 }, (_, n) => 4 ** n)

const server = ["server.address", "server.port"]
const modelOnServer = ["gen_ai.request.model", ...server]
const operation = ["gen_ai.operation.name", "gen_ai.provider.name"]
const call = [...operation, ...modelOnServer]

export const operationDuration = Instrument.histogram(
  {
    name: "gen_ai.client.operation.duration",
    unit: "s",
    description: "Duration of a chat, completion or embedding, from the call to its end, in seconds.",
    tags: [...call, "error.type"]
  },
  seconds
)

export const timeToFirstChunk = Instrument.histogram(
  {
    name: "gen_ai.client.operation.time_to_first_chunk",
    unit: "s",
    description: "Time from the call to the first value of its answer, in seconds.",
    tags: call
  },
  seconds
)

export const timePerOutputToken = Instrument.histogram(
  {
    name: "gen_ai.server.time_per_output_token",
    unit: "s",
    description: "Time per generated token as the server measured it, one value a call, in seconds.",
    tags: call
  },
  secondsPerToken
)

export const tokenUsage = Instrument.histogram(
  {
    name: "gen_ai.client.token.usage",
    unit: "{token}",
    description: "Tokens of a call, as the server counted them.",
    tags: [...call, "gen_ai.token.type"]
  },
  tokens
)

export const otherDuration = Instrument.histogram(
  {
    name: "ollama.client.operation.duration",
    unit: "s",
    description: "Duration of a call that generates nothing (list, show, pull and so on), in seconds.",
    tags: [...operation, ...server, "error.type"]
  },
  longSeconds
)

export const calls = Instrument.counter({
  name: "ollama.client.calls",
  unit: "{call}",
  description: "Calls that have ended: as success, left by the caller, or with the tag of their failure.",
  tags: [...call, "ollama.outcome"]
})

export const phaseDuration = Instrument.histogram(
  {
    name: "ollama.client.phase.duration",
    unit: "s",
    description: "Where the time of a call went: one value for each phase that is known, in seconds.",
    tags: [...call, "ollama.phase"]
  },
  longSeconds
)

export const verdicts = Instrument.counter({
  name: "ollama.client.verdicts",
  unit: "{call}",
  description: "Calls that have ended, by what was found to be the reason for the time they took.",
  tags: [...operation, ...server, "ollama.verdict"]
})

export const slowCalls = Instrument.counter({
  name: "ollama.client.slow_calls",
  unit: "{call}",
  description: "Calls that passed a slow threshold while they ran, by the phase they were in and the verdict.",
  tags: [...call, "ollama.phase", "ollama.verdict"]
})

export const io = Instrument.counter({
  name: "ollama.client.io",
  unit: "By",
  description: "Bytes of requests (transmit) and answers (receive), without headers.",
  tags: [...operation, ...server, "network.io.direction"]
})

export const retries = Instrument.counter({
  name: "ollama.client.retries",
  unit: "{attempt}",
  description: "Attempts that failed and were followed by another, by the tag of their failure.",
  tags: [...call, "error.type"]
})

export const decisions = Instrument.counter({
  name: "ollama.client.decisions",
  unit: "{decision}",
  description: "What policies decided: retried, heldOffline, queued, hedged, fellBack, refused, notRetried, reasked.",
  tags: [...call, "ollama.decision"]
})

export const loadDuration = Instrument.histogram(
  {
    name: "ollama.client.load.duration",
    unit: "s",
    description: "Loads of models that the client asked for, by how they ended, in seconds.",
    tags: [...modelOnServer, "ollama.outcome"]
  },
  longSeconds
)

export const breakerTransitions = Instrument.counter({
  name: "ollama.client.breaker.transitions",
  unit: "{transition}",
  description: "Changes of circuit breakers (without a model: of a host), by the state they went to.",
  tags: [...modelOnServer, "ollama.breaker.state"]
})

export const activeCalls = Instrument.gauge({
  name: "ollama.client.active_calls",
  unit: "{call}",
  description: "Calls that run now.",
  tags: [...operation, ...server]
})

export const queuedCalls = Instrument.gauge({
  name: "ollama.client.queued_calls",
  unit: "{call}",
  description: "Calls that wait for a permit of their model now.",
  tags: modelOnServer
})

export const permits = Instrument.gauge({
  name: "ollama.client.permits",
  unit: "{call}",
  description: "Calls that have a permit of their model now.",
  tags: modelOnServer
})

export const concurrencyLimit = Instrument.gauge({
  name: "ollama.client.concurrency_limit",
  unit: "{call}",
  description: "How many calls of a model may be at the server at once.",
  tags: modelOnServer
})

export const breakers = Instrument.gauge({
  name: "ollama.client.breakers",
  unit: "{breaker}",
  description: "Circuit breakers (without a model: of a host) that are in a state now.",
  tags: [...modelOnServer, "ollama.breaker.state"]
})

export const retryBudget = Instrument.gauge({
  name: "ollama.client.retry_budget",
  unit: "{token}",
  description: "What is left in the pool of the retry budget; its tokens pay for retries.",
  tags: []
})

export const dropped = Instrument.counter({
  name: "ollama.client.dropped",
  unit: "{event}",
  description: "Records and slow calls that were dropped because nobody read them in time.",
  tags: []
})

export { sharedExchanges } from "./shared.js"
