/** Makers of failures that wait for the call they happened to. */
import type * as Duration from "effect/Duration"
import * as OllamaError from "../OllamaError.js"
import type { Seed } from "./context.js"

export const invalid =
  (issue: OllamaError.InvalidRequest["issue"], field?: string, remedy?: string): Seed =>
  (common) =>
    new OllamaError.InvalidRequest({
      ...common,
      issue,
      ...(field === undefined ? {} : { field }),
      ...(remedy === undefined ? {} : { remedy })
    })

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
    new OllamaError.Overloaded({ ...common, by, remedy, ...(retryAfter === undefined ? {} : { retryAfter }) })

export const loadFailed =
  (outOfMemory: boolean, remedy: string): Seed =>
  (common) =>
    new OllamaError.LoadFailed({ ...common, outOfMemory, remedy })

export const serverError =
  (state: { readonly crashed?: true; readonly transient?: true }, remedy: string): Seed =>
  (common) =>
    new OllamaError.ServerError({
      ...common,
      crashed: state.crashed ?? false,
      transient: state.transient ?? false,
      remedy
    })

export const unauthorized =
  (options: { readonly remedy?: string; readonly signinUrl?: string } = {}): Seed =>
  (common) =>
    new OllamaError.Unauthorized({ ...common, ...options })

export const modelNotFound: Seed = (common) => new OllamaError.ModelNotFound(common)

export const timeout =
  (limit: Duration.Duration, remedy: string): Seed =>
  (common) =>
    new OllamaError.Timeout({ ...common, limit, remedy })
