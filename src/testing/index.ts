/**
 * Simulator, faults and recorded exchanges, for tests of programs that call Ollama.
 *
 * @since 0.1.0
 */

/**
 * Faults as values.
 *
 * @since 0.1.0
 */
export * as Fault from "./Fault.js"

/**
 * Ollama in memory.
 *
 * @since 0.1.0
 */
export * as OllamaSimulator from "./OllamaSimulator.js"

/**
 * Recorded exchanges, replayed.
 *
 * @since 0.1.0
 */
export * as Recorded from "./Recorded.js"
