/**
 * Ollama as a provider of `@effect/ai`: a language model, an embedding model, and the failures of both.
 *
 * @since 0.1.0
 */
export * as OllamaAiError from "./OllamaAiError.js"
export * as OllamaEmbeddingModel from "./OllamaEmbeddingModel.js"
export * as OllamaLanguageModel from "./OllamaLanguageModel.js"
