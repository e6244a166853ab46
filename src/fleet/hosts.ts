/** The hosts of a fleet as a program writes them down, checked. */
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import type * as Servers from "../client/servers.js"
import * as GivenPolicy from "../client/givenPolicy.js"
import * as Headers from "../internal/host.js"
import * as OllamaConfig from "../OllamaConfig.js"
import * as OllamaError from "../OllamaError.js"
import * as Policy from "../policy/Policy.js"

/**
 * A host of a fleet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Host {
  /** The address, by the rules of OLLAMA_HOST; it is the name of the host, too. */
  readonly host: string
  /** Sent as `Authorization: Bearer`, to this host only. */
  readonly apiKey?: Redacted.Redacted | undefined
  /** Sent with every request, to this host only. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>> | undefined
  /** Its share, for the placements that go by it: 1 is usual, 0 is last choice. */
  readonly weight?: number | undefined
  /** Its tier, for the placement `priority`: the lowest goes first. 0 by default. */
  readonly priority?: number | undefined
  /** What of the policy is different there. */
  readonly policy?: Policy.Patch | undefined
}

/** A host that was checked. */
export interface Checked extends Servers.Sent {
  readonly weight: number
  readonly priority: number
}

/** @param field where it was written */
const refuse = (
  issue: OllamaError.InvalidRequest["issue"],
  field: string,
  why: string,
  host?: string
): Either.Either<never, OllamaError.InvalidRequest> =>
  Either.left(
    new OllamaError.InvalidRequest({
      issue,
      field,
      ...(host === undefined ? {} : { host }),
      remedy: `Correct ${field}: ${why}`
    })
  )

export const check = (written: string | Host, field: string): Either.Either<Checked, OllamaError.InvalidRequest> => {
  const {
    apiKey,
    headers,
    host,
    policy,
    priority = 0,
    weight = 1
  } = typeof written === "string" ? { host: written } : written
  const address = OllamaConfig.address(host)
  if (Either.isLeft(address)) return refuse("address", field, "it is no address of a server")
  const { url } = address.right
  const bad = Headers.unsendable({ apiKey, headers })
  if (bad !== undefined) {
    const why = "a header cannot have line ends or characters beyond Latin-1 in its value, nor spaces in its name"
    return refuse("malformed", `${field}.${bad}`, why, url)
  }
  if (!(weight >= 0 && Number.isFinite(weight))) {
    return refuse("malformed", `${field}.weight`, "it must be a finite number from 0", url)
  }
  if (!Number.isFinite(priority)) return refuse("malformed", `${field}.priority`, "it must be a finite number", url)
  if (policy === undefined) return Either.right({ address: address.right, apiKey, headers, weight, priority })
  return Either.match(Policy.decodeUnknownPatch(policy), {
    onLeft: (error) => {
      const problem = GivenPolicy.problemIn(error)
      return refuse("malformed", `${field}.${problem.field}`, problem.why, url)
    },
    onRight: (patch) => Either.right({ address: address.right, apiKey, headers, weight, priority, patch })
  })
}

/** All of them, or the first problem. */
export const checkAll = (
  written: ReadonlyArray<string | Host>
): Either.Either<ReadonlyArray<Checked>, OllamaError.InvalidRequest> => {
  if (written.length === 0) return refuse("malformed", "hosts", "a fleet needs at least one host")
  const seen = new Set<string>()
  return Either.all(
    written.map((one, index) =>
      Either.flatMap(check(one, `hosts[${index}]`), (checked) => {
        const { url } = checked.address
        if (seen.has(url)) return refuse("address", `hosts[${index}]`, `${url} is there twice`, url)
        seen.add(url)
        return Either.right(checked)
      })
    )
  )
}
