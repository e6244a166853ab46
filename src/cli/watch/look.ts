/** A look at a server that loads nothing: does it answer, and which models are in memory. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Model from "../../api/Model.js"
import { defined } from "../../internal/defined.js"
import type { HostHealth, Resident } from "../../observe/HealthMonitor.js"
import type * as OllamaClient from "../../OllamaClient.js"
import type * as OllamaError from "../../OllamaError.js"

const limits: OllamaClient.CallOptions = {
  policy: { timeouts: { firstToken: "5 seconds", total: "5 seconds" }, retry: { attempts: 1 } }
}

const residentOf = (model: Model.RunningModel): Resident =>
  defined({
    name: model.name,
    size: model.size,
    sizeVram: model.size_vram,
    context: model.context_length ?? undefined,
    expiresAt: model.expires_at
  })

/** What nothing is known of yet. */
export const unseen = (host: string, at: DateTime.Utc): HostHealth => ({
  host,
  status: "unknown",
  since: at,
  why: "not heard of yet",
  misses: 0,
  running: 0,
  models: [],
  moves: []
})

const isUnreachable = (error: OllamaError.OllamaError): boolean =>
  error._tag === "Unreachable" ||
  error._tag === "CircuitOpen" ||
  (error._tag === "Timeout" && error.phase === "connect")

/** What is known after one more look. */
export const look = (client: OllamaClient.Service, before: HostHealth): Effect.Effect<HostHealth> =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const version = client.version(limits).pipe(
      Effect.either,
      Effect.zip(Clock.currentTimeMillis),
      Effect.map(([answer, at]) => ({ answer, took: at - startedAt }))
    )
    const [{ answer, took }, running] = yield* Effect.all([version, Effect.either(client.running(limits))], {
      concurrency: 2
    })
    const at = yield* DateTime.now
    const become = (status: HostHealth["status"], why: string) => ({
      status,
      why,
      since: status === before.status ? before.since : at
    })
    if (Either.isLeft(answer)) {
      const misses = before.misses + 1
      const isDown = isUnreachable(answer.left)
      return { ...before, ...become(isDown ? "unreachable" : "unknown", answer.left.message), misses }
    }
    const heard = { ...before, misses: 0, version: answer.right.version, latency: Duration.millis(took), heardAt: at }
    return Either.isLeft(running)
      ? { ...heard, ...become("busy", "it answers, but does not say which models are in memory") }
      : { ...heard, ...become("healthy", ""), models: running.right.models.map(residentOf), modelsAt: at }
  })
