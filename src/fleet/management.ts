/** The calls about servers and their models, where there are several: asked of one, or of all. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Core from "../client/core.js"
import * as Request from "../client/request.js"
import type { CallOptions, Service } from "../client/service.js"
import * as Endpoint from "../internal/endpoint.js"
import type * as OllamaError from "../OllamaError.js"
import type { Member } from "./member.js"

type Failure = OllamaError.OllamaError

/** Calls for which it does not matter who answers. */
const anywhere: ReadonlySet<string> = new Set([
  "chat",
  "generate",
  "embed",
  "embeddings",
  "show",
  "webSearch",
  "webFetch"
])

/** Whether a call has to say which host is meant. */
export const needsHost = (endpoint: Endpoint.Endpoint): boolean => !anywhere.has(endpoint.name)

/** What is wrong with one that does not. */
export const noHost = {
  issue: "malformed",
  field: "host",
  why: "the fleet has several hosts, and this call is about one of them: name it in the options of the call"
} as const

/** Versions by their numbers: 0.9.1 is before 0.12.0. */
const isBefore = (a: string, b: string): boolean => {
  const [left, right] = [a, b].map((version) => version.split(/[^\d]+/).map(Number))
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/** Each model once, however many hosts have it. */
const union = <A extends { readonly name: string; readonly digest?: string | undefined }>(
  lists: ReadonlyArray<ReadonlyArray<A>>
): ReadonlyArray<A> => {
  const seen = new Set<string>()
  return lists.flat().filter(({ digest, name }) => {
    const key = `${name} ${digest ?? ""}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

export const over = (base: Service, core: Core.Core, members: () => ReadonlyArray<Member>): Service => {
  /** The hosts that may be asked; those that are down only where all are. */
  const asked = (): ReadonlyArray<Member> => {
    const open = members().filter(({ isDraining }) => !isDraining)
    const up = open.filter(({ downSince }) => downSince === undefined)
    return up.length > 0 ? up : open
  }

  /** The answers of all hosts that answer; a failure where none does. */
  const all = <A>(
    endpoint: Endpoint.Endpoint,
    options: CallOptions | undefined,
    one: (options: CallOptions) => Effect.Effect<A, Failure>
  ): Effect.Effect<ReadonlyArray<A>, Failure> =>
    Effect.suspend(() => {
      const hosts = asked()
      if (hosts.length === 0) return core.refusing(endpoint, options, invalid(endpoint))
      return Effect.flatMap(
        Effect.forEach(hosts, ({ url }) => Effect.either(one({ ...options, host: url })), { concurrency: "unbounded" }),
        (results) => {
          const answers = results.filter(Either.isRight).map(({ right }) => right)
          const failures = results.filter(Either.isLeft).map(({ left }) => left)
          const [first] = failures
          if (answers.length === 0 && first !== undefined) return Effect.fail(first)
          return Effect.as(Effect.forEach(failures, logged(endpoint), { discard: true }), answers)
        }
      )
    })

  const invalid = (endpoint: Endpoint.Endpoint): Effect.Effect<never, Failure> =>
    Request.invalid(core.servers.own.host, endpoint, noHost)

  return {
    ...base,
    list: (options) =>
      options?.host === undefined
        ? Effect.map(all(Endpoint.list, options, base.list), (answers) => ({
            models: union(answers.map(({ models }) => models))
          }))
        : base.list(options),
    running: (options) =>
      options?.host === undefined
        ? Effect.map(all(Endpoint.running, options, base.running), (answers) => ({
            models: union(answers.map(({ models }) => models))
          }))
        : base.running(options),
    version: (options) =>
      options?.host === undefined
        ? Effect.map(all(Endpoint.version, options, base.version), (answers) =>
            answers.reduce((lowest, one) => (isBefore(one.version, lowest.version) ? one : lowest))
          )
        : base.version(options),
    ensureModel: (name, options) =>
      options?.host === undefined
        ? core.refusing(Endpoint.pull, options, invalid(Endpoint.pull))
        : base.ensureModel(name, options)
  }
}

/** That a host is left out is said, and not held against the others. */
const logged =
  (endpoint: Endpoint.Endpoint) =>
  (error: Failure): Effect.Effect<void> =>
    Effect.logWarning(`${error.host ?? "A host"} is left out of ${endpoint.name}: ${error.message}`)
