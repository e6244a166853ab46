/** What of the options of a call cannot be: they are checked before anything is sent, as the request is. */
import * as Either from "effect/Either"
import * as OllamaConfig from "../OllamaConfig.js"
import type * as OllamaError from "../OllamaError.js"
import { priorities } from "../policy/concurrency/queue.js"
import type { CallOptions } from "./service.js"

export interface Problem {
  readonly issue: OllamaError.InvalidRequest["issue"]
  readonly field: string
  readonly why: string
}

/** @param own address of the client; a fleet has several, and looks itself */
export const problem = (options: CallOptions | undefined, own: string | undefined): Problem | undefined => {
  const { host, priority } = options ?? {}
  if (priority !== undefined && !priorities.includes(priority)) {
    return { issue: "malformed", field: "priority", why: `it must be ${priorities.join(", ")}` }
  }
  if (host === undefined || own === undefined) return undefined
  const problem = (why: string): Problem => ({ issue: "address", field: "host", why })
  return Either.match(OllamaConfig.address(host), {
    onLeft: () => problem("it is no address of a server"),
    onRight: ({ url }) => (url === own ? undefined : problem(`this client knows no other server than ${own}`))
  })
}
