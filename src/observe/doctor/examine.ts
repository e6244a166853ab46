/** All probes, one after the other where one needs the other, and the report of what they found. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Options } from "../Doctor.js"
import type { Cause, Report } from "./report.js"

const unknown: Cause = { holds: "unknown", evidence: [], fixes: [] }

export const run = (_options: Options): Effect.Effect<Report, never, HttpClient.HttpClient> =>
  Effect.map(DateTime.now, (startedAt) => ({
    startedAt,
    took: Duration.zero,
    isComplete: false,
    verdict: { cause: "other", text: "Nothing was looked at yet." },
    causes: { unreachable: unknown, timeoutTooLow: unknown, overloaded: unknown, blocked: unknown },
    checks: [],
    facts: {
      machine: { os: "unknown", wsl: false },
      address: { notes: [] },
      tcp: [],
      proxies: [],
      elsewhere: [],
      limits: []
    }
  }))
