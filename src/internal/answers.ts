/** Whether anything answers at all: a probe of the library's own, of which nothing but that is wanted. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constFalse } from "effect/Function"
import type * as Host from "./host.js"

/** @param saysSo whether a failure is a sign of somebody, too */
export const any = (
  host: Host.Host,
  request: HttpClientRequest.HttpClientRequest,
  limit: Duration.DurationInput,
  saysSo: (error: unknown) => boolean = constFalse
): Effect.Effect<boolean> =>
  Effect.suspend(() => host.client.execute(request)).pipe(
    Effect.scoped,
    Effect.timeout(limit),
    Effect.match({ onSuccess: () => true, onFailure: saysSo }),
    // what breaks in a probe is no part of the call
    Effect.catchAllCause(() => Effect.succeed(false))
  )
