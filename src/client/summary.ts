/** What the span of a call says of it at its end. */
import * as Predicate from "effect/Predicate"
import { defined } from "../internal/defined.js"
import * as GenAi from "../internal/genAi.js"
import * as Scrub from "../internal/scrub.js"
import type * as OllamaError from "../OllamaError.js"
import type { CallRecord } from "../record/CallRecord.js"
import * as Content from "./content.js"
import type { Journal } from "./journal.js"
import type * as Phases from "./phases.js"
import * as Timing from "./timing.js"

const seconds = (millis: number): number => millis / 1000

const ofPhases = (spans: Phases.Spans): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(spans).flatMap(([phase, millis]: [string, number | undefined]) =>
      millis === undefined ? [] : [[`ollama.phase.${phase}`, seconds(millis)]]
    )
  )

const responseModel = (last: unknown, secrets: ReadonlyArray<string>): string | undefined =>
  // a server may write anything into it
  Predicate.isRecord(last) && typeof last.model === "string" && /^[\w.:/@+-]{1,200}$/.test(last.model)
    ? Scrub.scrub(last.model, secrets)
    : undefined

/**
 * Times are in seconds, as the conventions have them.
 *
 * @param content of the answer, where it is recorded
 * @param secrets that must not be in it, whatever the server says
 */
export const of = (
  journal: Journal,
  spans: Phases.Spans,
  record: CallRecord | undefined,
  content: OllamaError.Partial | undefined,
  secrets: ReadonlyArray<string>,
  now: number
): Readonly<Record<string, unknown>> => {
  const trail = journal.current()
  const { startedAt } = journal.about
  const { generated, prompt } = Timing.tokens(trail?.last)
  const reason = Timing.doneReason(trail?.last)
  const firstAt = journal.facts.kind === "generation" ? trail?.firstAt : undefined
  // a call of a fleet did not know at its beginning where it would go
  const server =
    GenAi.serverOf(journal.about.host) === undefined ? GenAi.serverOf(trail?.host ?? journal.host) : undefined
  return {
    ...defined({
      "server.address": server?.address,
      "server.port": server?.port,
      "gen_ai.response.model": responseModel(trail?.last, secrets),
      "gen_ai.usage.input_tokens": prompt,
      "gen_ai.usage.output_tokens": generated,
      "gen_ai.response.finish_reasons": reason === undefined ? undefined : [reason],
      "gen_ai.response.time_to_first_chunk": firstAt === undefined ? undefined : seconds(firstAt - startedAt),
      "ollama.verdict": record?.verdict._tag,
      "ollama.decisions":
        journal.decisions.length === 0 ? undefined : journal.decisions.map(({ what, why }) => `${what}: ${why}`)
    }),
    "gen_ai.client.operation.duration": seconds(now - startedAt),
    "ollama.attempts": journal.trails.length,
    "ollama.slow": journal.isSlow,
    ...ofPhases(spans),
    ...(content === undefined ? {} : Content.output(content, reason))
  }
}
