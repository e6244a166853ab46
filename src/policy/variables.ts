/** The variables of the environment that set a policy, described. */
import { entries } from "./config.js"
import { descriptions } from "./descriptions.js"
import type * as Fields from "./fields.js"

/**
 * A variable of the environment that sets one field of the policy.
 *
 * - `name`: `OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR`.
 * - `field`: `breaker.model.openFor`.
 * - `values`: what can be written.
 * - `description`: what the field is for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Variable {
  readonly name: string
  readonly field: string
  readonly values: string
  readonly description: string
}

const valuesOf = (node: Fields.Node): string => {
  if (node._tag === "Section") return "on, off"
  const { isBoolean, isDuration, isEnum, words } = node
  const kind = isEnum ? [] : [isBoolean ? "true, false" : isDuration ? "a duration" : "a number"]
  return [...kind, ...words].join(", ")
}

/**
 * Every variable that sets a field: `OLLAMA_POLICY_RETRY_ATTEMPTS`, `OLLAMA_POLICY_BREAKER_MODEL_OPEN_FOR`, …, and, for
 * the parts that can be off, `OLLAMA_POLICY_BREAKER`, … (`off`, or `on` for the part's defaults where it was off). Beside
 * them there are `OLLAMA_POLICY`, which holds JSON, and, on Node, `OLLAMA_POLICY_FILE`, which names a file of it.
 *
 * @since 0.1.0
 * @category config
 */
export const variables: ReadonlyArray<Variable> = entries.map(({ name, node, path }) => {
  const field = path.join(".")
  return { name, field, values: valuesOf(node), description: descriptions[field] ?? "" }
})
