/**
 * Every Ollama call an Effect program: typed failures that name the cause and the remedy, timeouts by phase, retries as
 * values.
 *
 * @since 0.1.0
 */
export * as Account from "./api/Account.js"
export * as Blob from "./api/Blob.js"
export * as Chat from "./api/Chat.js"
export * as Embed from "./api/Embed.js"
export * as Generate from "./api/Generate.js"
export * as JsonSchema from "./api/JsonSchema.js"
export * as Metrics from "./observe/Metrics.js"
export * as Model from "./api/Model.js"
export * as OllamaClient from "./OllamaClient.js"
export * as OllamaConfig from "./OllamaConfig.js"
export * as OllamaError from "./OllamaError.js"
export * as Policy from "./policy/Policy.js"
export * as Retry from "./policy/Retry.js"
export * as Slow from "./policy/Slow.js"
export * as Shared from "./api/Shared.js"
export * as Timeouts from "./policy/Timeouts.js"
export * as Web from "./api/Web.js"
export * as Fallback from "./policy/Fallback.js"
export * as RetryBudget from "./policy/RetryBudget.js"
export * as Throttle from "./policy/Throttle.js"
export * as Concurrency from "./policy/Concurrency.js"
export * as CircuitBreaker from "./policy/CircuitBreaker.js"
export * as Hedging from "./policy/Hedging.js"
export type * as CallEvent from "./record/CallEvent.js"
export * as CallRecord from "./record/CallRecord.js"
export * as Doctor from "./observe/Doctor.js"
export * as HealthMonitor from "./observe/HealthMonitor.js"
export * as Verdict from "./record/Verdict.js"
