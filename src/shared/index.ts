/**
 * What the clients of the same hosts know, shared through anything that `@effect/experimental` can persist to.
 *
 * @since 0.1.0
 */
export * as PersistedState from "./PersistedState.js"
