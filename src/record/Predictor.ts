/**
 * How long the phases of a call will take, learned from earlier calls of the same host and model. Pure: a state is a
 * plain value that can be written as JSON, and time comes with each sample and question.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Schema from "effect/Schema"
import type { Prediction } from "./CallRecord.js"
import * as Observing from "./predictor/observing.js"
import * as Predicting from "./predictor/predicting.js"
import * as Internal from "./predictor/state.js"

/**
 * What was learned: rates of each host, of each model on it, and how long answers of a model are. Bounded: 512 hosts with
 * 64 models each; beyond it what was not heard of for the longest time is forgotten.
 *
 * @since 0.1.0
 * @category models
 */
export const State: Schema.Schema<State, StateEncoded> = Internal.State

/**
 * @since 0.1.0
 * @category models
 */
export interface State extends Schema.Schema.Type<typeof Internal.State> {}

/**
 * @since 0.1.0
 * @category models
 */
export interface StateEncoded extends Schema.Schema.Encoded<typeof Internal.State> {}

/**
 * Nothing learned.
 *
 * @since 0.1.0
 * @category constants
 */
export const empty: State = Internal.empty

/**
 * The phases that are learned.
 *
 * @since 0.1.0
 * @category models
 */
export type Learnable = "loading" | "prompt" | "generating"

/**
 * What one call (or load) has shown. What is not known is absent or undefined; only phases that ran to their end, each
 * without the waits of others in it, teach anything.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sample {
  readonly host: string
  /** One name for all spellings: with its tag. */
  readonly model: string
  /** When it ended; milliseconds on Clock. */
  readonly at: number
  /** What the model takes in memory (`size` of `/api/ps`, else of `/api/tags`), in 10^9 bytes. */
  readonly gigabytes?: number | undefined
  /** Only of a load that really happened: a resident model's few milliseconds are none. */
  readonly loading?: Duration.Duration | undefined
  readonly queued?: Duration.Duration | undefined
  readonly prompt?: Duration.Duration | undefined
  readonly generating?: Duration.Duration | undefined
  readonly promptCharacters?: number | undefined
  readonly promptTokens?: number | undefined
  readonly answerTokens?: number | undefined
  /** Calls of this client that the host had for this model when this one was sent, itself included. */
  readonly inFlight?: number | undefined
  /** Phases for which a detector suspects that the host has become slower: they are learned more slowly. */
  readonly suspect?: ReadonlyArray<Learnable> | undefined
}

/**
 * What is to be predicted. Each figure that is known makes it better.
 *
 * @since 0.1.0
 * @category models
 */
export interface Question {
  readonly host: string
  readonly model: string
  /** Now; milliseconds on Clock. */
  readonly at: number
  readonly gigabytes?: number | undefined
  /** Whether the model has to be loaded first; `false` leaves loading out of first token and total. */
  readonly isCold: boolean
  readonly promptCharacters?: number | undefined
  readonly promptTokens?: number | undefined
  /** How long the answer is, where that is known (afterwards, or so far). */
  readonly answerTokens?: number | undefined
  /** The most tokens of an answer: `num_predict`, where positive. */
  readonly answerLimit?: number | undefined
  /** Calls of this client that the host has for this model already. */
  readonly ahead?: number | undefined
}

/**
 * What each phase is expected to take; absent where nothing is known. `samples` 0: from other hosts or from defaults.
 *
 * @since 0.1.0
 * @category models
 */
export interface Predictions {
  readonly loading?: Prediction | undefined
  readonly queued?: Prediction | undefined
  readonly prompt?: Prediction | undefined
  readonly generating?: Prediction | undefined
  readonly firstToken?: Prediction | undefined
  readonly total?: Prediction | undefined
}

/**
 * What is known of a model on a host, in figures for people.
 *
 * @since 0.1.0
 * @category models
 */
export interface Figures {
  /** 10^9 bytes. */
  readonly gigabytes: number | undefined
  /** 10^9 bytes a second, of any model on this host. */
  readonly loadRate: number | undefined
  /** Tokens a second. */
  readonly promptRate: number | undefined
  /** Tokens a second. */
  readonly generationRate: number | undefined
  readonly answerTokens: number | undefined
  readonly charactersPerToken: number | undefined
  /** How many calls the server answers at once, as far as was seen. */
  readonly parallel: number | undefined
  /** Whether a call was seen to wait among more of them: then there is that limit. */
  readonly hasQueue: boolean
  /** How many calls of ours there usually are at once. */
  readonly inFlight: number | undefined
}

/**
 * Learns from a sample. What is missing in it, or is no positive number, teaches nothing.
 *
 * - Older samples fade: by a hundredth with each new one, by half with each week.
 * - A sample that strays by more than three standard deviations counts as one that strays by three.
 * - A prompt that is read more than four times faster than usual was in the server's memory, and counts a tenth.
 * - A model whose size has changed by more than half is learned anew.
 *
 * @since 0.1.0
 * @category transitions
 */
export const observe = (state: State, sample: Sample): State => Observing.observe(state, sample)

/**
 * What to expect. `expected` is the middle: half of the calls take less. Nine of ten lie between `low` and `high`: the
 * quantiles of Student's t on logarithms, around what was measured, or while there is little of it around a prior that is
 * as unsure as it is far away: other models of the host (by size), other hosts, and at last 0.5 GB/s, 500 and 30 tokens
 * a second (resilience notes, 5.5). Sums of phases add the squares of their ways up and down.
 *
 * - `loading`: from the size and what the host has shown, and from earlier loads of this model; absent without both.
 * - `prompt`: absent without `promptTokens` and `promptCharacters`.
 * - `generating`: absent until an answer of the model was seen, unless `answerTokens` tells its length.
 * - `queued`: absent without `ahead`, and until a call of the model was seen on this host.
 *
 * @since 0.1.0
 * @category getters
 */
export const predict = (state: State, question: Question): Predictions => Predicting.predict(state, question)

/**
 * What is known of a model on a host, for people to read.
 *
 * @since 0.1.0
 * @category getters
 */
export const figures = (
  state: State,
  of: { readonly host: string; readonly model: string; readonly at: number }
): Figures => Predicting.figures(state, { ...of, isCold: false })

/**
 * Without a host, or without a model of it: it was removed, or is another now.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forget = (state: State, host: string, model?: string): State => Internal.without(state, host, model)
