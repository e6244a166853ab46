/** A policy from the environment. */
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Fields from "./fields.js"
import * as Problems from "./problems.js"
import { applyEither, type Changes, decodeUnknownFile, decodeUnknownPatch, defaults, type Policy } from "./value.js"

const upper = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

const nameOf = (path: ReadonlyArray<string>): string => ["OLLAMA_POLICY", ...path.map(upper)].join("_")

/** A variable, and the field that it sets. */
export interface Entry {
  readonly name: string
  readonly path: ReadonlyArray<string>
  readonly node: Fields.Node
}

/** A section has a variable where it can be off, a list has none. */
export const entries: ReadonlyArray<Entry> = Fields.flatten(Fields.all)
  .filter(({ node }) => (node._tag === "Section" ? node.canBeOff : !node.isList))
  .map(({ node, path }) => ({ name: nameOf(path), path, node }))

/** The words of `Config.boolean`. */
const truths = ["true", "yes", "on", "1"]
const lies = ["false", "no", "off", "0"]

const boolean = (text: string): boolean | string => {
  const word = text.toLowerCase()
  return truths.includes(word) || (lies.includes(word) ? false : text)
}

/** What cannot be read stays text, to be refused by the Schema, which says what is wanted. */
const read = (node: Fields.Node, text: string): unknown => {
  if (node._tag === "Section") return text === "on" ? {} : text
  if (node.isBoolean) return boolean(text)
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : text
}

const invalid = (name: string, message: string): ConfigError.ConfigError => ConfigError.InvalidData([name], message)

type Errors = ReadonlyArray<ConfigError.ConfigError>

const ofTheWhole = (error: ParseResult.ParseError): ConfigError.ConfigError =>
  invalid("OLLAMA_POLICY", Problems.text(Problems.list(error)))

const parseJson = Schema.decodeUnknownEither(Schema.parseJson())

const fromJson = (json: Option.Option<string>): Either.Either<Changes, Errors> =>
  Option.match(json, {
    onNone: () => Either.right({}),
    onSome: (text) =>
      parseJson(text).pipe(
        Either.flatMap(decodeUnknownFile),
        Either.mapLeft((error) => [ofTheWhole(error)])
      )
  })

interface Given extends Entry {
  readonly text: string
}

/** The patch that the variables write, as JSON; outer ones come first. */
const written = (given: ReadonlyArray<Given>): Either.Either<unknown, Errors> => {
  const patch: Record<string, unknown> = {}
  const problems: Array<ConfigError.ConfigError> = []
  for (const { name, node, path, text } of given) {
    if (node._tag === "Section" && text !== "on" && text !== "off") {
      problems.push(invalid(name, `"on" or "off" is wanted, not ${JSON.stringify(text)}`))
      continue
    }
    let group: unknown = patch
    for (const [depth, key] of path.entries()) {
      if (!Predicate.isRecord(group)) {
        problems.push(invalid(name, `${nameOf(path.slice(0, depth))} is off`))
        break
      }
      group = group[key] ??= depth === path.length - 1 ? read(node, text) : {}
    }
  }
  return problems.length > 0 ? Either.left(problems) : Either.right(patch)
}

const byField = new Map(entries.map(({ name, path }) => [path.join("."), name]))

const fromVariables = (given: ReadonlyArray<Given>): Either.Either<Changes, Errors> =>
  Either.flatMap(written(given), (patch) =>
    Either.mapLeft(decodeUnknownPatch(patch), (error) =>
      Problems.list(error).map(({ field, message }) => invalid(byField.get(field) ?? "OLLAMA_POLICY", message))
    )
  )

const variable = (name: string): Config.Config<Option.Option<string>> => Config.option(Config.nonEmptyString(name))

/**
 * A policy from the environment, over another: `OLLAMA_POLICY` changes it, and single fields (`Policy.variables`) change
 * what that gives. Fails with a `ConfigError` that lists every unknown key and impossible value, each with its path or
 * variable. An empty variable counts as absent.
 *
 * @since 0.1.0
 * @category config
 */
export const configOver = (base: Policy): Config.Config<Policy> =>
  Config.all({
    json: variable("OLLAMA_POLICY"),
    texts: Config.all(entries.map(({ name }) => variable(name)))
  }).pipe(
    Config.mapOrFail(({ json, texts }) => {
      const given = Arr.zip(entries, texts).flatMap(([entry, text]) =>
        Option.match(text, { onNone: () => [], onSome: (value) => [{ ...entry, text: value.trim() }] })
      )
      const [problems, changes] = Arr.partitionMap([fromJson(json), fromVariables(given)], (either) => either)
      const all = problems.flat()
      return Arr.isNonEmptyReadonlyArray(all)
        ? Either.left(all.reduce((left, right) => ConfigError.And(left, right)))
        : Either.mapLeft(applyEither(base, ...changes), ofTheWhole)
    })
  )

/**
 * A policy from the environment: `Policy.configOver(Policy.defaults)`.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Policy> = configOver(defaults)
