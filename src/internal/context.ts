/** From what was recognised below to a failure with everything that is known of the call. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import type * as OllamaError from "../OllamaError.js"
import { defined } from "./defined.js"
import * as Scrub from "./scrub.js"

/** The fields that every failure has in common, as its constructor takes them. */
export interface Common {
  readonly host?: string
  readonly endpoint: string
  readonly model?: string
  readonly phase: OllamaError.Phase
  readonly elapsed: Duration.Duration
  readonly attempts: ReadonlyArray<OllamaError.Attempt>
  readonly status?: number
  readonly detail?: string
  readonly cause?: OllamaError.Cause
  readonly partial?: OllamaError.Partial
}

/** Takes out of a text of somebody else's what no failure may say. */
export type Clean = (text: string) => string

/** A failure without the call it happened to; every text of somebody else's goes through `clean`. */
export type Seed = (common: Common, clean: Clean) => OllamaError.OllamaError

/** What a call is, as far as failures want to know. */
export interface Call {
  readonly host?: string
  readonly endpoint: string
  readonly model?: string
  /** Values that must not appear in any failure. */
  readonly secrets: ReadonlyArray<string>
  /** The encoded request, whose words must not appear in any failure. */
  readonly request: unknown
  /** Milliseconds on Clock when the call began. */
  readonly startedAt: number
}

/** What is known where the failure is made. */
export interface At {
  readonly phase: OllamaError.Phase
  readonly now: number
  readonly status?: number | undefined
  readonly detail?: string | undefined
  readonly cause?: OllamaError.Cause | undefined
  readonly partial?: OllamaError.Partial | undefined
  readonly attempts?: ReadonlyArray<OllamaError.Attempt>
}

export const make = (seed: Seed, call: Call, at: At): OllamaError.OllamaError => {
  const { attempts = [], cause, detail, now, partial, phase, status } = at
  const { endpoint, host, model } = call
  // an answer is the caller's as much as the prompt is
  const said = partial === undefined ? [] : [partial.text, partial.thinking]
  const clean: Clean = (text) => Scrub.scrub(text, call.secrets, call.request, said)
  return seed(
    defined({
      host,
      endpoint,
      model,
      phase,
      elapsed: elapsed(call.startedAt, now),
      attempts,
      status,
      detail: detail ? clean(detail) : undefined,
      cause:
        cause &&
        defined({
          code: cause.code === undefined ? undefined : clean(cause.code),
          name: clean(cause.name),
          message: clean(cause.message)
        }),
      partial
    }),
    clean
  )
}

const elapsed = (since: number, now: number): Duration.Duration => Duration.millis(Math.max(0, now - since))

/** Where an attempt was when something failed, if not in its stage; and what the failure tells. */
export type Extra = Partial<Omit<At, "now" | "partial" | "attempts">>

/** What an attempt knows beside its call. */
export interface Attempted {
  /** What has arrived of the answer. */
  readonly partial: () => OllamaError.Partial | undefined
  /** Learns of every failure that is made. */
  readonly failed: (error: OllamaError.OllamaError) => void
}

/** Makes the failures of one attempt; the stage moves on as the attempt does. */
export class Attempt {
  /** @param earlier the failures of earlier attempts of the call */
  constructor(
    readonly call: Call,
    private readonly clock: Clock.Clock,
    private readonly earlier: ReadonlyArray<OllamaError.Attempt>,
    public stage: OllamaError.Phase,
    private readonly attempted?: Attempted
  ) {}

  failure(seed: Seed, extra?: Extra): OllamaError.OllamaError {
    const error = make(seed, this.call, {
      phase: this.stage,
      ...extra,
      now: this.clock.unsafeCurrentTimeMillis(),
      attempts: this.earlier,
      partial: this.attempted?.partial()
    })
    this.attempted?.failed(error)
    return error
  }
}

/** The short form in which later attempts remember a failure. */
export const short = (
  { _tag: tag, detail, host, phase, status }: OllamaError.OllamaError,
  attemptStartedAt: number,
  now: number
): OllamaError.Attempt => defined({ tag, phase, elapsed: elapsed(attemptStartedAt, now), host, status, detail })
