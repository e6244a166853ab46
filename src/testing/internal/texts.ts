/**
 * Every error that Ollama 0.9 to 0.33 words itself, and those it passes on from its runners, from its cloud and from
 * the registry: read in the server's source (`server/routes.go`, `server/sched.go`, `llm/`, `runner/`), or reported by
 * users where it is the cloud's text. The names are ours; status and body are the server's.
 */

/**
 * One error as Ollama words it.
 *
 * @since 0.1.0
 * @category texts
 */
export interface Text {
  readonly status: number
  readonly body: string
  /** Absent where the answer has none. */
  readonly contentType?: string
  /** It may also come as a line inside of a stream that began with status 200. */
  readonly midStream: boolean
  /** The versions that send it, first and last: `0.9-0.24`; an open end is the newest known. */
  readonly versions: string
}

interface Extra {
  readonly midStream?: boolean
  readonly versions?: string
}

const json = "application/json; charset=utf-8"

const raw = (status: number, body: string, contentType: string | undefined, extra?: Extra): Text => ({
  status,
  body,
  ...(contentType === undefined ? {} : { contentType }),
  midStream: extra?.midStream ?? false,
  versions: extra?.versions ?? "0.9-"
})

const e = (status: number, error: string, extra?: Extra): Text => raw(status, JSON.stringify({ error }), json, extra)

const mid: Extra = { midStream: true }
const since30: Extra = { midStream: true, versions: "0.30-" }
const before30: Extra = { midStream: true, versions: "0.9-0.24" }

/** llama-server's own error object, copied as text into Ollama's `error`. */
const llamaServer = (status: number, inner: Readonly<Record<string, unknown>>): Text =>
  e(status, JSON.stringify({ error: inner }), since30)

