/** What happens in a simulation: machines, models, who asks how much, and what goes wrong when. */
import type { Fault } from "effect-ollama/testing"

/** A machine with Ollama. Rates are those of a machine that is not slowed down. */
export interface Machine {
  /** GB. */
  readonly memory: number
  /** GB a second. */
  readonly loadRate: number
  /** Tokens a second. */
  readonly promptRate: number
  /** Tokens a second, of each answer. */
  readonly tokenRate: number
  /** Answers at a time, of all its models. */
  readonly slots: number
}

export const machine = (parts: Partial<Machine> = {}): Machine => ({
  memory: 24,
  loadRate: 1,
  promptRate: 800,
  tokenRate: 40,
  slots: 2,
  ...parts
})

export interface Model {
  readonly name: string
  /** GB. */
  readonly size: number
  /** Its part of all requests, as a weight. */
  readonly weight: number
  /** Mean tokens of an answer. */
  readonly answer: number
}

/** Times in seconds since the start; `to` may be infinite. */
interface Span {
  readonly host: number
  readonly from: number
  readonly to: number
}

/**
 * A machine that cannot be used. `refuse`: Ollama is not running; what it did is lost, and so is what it had in memory.
 * `hang`: no packet comes through in either direction. `unroutable`: this computer has no network.
 */
export interface Outage extends Span {
  readonly how: "refuse" | "hang" | "unroutable"
}

export interface Slow extends Span {
  readonly factor: number
}

/** A fault of the server or its answers, by the simulator's own vocabulary. */
export interface Broken extends Span {
  readonly fault: Fault.Fault
}

/** A fault that hits this part of the requests after their first token, whatever the machine. */
export interface Struck {
  readonly share: number
  readonly fault: Fault.Fault
}

export interface Scenario {
  readonly id: string
  /** What happens, in a sentence. */
  readonly says: string
  readonly machines: ReadonlyArray<Machine>
  readonly models: ReadonlyArray<Model>
  /** Part of what the machines that are usable at the start can do that is asked for. */
  readonly load: number
  /** From and to in seconds, and how many times as many requests. */
  readonly burst?: readonly [from: number, to: number, factor: number]
  /** How many clients that do not know of each other share the requests. Default 1. */
  readonly clients?: number
  /** This part of the prompts has so many tokens. */
  readonly longPrompts?: { readonly share: number; readonly tokens: number }
  readonly outages?: ReadonlyArray<Outage>
  readonly slow?: ReadonlyArray<Slow>
  readonly broken?: ReadonlyArray<Broken>
  readonly struck?: ReadonlyArray<Struck>
  /** Somebody else asks each machine for this model, a request each so many seconds. */
  readonly others?: { readonly model: Model; readonly every: number }
  readonly psBlocksDuringLoad?: boolean
  /** At this second the clock of the client's computer goes forward by so many seconds. */
  readonly clockJump?: { readonly at: number; readonly by: number }
  /** Every so many seconds the policy is changed to another one and back. */
  readonly reload?: number
  /** More is asked for than can be done. */
  readonly isOverload?: boolean
  /** Failures that are right in it, as `tag detail`, besides the end of the caller's own time. */
  readonly failures?: ReadonlyArray<string>
  /** Verdicts that are right in it for a call that failed, besides those that say that there was too much to do. */
  readonly verdicts?: ReadonlyArray<string>
}

/** Milliseconds that a caller waits for the whole answer. */
export const deadline = 120_000

/** Milliseconds: a first token within them counts as good. */
export const objective = 10_000

const within = ({ from, to }: Span, at: number): boolean => at >= from && at < to

export const outageOf = (scenario: Scenario, host: number, second: number): Outage["how"] | undefined =>
  scenario.outages?.find((outage) => outage.host === host && within(outage, second))?.how

/** Whether a request to it would be answered. */
export const isUsable = (scenario: Scenario, host: number, second: number): boolean =>
  outageOf(scenario, host, second) === undefined &&
  !(scenario.broken ?? []).some((broken) => broken.host === host && within(broken, second))

export const slowness = (scenario: Scenario, host: number, second: number): number =>
  scenario.slow?.find((slow) => slow.host === host && within(slow, second))?.factor ?? 1

export const hostName = (index: number): string => `http://host-${index + 1}:11434`

const meanPrompt = 600

/** Requests a second that the machines that are usable at the start can answer, without any load. */
export const capacity = ({ models, machines, ...scenario }: Scenario): number => {
  const weights = models.reduce((sum, { weight }) => sum + weight, 0)
  const answer = models.reduce((sum, model) => sum + model.answer * model.weight, 0) / weights
  const flaps = (host: number) => scenario.outages?.some(({ from, host: index }) => index === host && from > 0) ?? false
  return machines.reduce((sum, { promptRate, slots, tokenRate }, host) => {
    const whole = { ...scenario, machines, models }
    if (outageOf(whole, host, 0) !== undefined && !flaps(host)) return sum
    return sum + slots / (meanPrompt / promptRate + answer / tokenRate) / slowness(whole, host, 0)
  }, 0)
}

export const promptMean = meanPrompt
