/** Evidence as it never was, for properties of verdicts. */
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import { Prediction } from "../../src/record/CallRecord.js"
import * as Learned from "../../src/record/Learned.js"
import type * as Verdict from "../../src/record/Verdict.js"

/** Stands in it, where a server or a caller could have put it. */
export const secret = "sk-hunter2"

const optional = <A>(value: FastCheck.Arbitrary<A>) => FastCheck.option(value, { nil: undefined })
const number = FastCheck.oneof(FastCheck.double(), FastCheck.integer(), FastCheck.integer({ min: 0, max: 9 }))
const duration = FastCheck.oneof(
  FastCheck.integer({ min: 0, max: 300_000 }).map(Duration.millis),
  FastCheck.double({ noNaN: true, min: 0 }).map(Duration.millis),
  FastCheck.constantFrom(Duration.infinity, Duration.zero, Duration.nanos(1n))
)
const phase = FastCheck.constantFrom(
  ...(["prepare", "queue", "connect", "load", "firstToken", "gap", "response", "total"] as const)
)
/** What nobody should read in a verdict, among what may come from a server or a caller. */
const text = FastCheck.oneof(
  FastCheck.constantFrom(
    "Timeout",
    "Unreachable",
    "Blocked",
    "Overloaded",
    "CircuitOpen",
    "LoadFailed",
    "success",
    "left",
    "refused",
    "server",
    "num_ctx",
    "qwen3:8b",
    `user:${secret}@host/model`,
    `\n\r\u2028 ${secret}@`
  ),
  FastCheck.string().map((words) => words.replaceAll(secret, ""))
)

const prediction = Arbitrary.make(Prediction)
const detectors = Arbitrary.make(Learned.Detectors)

/** Whatever may be known of a call. */
export const evidence: FastCheck.Arbitrary<Verdict.Evidence> = FastCheck.record({
  elapsed: duration,
  running: optional(FastCheck.record({ phase, inPhase: duration, silent: optional(duration) })),
  outcome: optional(text),
  failure: optional(
    FastCheck.record({
      _tag: text,
      phase: optional(phase),
      reason: optional(text),
      by: optional(text),
      limit: optional(duration),
      outOfMemory: optional(FastCheck.boolean()),
      lastFailure: optional(FastCheck.record({ tag: text, phase: optional(phase) }))
    })
  ),
  endedIn: optional(phase),
  phases: optional(
    FastCheck.dictionary(
      FastCheck.constantFrom("waiting", "lost", "connecting", "queued", "loading", "prompt", "generating", "other"),
      FastCheck.record({ actual: duration, predicted: prediction }, { requiredKeys: ["actual"] })
    )
  ),
  predicted: optional(
    FastCheck.record({
      loading: optional(prediction),
      queued: optional(prediction),
      prompt: optional(prediction),
      generating: optional(prediction),
      total: optional(prediction)
    })
  ),
  isSlow: optional(FastCheck.boolean()),
  waitedFor: optional(FastCheck.constantFrom("permit" as const, "offline" as const, "backoff" as const)),
  hasTools: optional(FastCheck.boolean()),
  promptTokens: optional(number),
  gigabytes: optional(number),
  host: optional(
    FastCheck.record({
      lastContact: optional(duration),
      probe: optional(FastCheck.constantFrom("fast" as const, "slow" as const, "failing" as const)),
      others: optional(FastCheck.constantFrom("answer" as const, "fail" as const)),
      wasResident: optional(FastCheck.boolean()),
      listing: optional(FastCheck.constantFrom("listed" as const, "absent" as const, "late" as const)),
      size: optional(number),
      sizeVram: optional(number),
      evictions: optional(number),
      rivals: optional(FastCheck.array(text)),
      changedOptions: optional(FastCheck.array(text)),
      isLoadingOther: optional(FastCheck.boolean()),
      detectors: optional(detectors),
      otherDetectors: optional(FastCheck.array(detectors, { maxLength: 3 })),
      inFlight: optional(number),
      usualInFlight: optional(number),
      ahead: optional(number),
      parallel: optional(number)
    })
  )
})
