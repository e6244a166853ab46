/** Makers of failures that wait for the call they happened to. */
import type * as Duration from "effect/Duration"
import * as OllamaError from "../OllamaError.js"
import type { Clean, Seed } from "./context.js"
import { defined } from "./defined.js"

export const invalid =
  (issue: OllamaError.InvalidRequest["issue"], field?: string, remedy?: string): Seed =>
  (common, clean) =>
    new OllamaError.InvalidRequest(
      defined({ ...common, issue, field: field === undefined ? undefined : clean(field), remedy })
    )

export const unreachable =
  (reason: OllamaError.Unreachable["reason"], remedy: string): Seed =>
  (common) =>
    new OllamaError.Unreachable({ ...common, reason, remedy })

export const blocked =
  (by: OllamaError.Blocked["by"], remedy: string): Seed =>
  (common) =>
    new OllamaError.Blocked({ ...common, by, remedy })

export const overloaded =
  (by: OllamaError.Overloaded["by"], remedy: string, retryAfter: Duration.Duration | undefined): Seed =>
  (common) =>
    new OllamaError.Overloaded(defined({ ...common, by, remedy, retryAfter }))

export const loadFailed =
  (outOfMemory: boolean, remedy?: string): Seed =>
  (common) =>
    new OllamaError.LoadFailed(defined({ ...common, outOfMemory, remedy }))

export const serverError =
  (crashed: boolean, transient: boolean, remedy?: string): Seed =>
  (common) =>
    new OllamaError.ServerError(defined({ ...common, crashed, transient, remedy }))

/** Whether something was taken out of an address, which then leads nowhere; in it, spaces are percent-encoded. */
const says = (url: string, clean: Clean): boolean => /\[(prompt|redacted)\]/.test(clean(decoded(url)))

const decoded = (url: string): string => {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}

export const unauthorized =
  (remedy?: string, signinUrl?: string): Seed =>
  (common, clean) =>
    new OllamaError.Unauthorized(
      defined({
        ...common,
        remedy,
        signinUrl: signinUrl === undefined || says(signinUrl, clean) ? undefined : signinUrl
      })
    )

export const modelNotFound: Seed = (common) => new OllamaError.ModelNotFound(common)

export const timeout =
  (limit: Duration.Duration, remedy: string): Seed =>
  (common) =>
    new OllamaError.Timeout({ ...common, limit, remedy })
