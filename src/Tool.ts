/**
 * Tools that a model can call: made of schemas, with what they do, and run in a loop until the model has its answer.
 *
 * @since 0.1.0
 */
export * from "./tools/definition.js"
export * from "./tools/limit.js"
export * from "./tools/runTools.js"
