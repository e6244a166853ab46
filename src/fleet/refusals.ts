/** The failures of calls that no host gets, and of those that are not held. */
import type { Asked } from "../client/routes.js"
import type * as Context from "../internal/context.js"
import * as OllamaError from "../OllamaError.js"
import * as Refusal from "../policy/concurrency/refusal.js"
import type { Refusal as Refused } from "./placement/view.js"

const reasons: Readonly<Record<Refused["reason"], string>> = {
  noHost: "The fleet has no host: add one",
  missing: "No host of the fleet has the model: pull it on one of them",
  closed: "All hosts that have the model are being drained: add another one",
  excluded: "No host is left that may be asked again",
  declined: "The placement has chosen none of the hosts: let it choose one",
  deadline: "",
  target: ""
}

/** The failure of a call that no host gets. */
const seedOf = ({ reason, wait }: Refused, waiting: number, remaining: number): Context.Seed => {
  if (reason === "missing") return (common) => new OllamaError.ModelNotFound({ ...common, remedy: reasons.missing })
  if (reason === "noHost" || reason === "closed") {
    return (common) => new OllamaError.Unreachable({ ...common, reason: "offline", remedy: reasons[reason] })
  }
  if (reason === "deadline" || reason === "target") {
    return overloaded(Refusal.make({ reason, predictedWait: wait, waiting, remaining, name: "fleet" }))
  }
  return (common) => new OllamaError.Overloaded({ ...common, by: "client", remedy: reasons[reason] })
}

const overloaded =
  ({ remedy, retryAfter }: Refusal.Refusal): Context.Seed =>
  (common) =>
    new OllamaError.Overloaded({
      ...common,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      by: "client",
      remedy
    })

/** @param waiting calls that are held */
export const refused = (asked: Asked, answer: Refused, waiting: number, now: number): OllamaError.OllamaError =>
  asked.refused(seedOf(answer, waiting, asked.deadline === undefined ? 0 : asked.deadline - now), "queue")

/** Too many are held already. */
export const full = (asked: Asked, reason: "queueFull" | "pushedOut", waiting: number): OllamaError.OllamaError =>
  asked.refused(
    overloaded(Refusal.make({ reason, predictedWait: undefined, waiting, remaining: 0, name: "fleet" })),
    "queue"
  )
