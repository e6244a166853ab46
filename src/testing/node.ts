/**
 * The simulator as a server on loopback (Node).
 *
 * @since 0.1.0
 */

/**
 * Ollama on a socket.
 *
 * @since 0.1.0
 */
export * as OllamaSimulatorServer from "./OllamaSimulatorServer.js"
