/** Requests that run beside the test, on its clock: when each of them ended, and with what. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { OllamaSimulator } from "effect-ollama/testing"
import { chat, codeOf, json, post, type Wire } from "./calls.js"

/** How it ended for its client, and when (milliseconds since the test began). */
export interface Outcome {
  readonly at: number
  readonly status: number | undefined
  readonly body: Wire | undefined
  /** The code of the broken connection. */
  readonly code: unknown
}

/** A request under way. */
export interface Request {
  /** Its end, waited for. */
  readonly end: Effect.Effect<Outcome>
  /** Whether it has ended. */
  readonly isOver: Effect.Effect<boolean>
  /** Its client goes away. */
  readonly leave: Effect.Effect<void>
}

/** The whole answer, of a stream (`stream: true`) the last line. */
const whole = (path: string, body: object) =>
  "stream" in body && body.stream === true
    ? Effect.flatMap(post(path, body), (response) =>
        Effect.map(response.text, (text) => ({
          status: response.status,
          body: JSON.parse(text.trimEnd().split("\n").at(-1) ?? "") as Wire
        }))
      )
    : json(path, { stream: false, ...body })

/** Sends a request, to be answered in one piece unless it says otherwise; it has reached the server when this returns. */
export const send = (path: string, body: object) =>
  Effect.gen(function* () {
    const control = yield* OllamaSimulator.OllamaSimulator
    const { length } = yield* control.requests
    const fiber = yield* Effect.fork(
      Effect.gen(function* () {
        const result = yield* Effect.either(whole(path, body))
        const at = yield* Clock.currentTimeMillis
        const outcome: Outcome = Either.isRight(result)
          ? { at, status: result.right.status, body: result.right.body, code: undefined }
          : { at, status: undefined, body: undefined, code: codeOf(result.left) }
        return outcome
      })
    )
    yield* Effect.raceFirst(control.arrived(length), Fiber.await(fiber))
    yield* TestClock.adjust(0)
    const request: Request = {
      end: Effect.orDie(Fiber.join(fiber)),
      isOver: Effect.map(Fiber.poll(fiber), (exit) => exit._tag === "Some" && Exit.isSuccess(exit.value)),
      leave: Effect.zipRight(Fiber.interrupt(fiber), TestClock.adjust(0))
    }
    return request
  })

/** A chat with this model. */
export const ask = (model: string, extra: object = {}) => send("/api/chat", chat({ model, ...extra }))

/** What the simulator counts now. */
export const state = Effect.flatMap(OllamaSimulator.OllamaSimulator, (control) => control.state)

/** The short names of the models in memory, sorted. */
export const resident = Effect.map(
  Effect.flatMap(OllamaSimulator.OllamaSimulator, (control) => control.loaded),
  (names) => names.map((name) => name.replace(":latest", "")).sort()
)

/** Seconds of the test's clock go by. */
export const seconds = (count: number) => TestClock.adjust(count * 1000)
