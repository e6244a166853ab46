/**
 * The remedies as one plain value: it can be written as JSON, read from the environment, changed for a part of a
 * program, compared, and put into words.
 *
 * @since 0.1.0
 */
export { config, configOver } from "./config.js"
export { type Variable, variables } from "./variables.js"
export { explain, explainText, type Explanation } from "./explain.js"
export { type JsonSchema, jsonSchema } from "./jsonSchema.js"
export { type LocalProblem, localProblem } from "./local.js"
export { batch, interactive, none } from "./presets.js"
export {
  applyEither,
  Breakers,
  Changes,
  decodeUnknownPatch,
  defaults,
  equivalence,
  fromJson,
  make,
  merge,
  mergeEither,
  type Patch,
  Policy,
  toJson
} from "./value.js"
