/**
 * The failures of Ollama as `AiError`s, each with ours as its cause.
 *
 * @since 0.1.0
 */
import * as AiError from "@effect/ai/AiError"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as OllamaError from "../OllamaError.js"

/**
 * Where a failure is said to come from, as in every `AiError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Origin {
  /** The module that was called, such as `OllamaLanguageModel`. */
  readonly module: string
  /** Its method, such as `generateText`. */
  readonly method: string
}

/** Without headers, which may hold credentials. */
const requestOf = ({ endpoint, host = "" }: OllamaError.OllamaError): typeof AiError.HttpRequestDetails.Type => ({
  method: "POST",
  url: `${host}${endpoint}`,
  urlParams: [],
  hash: Option.none(),
  headers: {}
})

interface Parts extends Origin {
  readonly description: string
  readonly cause: OllamaError.OllamaError
}

const transport = (parts: Parts): AiError.AiError =>
  new AiError.HttpRequestError({ ...parts, reason: "Transport", request: requestOf(parts.cause) })

/** An answer with a bad status; anything else, such as an error in the middle of an answer that began well, is unknown. */
const response = (parts: Parts, reason: "StatusCode" | "Decode"): AiError.AiError => {
  const { cause, ...rest } = parts
  const { status } = cause
  if (status === undefined || (reason === "StatusCode" && status < 400)) return new AiError.UnknownError(parts)
  const error = new AiError.HttpResponseError({
    ...rest,
    reason,
    request: requestOf(cause),
    response: { status, headers: {} }
  })
  // the only class of AiError without the field
  return Object.defineProperty(error, "cause", { value: cause, configurable: true })
}

/**
 * The `AiError` that says the same. Ours is its `cause`, and its one-line message the `description`.
 *
 * | ours | `AiError` |
 * |---|---|
 * | `InvalidRequest` | `MalformedInput` |
 * | `MalformedOutput` | `MalformedOutput` |
 * | `Timeout`, `Unreachable`, `StreamInterrupted` | `HttpRequestError` (`Transport`) |
 * | `Overloaded`, `Blocked`, `Unauthorized`, `ModelNotFound`, `LoadFailed`, `ServerError` with a status of 400 or more | `HttpResponseError` (`StatusCode`) |
 * | `ProtocolError` with a status | `HttpResponseError` (`Decode`) |
 * | `CircuitOpen`, and those of the last two rows without such a status | `UnknownError` |
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromOllamaError = (error: OllamaError.OllamaError, origin: Origin): AiError.AiError => {
  const parts: Parts = { module: origin.module, method: origin.method, description: error.message, cause: error }
  switch (error._tag) {
    case "InvalidRequest":
      return new AiError.MalformedInput(parts)
    case "MalformedOutput":
      return new AiError.MalformedOutput(parts)
    case "Timeout":
    case "Unreachable":
    case "StreamInterrupted":
      return transport(parts)
    case "ProtocolError":
      return response(parts, "Decode")
    case "CircuitOpen":
      return new AiError.UnknownError(parts)
    case "Blocked":
    case "LoadFailed":
    case "ModelNotFound":
    case "Overloaded":
    case "ServerError":
    case "Unauthorized":
      return response(parts, "StatusCode")
  }
}

/**
 * Our failure inside an error, where one is its cause.
 *
 * @example
 * ```ts
 * import { LanguageModel } from "@effect/ai"
 * import { Effect, Option } from "effect"
 * import { OllamaAiError } from "effect-ollama/ai"
 *
 * const program = LanguageModel.generateText({ prompt: "Hello" }).pipe(
 *   Effect.tapError((error) =>
 *     Option.match(OllamaAiError.toOllamaError(error), {
 *       onNone: () => Effect.logError(error._tag),
 *       onSome: (failure) => Effect.logError(`${failure._tag} in ${failure.phase}: ${failure.remedy}`)
 *     })
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const toOllamaError = (error: unknown): Option.Option<OllamaError.OllamaError> =>
  Predicate.hasProperty(error, "cause") && OllamaError.isOllamaError(error.cause)
    ? Option.some(error.cause)
    : Option.none()

/**
 * Whether the same call, made again, may succeed: what our failure inside says, and false where there is none. The client
 * has then already retried what its policy retries.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRetryable = (error: unknown): boolean =>
  Option.exists(toOllamaError(error), (failure) => failure.isRetryable)
