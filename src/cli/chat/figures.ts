/** What an answer took, in one line. */
import type * as Chat from "../../api/Chat.js"
import * as Units from "../terminal/units.js"

const millis = (nanos: number | undefined): number => (nanos ?? 0) / 1e6

const tokens = (amount: number | undefined): string =>
  amount === undefined ? "" : ` (${Units.count(amount, "token")})`

/**
 * From the server's own figures, which come with the last chunk; those that are zero are left out on the wire.
 *
 * @param firstToken milliseconds from the call to its first chunk
 */
export const figures = (last: Chat.ChatChunk, firstToken: number): string => {
  const generation = millis(last.eval_duration)
  const load = millis(last.load_duration)
  return [
    `first token ${Units.span(firstToken)}`,
    ...(load >= 1 ? [`load ${Units.span(load)}`] : []),
    `prompt ${Units.span(millis(last.prompt_eval_duration))}${tokens(last.prompt_eval_count)}`,
    `answer ${Units.span(generation)}${tokens(last.eval_count)}`,
    ...(generation > 0 ? [`${Units.rate(((last.eval_count ?? 0) / generation) * 1000)} tokens a second`] : []),
    ...(last.done_reason === undefined || last.done_reason === "stop" ? [] : [`ended by ${last.done_reason}`])
  ].join(", ")
}
