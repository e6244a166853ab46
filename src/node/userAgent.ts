/** What this library is called in the log of a server or proxy; a test holds the version to that of the package. */
export const userAgent = "effect-ollama/0.1.0"
