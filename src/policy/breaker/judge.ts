/** What a failure says about the target: that it is sick, that it is well, or nothing. */
import * as OllamaError from "../../OllamaError.js"

/**
 * What the end of a call says about the target. `ignored` gives the call's place back and counts as nothing.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = "success" | "failure" | "ignored"

/** What a proxy says of a caller that left. */
const isCanceled = ({ status }: OllamaError.OllamaError): boolean => status === 499

/**
 * Whether the host can be reached. `success` is that it answered, whatever it said.
 *
 * | failure | says |
 * |---|---|
 * | `Unreachable` refused, dns, unroutable, reset, gateway, offline; `Timeout` connect | failure |
 * | `Unreachable` tls, protocol, upstream; `Blocked`, `Unauthorized`, `InvalidRequest`, `CircuitOpen`; `Overloaded` by the client | ignored: a setting, a proxy or the caller, not the host |
 * | `Overloaded` by a gateway; `Timeout` load, firstToken, response, total; `StreamInterrupted` | ignored: the host is slow or broke off, which says nothing of the way to it |
 * | a status 499 | ignored: the caller had left |
 * | `Timeout` gap; `Overloaded` by the server or a quota; `ModelNotFound`, `LoadFailed`, `ServerError`, `ProtocolError`, `MalformedOutput` | success: something was answered |
 *
 * @since 0.1.0
 * @category judges
 */
export const judgeReachability = (error: OllamaError.OllamaError): Outcome => {
  if (isCanceled(error)) return "ignored"
  switch (error._tag) {
    case "Unreachable":
      switch (error.reason) {
        case "refused":
        case "dns":
        case "unroutable":
        case "reset":
        case "gateway":
        case "offline":
          return "failure"
        case "tls":
        case "protocol":
        case "upstream":
          return "ignored"
      }
    case "Timeout":
      // what is waited for after the connection may be late for many reasons; a gap comes after a chunk
      return error.phase === "connect" ? "failure" : error.phase === "gap" ? "success" : "ignored"
    case "Overloaded":
      return error.by === "server" || error.by === "quota" ? "success" : "ignored"
    case "Blocked":
    case "CircuitOpen":
    case "Unauthorized":
    case "InvalidRequest":
    case "StreamInterrupted":
      return "ignored"
    case "ModelNotFound":
    case "LoadFailed":
    case "ServerError":
    case "ProtocolError":
    case "MalformedOutput":
      return "success"
  }
}

/**
 * Whether a host generates with a model.
 *
 * | failure | says |
 * |---|---|
 * | `Timeout` load, firstToken, gap; `LoadFailed`, `ServerError`, `StreamInterrupted`, `ProtocolError`; `Unreachable` upstream (a model in the cloud) | failure |
 * | `MalformedOutput` | success: the model answered, if not what was asked for |
 * | a status 499 | ignored: the caller had left |
 * | any other `Unreachable`, `Timeout` connect | ignored: a matter of the host's own breaker |
 * | `Timeout` response, total; `Overloaded`, `Blocked`, `CircuitOpen`, `Unauthorized`, `ModelNotFound`, `InvalidRequest` | ignored: the caller's, or nothing that shows how the model does |
 *
 * @since 0.1.0
 * @category judges
 */
export const judgeGeneration = (error: OllamaError.OllamaError): Outcome => {
  if (isCanceled(error)) return "ignored"
  switch (error._tag) {
    case "Timeout":
      return error.phase === "load" || error.phase === "firstToken" || error.phase === "gap" ? "failure" : "ignored"
    case "Unreachable":
      return error.reason === "upstream" ? "failure" : "ignored"
    case "LoadFailed":
    case "ServerError":
    case "StreamInterrupted":
    case "ProtocolError":
      return "failure"
    case "MalformedOutput":
      return "success"
    case "Overloaded":
    case "Blocked":
    case "CircuitOpen":
    case "Unauthorized":
    case "ModelNotFound":
    case "InvalidRequest":
      return "ignored"
  }
}

/**
 * What a breaker of your own goes by, where no other judge is given: a failure of this library is one if it is one for
 * the host or for the model; any other error is one.
 *
 * @since 0.1.0
 * @category judges
 */
export const judge = (error: unknown): Outcome => {
  if (!OllamaError.isOllamaError(error)) return "failure"
  const generation = judgeGeneration(error)
  return generation === "ignored" && judgeReachability(error) === "failure" ? "failure" : generation
}
