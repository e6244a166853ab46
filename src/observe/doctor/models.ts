/** Which models there are and which are in memory, and what a call of one token takes. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { GenerateResponse } from "../../api/Generate.js"
import * as Residency from "../../client/residency.js"
import { defined } from "../../internal/defined.js"
import type * as OllamaError from "../../OllamaError.js"
import * as Asking from "./asking.js"
import type { Call, Loaded, Models } from "./facts.js"

const answerLimit = Duration.seconds(5)
/** A model in memory says a token within this, unless others are ahead. */
const tokenLimit = Duration.seconds(6)

const installed = ({ client }: Asking.Asking): Effect.Effect<Pick<Models, "installed">> =>
  client.list(Asking.within(answerLimit)).pipe(
    Effect.map(({ models }) => ({
      installed: models.map(({ name, remote_host, size }) => ({
        name,
        size,
        isCloud: remote_host !== undefined || Residency.isCloudModel(name)
      }))
    })),
    // what is not known is absent
    Effect.orElseSucceed(() => ({})),
    (effect) => Asking.atMost(effect, answerLimit),
    Effect.map(Option.getOrElse(() => ({})))
  )

const loaded = ({ client }: Asking.Asking): Effect.Effect<Pick<Models, "loaded" | "psBlocked">> =>
  client.running(Asking.within(answerLimit)).pipe(
    Effect.map(({ models }) => ({
      loaded: models.map(({ context_length, name, size, size_vram }): Loaded =>
        defined({ name, size, sizeVram: size_vram, context: context_length })
      ),
      psBlocked: false
    })),
    Effect.catchAll((error) => Effect.succeed({ psBlocked: error._tag === "Timeout" })),
    (effect) => Asking.atMost(effect, answerLimit),
    Effect.map(Option.getOrElse(() => ({ psBlocked: true })))
  )

export const probe = (asking: Asking.Asking, isCloud: boolean): Effect.Effect<Models> =>
  Effect.map(
    Effect.all([installed(asking), isCloud ? Effect.succeed({ psBlocked: false }) : loaded(asking)], {
      concurrency: "unbounded"
    }),
    ([there, inMemory]) => ({ ...there, ...inMemory })
  )

export const same = (a: string, b: string): boolean => Residency.normalName(a) === Residency.normalName(b)

/** A model to call. */
export interface Choice {
  readonly model: string
  /** Its entry in memory, if it is there. */
  readonly loaded: Loaded | undefined
  /** Bytes on disk. */
  readonly size: number | undefined
}

/** The model that is to be called, if one may be. */
export const choose = (
  models: Models,
  wanted: string | undefined,
  may: "never" | "resident" | "load"
): Choice | undefined => {
  const { installed = [], loaded = [] } = models
  const choice = (model: string): Choice => ({
    model,
    loaded: loaded.find(({ name }) => same(name, model)),
    size: installed.find(({ name }) => same(name, model))?.size
  })
  if (may === "never") return undefined
  const first = wanted ?? loaded[0]?.name
  if (first !== undefined) {
    const known = choice(first)
    if (known.loaded !== undefined) return known
    const entry = installed.find(({ name }) => same(name, first))
    return may === "load" && entry !== undefined && !entry.isCloud ? known : undefined
  }
  if (may !== "load") return undefined
  const local = installed.filter(({ isCloud }) => !isCloud).sort((a, b) => a.size - b.size)
  return local[0] === undefined ? undefined : choice(local[0].name)
}

const nanos = (value: number | undefined): Duration.Duration => Duration.nanos(BigInt(Math.round(value ?? 0)))

type Metrics = Pick<
  GenerateResponse,
  "total_duration" | "load_duration" | "prompt_eval_count" | "prompt_eval_duration" | "eval_duration"
>

const parts = (metrics: Metrics) => {
  const { eval_duration, load_duration, prompt_eval_count, prompt_eval_duration, total_duration } = metrics
  if (total_duration === undefined) return {}
  const known = (load_duration ?? 0) + (prompt_eval_duration ?? 0) + (eval_duration ?? 0)
  return {
    queued: nanos(Math.max(0, total_duration - known)),
    loading: nanos(load_duration),
    prompt: nanos(prompt_eval_duration),
    generating: nanos(eval_duration),
    ...defined({ promptTokens: prompt_eval_count })
  }
}

interface Said {
  readonly endpoint: string
  readonly metrics: Metrics
}

/** One token; of a model that only makes embeddings, one vector. Asks for the context that is there: another one would load it again. */
const token = (
  { client }: Asking.Asking,
  { loaded, model }: Choice,
  limit: Duration.Duration
): Effect.Effect<Said, OllamaError.OllamaError> => {
  const context = loaded?.context === undefined ? {} : { num_ctx: loaded.context }
  const generate = client.generate(
    { model, prompt: "Hi", options: { num_predict: 1, ...context } },
    Asking.within(limit)
  )
  const embed = client.embed({ model, input: "Hi", options: context }, Asking.within(limit))
  return Effect.map(generate, (metrics): Said => ({ endpoint: "/api/generate", metrics })).pipe(
    Effect.catchTag("InvalidRequest", (error) =>
      error.issue === "unsupported"
        ? Effect.map(embed, (metrics): Said => ({ endpoint: "/api/embed", metrics }))
        : Effect.fail(error)
    )
  )
}

const failed = (choice: Choice, error: OllamaError.OllamaError, took: Duration.Duration, resident: boolean): Call =>
  defined({
    model: choice.model,
    endpoint: error.endpoint,
    resident,
    outcome: error._tag,
    status: error.status,
    took
  })

/**
 * Calls the model; one that is not in memory is loaded first, and how long that takes is measured.
 *
 * @param loadLimit the most time for the load
 */
export const call = (asking: Asking.Asking, choice: Choice, loadLimit: Duration.Duration): Effect.Effect<Call> =>
  Effect.gen(function* () {
    const { loaded, model, size } = choice
    const resident = loaded !== undefined
    const [loading, load] = yield* Asking.timed(
      Effect.either(resident ? Effect.void : Effect.asVoid(asking.client.load({ model }, Asking.within(loadLimit))))
    )
    if (Either.isLeft(load)) return { ...failed(choice, load.left, loading, false), loading }
    const [took, said] = yield* Asking.timed(Effect.either(token(asking, choice, tokenLimit)))
    const seconds = Duration.toSeconds(loading)
    const loads = resident
      ? {}
      : defined({ loading, loadRate: size !== undefined && seconds > 0 ? size / seconds : undefined })
    if (Either.isLeft(said)) return { ...failed(choice, said.left, took, resident), ...loads }
    const { endpoint, metrics } = said.right
    return { model, endpoint, resident, outcome: "success", took, ...parts(metrics), ...loads }
  })