const rows = {
  // the request
  "request.missingBody": e(400, "missing request body"),
  "request.badJson": e(400, "invalid character 'h' looking for beginning of value"),
  "request.truncatedJson": e(400, "unexpected EOF"),
  "request.badType": e(
    400,
    "json: cannot unmarshal string into Go struct field ChatRequest.messages of type []api.Message"
  ),
  "request.keepAliveUnit": e(400, 'time: missing unit in duration "300"'),
  "request.keepAliveInvalid": e(400, 'time: invalid duration "soon"'),
  "request.keepAliveUnknownUnit": e(400, 'time: unknown unit "d" in duration "1d"'),
  "request.keepAliveType": e(400, "Unsupported type: 'bool'"),
  "request.think": e(400, 'invalid think value: "x" (must be "high", "medium", "low", "max", true, or false)'),
  "request.thinkType": e(400, 'think must be a boolean or string ("high", "medium", "low", "max", true, or false)'),
  "request.image": e(400, "illegal base64 data at input byte 4"),
  "request.topLogprobs": e(400, "top_logprobs must be between 0 and 20", { versions: "0.12.11-" }),
  "request.noModel": e(400, "model is required"),
  "request.modelName": e(400, "invalid model name"),
  "request.modelSource": e(400, 'use either :local or :cloud, not both: "x:local:cloud"', { versions: "0.18-" }),
  "request.deleteName": e(400, 'name "!" is invalid'),
  "request.copySource": e(400, 'source "!" is invalid'),
  "request.copyDestination": e(400, 'destination "!" is invalid'),
  "request.rawMode": e(400, "raw mode does not support template, system, or context"),
  "request.thinkingUnsupported": e(400, '"llama3.2" does not support thinking'),
  "request.chatUnsupported": e(400, '"all-minilm" does not support chat'),
  "request.generateUnsupported": e(400, '"all-minilm" does not support generate'),
  "request.toolsUnsupported": e(400, "registry.ollama.ai/library/gemma3:latest does not support tools"),
  "request.insertUnsupported": e(400, "registry.ollama.ai/library/gemma3:latest does not support insert"),
  "request.imageGeneration": e(400, "image generation models are not currently supported", { versions: "0.32.6-" }),
  "request.oneImage": e(400, "this model only supports one image while more than one image requested"),
  "request.inputType": e(400, "invalid input type"),
  "request.inputTooLong": e(400, "the input length exceeds the context length"),
  "request.inputAfterTruncation": e(400, "input after truncation exceeds maximum context length"),
  "request.inputCannotTruncate": e(400, "input exceeds maximum context length and cannot be truncated further"),
  "request.embeddingNaN": e(400, "embedding contains NaN or Inf values"),
  "request.promptTooLong": e(
    400,
    "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length",
    { versions: "0.30.9-" }
  ),
  "request.contextExceeded": llamaServer(400, {
    code: 400,
    message: "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
    type: "exceed_context_size_error",
    n_prompt_tokens: 5000,
    n_ctx: 4096
  }),
  "request.remoteHost": e(400, "this server cannot run this remote model", { versions: "0.12-" }),
  "request.option": e(500, 'option "num_ctx" must be of type integer'),
  "request.optionArray": e(500, 'option "stop" must be of an array of strings'),
  "request.format": e(500, 'invalid format: "\\"xml\\""; expected "json" or a valid JSON Schema object'),
  "request.formatSchema": e(500, "invalid JSON schema in format", { versions: "0.9-0.24" }),
  "request.template": e(500, 'unknown renderer "x"', { versions: "0.12-" }),
  "request.noUserQuery": e(500, "no user query found in messages", { versions: "0.12-" }),
  "request.noEmbeddings": e(501, "This server does not support embeddings. Start it with `--embeddings`", {
    versions: "0.30-"
  }),
  "request.noEmbeddingsOld": e(501, "this model does not support embeddings", { versions: "0.9-0.24" }),
  "request.imageUnsupported": llamaServer(400, {
    code: 400,
    message: "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    type: "invalid_request_error"
  }),
  "request.imageUnsupportedServer": llamaServer(500, {
    code: 500,
    message: "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    type: "server_error"
  }),
  "request.imageUnsupportedOld": e(
    500,
    "Failed to create new sequence: failed to process inputs: this model is missing data required for image input",
    before30
  ),
  "request.imageData": llamaServer(400, {
    code: 400,
    message: "Failed to load image or audio file",
    type: "invalid_request_error"
  }),
  "request.unknownPath": raw(404, "404 page not found", "text/plain"),
  "request.method": raw(405, "405 method not allowed", "text/plain"),
  "request.http": raw(400, "400 Bad Request", "text/plain; charset=utf-8"),
  "request.headers": raw(431, "431 Request Header Fields Too Large", "text/plain; charset=utf-8"),
  "request.canceled": e(499, "request canceled"),

  // blobs and create
  "blob.digestFormat": e(400, "invalid digest format"),
  "blob.digestMismatch": e(400, 'digest mismatch, expected "sha256:00", got "sha256:2c"'),
  "create.noSource": e(400, "neither 'from' or 'files' was specified"),
  "create.relativePath": e(400, "file path must be relative"),
  "create.badRemote": e(400, "bad remote"),
  "create.noFiles": e(400, "no files provided to convert"),
  "create.oneAdapter": e(400, "only one adapter is currently supported"),
  "create.notGguf": e(400, "supplied file was not in GGUF format"),
  "create.unknownType": e(400, "unknown type"),
  "create.template": e(400, "template error: template: :1: unexpected EOF"),
  "create.oldErrorLine": raw(500, '{"error":"unsupported architecture","status":400}', json, {
    midStream: true,
    versions: "0.9-0.12.5"
  }),

  // the model
  "model.notFound": e(404, "model 'llama2' not found"),
  "model.notFoundPull": e(404, 'model "llama2" not found, try pulling it first'),
  "model.notFoundCopy": e(404, 'model "llama2" not found'),
  "model.outdated": e(
    500,
    "'llama3.2-vision' is no longer compatible with your version of Ollama and has been replaced by a newer version. To re-download, run 'ollama pull llama3.2-vision'"
  ),

  // account, cloud, access
  "cloud.unauthorized": raw(
    401,
    '{"error":"unauthorized","signin_url":"https://ollama.com/connect?name=simulator&key=c2ltdWxhdG9y"}',
    json,
    { versions: "0.12.1-" }
  ),
  "cloud.unauthorizedBare": e(401, "unauthorized", { versions: "0.12-" }),
  "cloud.notSignedIn": e(401, "you are not currently signed in", { versions: "0.12.1-" }),
  "cloud.extraUsage": e(
    402,
    "this model uses extra usage only (not included plan usage) and your extra usage balance is empty, add funds at https://ollama.com/settings",
    { versions: "0.12-" }
  ),
  "cloud.subscription": e(
    403,
    "this model requires a subscription, upgrade for access: https://ollama.com/upgrade (ref: 2f6a4f4e-0000-4000-8000-000000000000)",
    { versions: "0.12-" }
  ),
  "cloud.disabled": e(403, "ollama cloud is disabled: remote model is unavailable", { versions: "0.16.2-" }),
  "cloud.disabledDetails": e(403, "ollama cloud is disabled: remote model details are unavailable", {
    versions: "0.16.2-"
  }),
  "cloud.disabledSearch": e(403, "ollama cloud is disabled: web search is unavailable", { versions: "0.18-" }),
  "cloud.disabledFetch": e(403, "ollama cloud is disabled: web fetch is unavailable", { versions: "0.18-" }),
  "cloud.sessionLimit": e(429, "you (someone) have reached your session usage limit, upgrade for higher limits", {
    versions: "0.12-"
  }),
  "cloud.weeklyLimit": e(429, "you (someone) have reached your weekly usage limit, upgrade for higher limits", {
    versions: "0.12-"
  }),
  "cloud.hourlyLimit": e(429, "you (someone) have reached your hourly usage limit, upgrade for higher limits", {
    versions: "0.12-"
  }),
  "cloud.limitOldShape": raw(
    429,
    '{"StatusCode":429,"Status":"429 Too Many Requests","error":"you (someone) have reached your hourly usage limit"}',
    json,
    { midStream: true, versions: "0.12-" }
  ),
  "cloud.internal": e(500, "Internal Server Error (ref: 2f6a4f4e-0000-4000-8000-000000000000)", {
    versions: "0.12-"
  }),
  "cloud.overloaded": e(503, "Server overloaded, please retry shortly (ref: 2f6a4f4e-0000-4000-8000-000000000000)", {
    versions: "0.12-"
  }),
  "cloud.unreachable": e(
    502,
    'Post "https://ollama.com:443/api/chat?ts=1": dial tcp: lookup ollama.com: no such host',
    { versions: "0.18-" }
  ),
  "account.unavailable": e(503, "account unavailable", { versions: "0.23.2-" }),
  "access.forbidden": raw(403, "", undefined),

  // the scheduler
  "server.busy": e(503, "server busy, please try again.  maximum pending requests exceeded"),
  "server.panic": raw(500, "", undefined),
  "server.permission": e(500, "open /root/.ollama/models/blobs/sha256-0: permission denied"),
  "server.diskFull": e(500, "write /root/.ollama/models/blobs/sha256-0: no space left on device", mid),

  // loading, llama-server (0.30 and later)
  "load.outOfMemory": e(
    500,
    "llama-server reported out-of-memory during startup: ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9216.00 MiB on device 0: cudaMalloc failed: out of memory",
    since30
  ),
  "load.projectorRetry": e(
    500,
    "llama-server startup failed after projector CPU offload retry: llama-server reported out-of-memory during startup: failed to allocate",
    since30
  ),
  "load.terminated": e(500, "llama-server process has terminated: exit status 1: error loading model", since30),
  "load.terminatedBare": e(500, "llama-server process has terminated: exit status 0xc0000409", since30),
  "load.timedOut": e(500, "timed out waiting for llama-server to start - ", since30),
  "load.starting": e(
    500,
    "error starting llama-server: fork/exec /usr/lib/ollama/llama-server: exec format error",
    since30
  ),
  "load.binaryMissing": e(500, "llama-server binary not found (checked: /usr/lib/ollama/llama-server)", since30),
  "load.incompatible": e(
    500,
    "llama-server process has terminated: exit status 1: this model may be incompatible with your version of Ollama. If you previously pulled this model, try updating it by running `ollama pull llama3.2`",
    since30
  ),
  "load.unsupportedFormat": e(500, "unsupported model format"),
  "load.fileMagic": e(500, "invalid file magic"),
  "load.mlxTooLarge": e(
    500,
    "model requires 48.0 GiB but only 16.0 GiB are available (after 2.0 GiB overhead)",
    since30
  ),
  "load.mlxFailed": e(500, "mlx runner failed: exit status 1 (exit: 1)", since30),
  "load.mlxExited": e(500, "mlx runner exited unexpectedly: signal: killed", since30),
  "load.mlxTimeout": e(500, "timeout waiting for mlx runner to start", since30),
  "load.mlxHardware": e(500, "MLX on macOS requires Apple Silicon (arm64), got amd64", since30),
  "load.fullGpu": e(500, "unable to load full model on GPU"),

  // running, llama-server
  "runner.stopped": e(
    500,
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details",
    { midStream: true, versions: "0.9.1-" }
  ),
  "runner.eof": e(500, "an error was encountered while running the model: unexpected EOF", mid),
  "runner.gone": e(500, "llama-server process no longer running: unknown ", since30),
  "runner.health": e(500, 'health resp: Get "http://127.0.0.1:41235/health": EOF', mid),
  "runner.notResponding": e(500, "server not responding", mid),
  "runner.refused": e(
    500,
    'do load request: Post "http://127.0.0.1:41235/load": dial tcp 127.0.0.1:41235: connect: connection refused',
    mid
  ),
  "runner.loading": e(500, "unexpected server status: llm server loading model", mid),
  "runner.serverNotResponding": e(500, "unexpected server status: llm server not responding", mid),
  "runner.noSlots": e(500, "unexpected server status: llm busy - no slots available", mid),
  "runner.noSlotsAfter": e(500, "no slots available after 10 retries", mid),
  "runner.chatError": e(
    500,
    "llama-server chat error: map[code:500 message:Context size has been exceeded. type:server_error]",
    since30
  ),
  "runner.toolArguments": e(
    500,
    'llama-server returned invalid tool call arguments for "get_weather": unexpected end of JSON input',
    since30
  ),
  "runner.toolJson": e(500, "failed to parse JSON: unexpected end of JSON input", {
    midStream: true,
    versions: "0.12-"
  }),
  "runner.toolName": e(500, "empty function name", { midStream: true, versions: "0.12-" }),
  "runner.toolUndeclared": e(500, 'tool "x" is not declared', { midStream: true, versions: "0.12-" }),
  "runner.reading": e(500, "error reading llama-server response: unexpected EOF", since30),
  "runner.unmarshalling": e(500, "error unmarshalling llama-server response: unexpected end of JSON input", since30),
  "runner.eventTooLong": e(500, "llama-server response stream event exceeded 8 MB limit", since30),
  "runner.inputLength": e(
    500,
    "input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)",
    since30
  ),
  "runner.mlxImage": e(500, "this model does not support image input", since30),
  "runner.emptyPrompt": e(500, "empty prompt", since30),
  "runner.embedding": e(400, 'do embedding request: Post "http://127.0.0.1:41235/embedding": EOF'),
  "runner.embeddingStatus": e(400, "unexpected server status: llm server loading model"),
  "runner.repeatLimit": e(500, "prediction aborted, token repeat limit reached", {
    midStream: true,
    versions: "0.34-"
  }),

  // loading and running, Ollama's own runners (up to 0.24)
  "old.terminated": e(500, "llama runner process has terminated: exit status 2", before30),
  "old.terminatedSignal": e(500, "llama runner process has terminated: signal: killed", before30),
  "old.gone": e(500, "llama runner process no longer running: 2 ", before30),
  "old.timedOut": e(500, "timed out waiting for llama runner to start: context deadline exceeded", before30),
  "old.timedOutProgress": e(500, "timed out waiting for llama runner to start - progress 0.00 - ", before30),
  "old.memory": e(500, "model requires more system memory (12.0 GiB) than is available (7.5 GiB)", before30),
  "old.memoryFull": e(
    500,
    "model requires more system memory than is currently available unable to load full model on GPU",
    before30
  ),
  "old.failedToLoad": e(
    500,
    "model failed to load, this may be due to resource limitations or an internal error, check ollama server logs for details",
    { midStream: true, versions: "0.15.5-0.24" }
  ),
  "old.memoryLayout": e(500, "memory layout cannot be allocated", before30),
  "old.allocate": e(500, "failed to allocate memory for model", before30),

  // the registry
  "registry.notFound": e(500, "pull model manifest: file does not exist", mid),
  "registry.newerVersion": e(
    500,
    "pull model manifest: 412: \n\nThe model you are attempting to pull requires a newer version of Ollama.\n\nPlease download the latest version at:\n\n\thttps://ollama.com/download\n\n",
    mid
  ),
  "registry.status": e(500, "pull model manifest: 503: <html><body>503 Service Unavailable</body></html>", mid),
  "registry.unreachable": e(
    500,
    'pull model manifest: Get "https://registry.ollama.ai/v2/library/llama2/manifests/latest": dial tcp: lookup registry.ollama.ai: no such host',
    mid
  ),
  "registry.unauthorized": e(500, "pull model manifest: unauthorized: access denied", mid),
  "registry.realm": e(500, 'realm host "a.example" does not match original host "b.example"', mid),
  "registry.retries": e(500, "max retries exceeded: unexpected EOF", mid),
  "registry.retriesReset": e(
    500,
    "max retries exceeded: read tcp 10.0.0.2:52000->10.0.0.3:443: connection reset by peer",
    mid
  ),
  "registry.eof": e(500, "EOF", mid),
  "registry.deadline": e(500, "context deadline exceeded", mid),
  "registry.digest": e(500, "digest mismatch, file must be downloaded again: want sha256:00, got sha256:2c", mid),
  "registry.insecure": e(500, "insecure protocol http", mid),
  "registry.mlx": e(500, "this model requires MLX support, but the MLX runtime is not available", {
    midStream: true,
    versions: "0.32.10-"
  }),
  "registry.pushDenied": e(500, "unauthorized: access denied", mid),
  "registry.pushMissing": e(
    500,
    "open /root/.ollama/models/manifests/registry.ollama.ai/me/x/latest: no such file or directory",
    mid
  ),
  "registry.pushStatus": e(500, "http status 413 Request Entity Too Large: ", mid)
} as const

/**
 * The names of the texts: `server.busy`, `load.outOfMemory`, and so on.
 *
 * @since 0.1.0
 * @category texts
 */
export type TextName = keyof typeof rows

export const texts: Readonly<Record<TextName, Text>> = rows
