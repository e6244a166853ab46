/**
 * How the servers from 0.9 to 0.33, the cloud, the registry and proxies word their failures, one example for each, and
 * what the client makes of it. The wordings are those of Ollama's `server/routes.go`, `server/sched.go`,
 * `llm/server.go`, `llm/llama_server.go` and `api/types.go`, and what users have reported of ollama.com.
 */
import type { Call } from "./calls.js"
import { chats, generations } from "./calls.js"
import type { Failure, Result } from "./check.js"

/** What the server answers, and what the call has to end in. */
export interface TextCase {
  readonly group: string
  readonly name: string
  readonly calls: ReadonlyArray<Call>
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly result: Result
}

const json = { "content-type": "application/json; charset=utf-8" }

const ndjson = { "content-type": "application/x-ndjson" }

const text = { "content-type": "text/plain" }

const html = { "content-type": "text/html" }

const model = "gemma3:270m"

const messages = [{ role: "user" as const, content: "Hello" }]

const chat = chats({ model, messages })

const generate = generations({ model, prompt: "Hello" })

const embed: ReadonlyArray<Call> = [{ method: "embed", request: { model, input: "Hello" } }]

const embeddings: ReadonlyArray<Call> = [{ method: "embeddings", request: { model, prompt: "Hello" } }]

const show: ReadonlyArray<Call> = [{ method: "show", request: { model } }]

const remove: ReadonlyArray<Call> = [{ method: "remove", request: { model } }]

const copy: ReadonlyArray<Call> = [{ method: "copy", request: { source: model, destination: "mine" } }]

const create: ReadonlyArray<Call> = [{ method: "create", request: { model: "mine", from: model } }]

const pull: ReadonlyArray<Call> = [{ method: "pull", request: { model } }]

const push: ReadonlyArray<Call> = [{ method: "push", request: { model } }]

const upload: ReadonlyArray<Call> = [
  { method: "uploadBlob", request: { digest: `sha256:${"0".repeat(64)}`, content: new TextEncoder().encode("hello") } }
]

const error = (message: string): string => JSON.stringify({ error: message })

/** One line of an answer. */
const chunk = (content: string, more: object = { done: false }): string =>
  JSON.stringify({
    model,
    created_at: "2026-11-22T22:16:19.571473931Z",
    message: { role: "assistant", content },
    ...more
  })

/** A text as part of a test's name. */
const short = (message: string): string => {
  const line = message.replace(/\s+/g, " ").trim()
  return line.length > 140 ? `${line.slice(0, 80)} … ${line.slice(-55)}` : line
}

/** Answers of a status and a JSON error. */
const answers = (
  group: string,
  rows: ReadonlyArray<readonly [status: number, message: string, failure: Failure, calls?: ReadonlyArray<Call>]>
): ReadonlyArray<TextCase> =>
  rows.map(([status, message, failure, calls = chat]) => ({
    group,
    name: `${status} ${short(message)}`,
    calls,
    status,
    headers: json,
    body: error(message),
    result: { failure: { detail: message, ...failure, status } }
  }))

/** After a chunk everything that is not a fault of the request may go better the next time. */
const afterChunk = (failure: Failure): Failure => ({
  ...failure,
  partial: { chunks: 1, text: "Hel" },
  isRetryable: failure.isRetryable || failure.tag === "ServerError"
})

/**
 * Failures of the engine come in three forms: with a status (since 0.12.6 always before the first chunk), as the first
 * line of a stream, and, when the model was already running, as a line after chunks.
 */
const engine = (
  group: string,
  during: "loading" | "running",
  rows: ReadonlyArray<readonly [message: string, failure: Failure]>
): ReadonlyArray<TextCase> =>
  rows.flatMap(([message, given]) => {
    const failure = { detail: message, ...given }
    const line = { group, calls: chat, status: 200, headers: ndjson }
    return [
      {
        group,
        name: `500 ${short(message)}`,
        calls: chat,
        status: 500,
        headers: json,
        body: error(message),
        result: { failure: { ...failure, status: 500 } }
      },
      { ...line, name: `first line: ${short(message)}`, body: `${error(message)}\n`, result: { failure } },
      ...(during === "loading"
        ? []
        : [
            {
              ...line,
              name: `after a chunk: ${short(message)}`,
              body: `${chunk("Hel")}\n${error(message)}\n`,
              result: { failure: afterChunk(failure) }
            }
          ])
    ]
  })

/** Failures of pull, push and create come after a first line of progress. */
const progress = (
  group: string,
  calls: ReadonlyArray<Call>,
  rows: ReadonlyArray<readonly [message: string, failure: Failure]>
): ReadonlyArray<TextCase> =>
  rows.map(([message, failure]) => ({
    group,
    name: `after a line: ${short(message)}`,
    calls,
    status: 200,
    headers: ndjson,
    body: `${JSON.stringify({ status: "pulling manifest" })}\n${error(message)}\n`,
    result: {
      failure: {
        detail: message,
        ...failure,
        partial: { chunks: 1 },
        isRetryable: failure.isRetryable || failure.tag === "ServerError"
      }
    }
  }))

const invalid = (issue: string, field?: string): Failure => ({
  tag: "InvalidRequest",
  fields: { issue, ...(field && { field }) },
  isRetryable: false
})

const malformed = invalid("malformed")

const unsupported = invalid("unsupported")

const tooLong = invalid("contextExceeded")

const notFound: Failure = { tag: "ModelNotFound", isRetryable: false }

const unauthorized: Failure = { tag: "Unauthorized", fields: { signinUrl: null }, isRetryable: false }

const cloudDisabled: Failure = { tag: "Blocked", fields: { by: "cloudDisabled" }, isRetryable: false }

const upstream: Failure = { tag: "Unreachable", fields: { reason: "upstream" }, isRetryable: true }

const shed = (by: string): Failure => ({
  tag: "Overloaded",
  fields: { by, retryAfter: null },
  isRetryable: by !== "quota"
})

const outOfMemory: Failure = { tag: "LoadFailed", fields: { outOfMemory: true }, isRetryable: false }

const loadFailed: Failure = { tag: "LoadFailed", fields: { outOfMemory: false }, isRetryable: true }

const crashed: Failure = { tag: "ServerError", fields: { crashed: true }, isRetryable: true }

/** A state of the server that passes. */
const passing: Failure = { tag: "ServerError", fields: { crashed: false }, isRetryable: true }

/** A failure that the same request would meet again. */
const lasting: Failure = { tag: "ServerError", fields: { crashed: false }, isRetryable: false }

const badRequests = answers("400 of the request", [
  [400, "missing request body", malformed],
  [400, "invalid character 'x' looking for beginning of value", malformed],
  [400, "unexpected EOF", malformed],
  [400, "json: cannot unmarshal string into Go struct field ChatRequest.messages of type []api.Message", malformed],
  [400, "json: cannot unmarshal array into Go struct field Message.messages.content of type string", malformed],
  [400, 'time: missing unit in duration "300"', invalid("malformed", "keep_alive")],
  [400, 'time: invalid duration ""', invalid("malformed", "keep_alive")],
  [400, 'time: unknown unit "d" in duration "1d"', invalid("malformed", "keep_alive")],
  [400, "Unsupported type: 'bool'", invalid("malformed", "keep_alive")],
  [
    400,
    'invalid think value: "extreme" (must be "high", "medium", "low", "max", true, or false)',
    invalid("malformed", "think")
  ],
  [400, 'think must be a boolean or string ("high", "medium", "low", true, or false)', invalid("malformed", "think")],
  [400, "illegal base64 data at input byte 4", malformed],
  [400, "top_logprobs must be between 0 and 20", invalid("malformed", "top_logprobs")],
  [400, "model is required", invalid("modelName", "model")],
  [400, "model is required", invalid("modelName", "model"), show],
  [400, "model is required", invalid("modelName", "model"), embeddings],
  [400, "model is required", invalid("modelName", "model"), push],
  [400, "invalid model name", invalid("modelName"), pull],
  [400, 'use either :local or :cloud, not both: "x:cloud:local"', invalid("modelName")],
  [400, 'name "a b" is invalid', invalid("modelName"), remove],
  [400, 'source "a b" is invalid', invalid("modelName", "source"), copy],
  [400, 'destination "a b" is invalid', invalid("modelName", "destination"), copy],
  [400, "raw mode does not support template, system, or context", invalid("unsupported", "raw"), generate],
  [400, '"gemma3:270m" does not support thinking', unsupported],
  [400, '"all-minilm" does not support chat', unsupported],
  [400, '"all-minilm" does not support generate', unsupported, generate],
  [400, "registry.ollama.ai/library/gemma3:270m does not support tools", unsupported],
  [400, "registry.ollama.ai/library/gemma3:270m does not support insert", unsupported, generate],
  [
    400,
    "registry.ollama.ai/library/qwen3:8b does not support tools\nregistry.ollama.ai/library/qwen3:8b does not support thinking. Pull the model again to get the latest version with full thinking support",
    { ...unsupported, detail: /does not support tools/ }
  ],
  [400, "image generation models are not currently supported", unsupported],
  [400, "this model only supports one image while more than one image requested", unsupported, generate],
  [500, "this model only supports one image while more than one image requested", unsupported],
  [
    400,
    "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length",
    tooLong
  ],
  [400, "this server cannot run this remote model", unsupported]
])

const embeddingRequests = answers("400 of embed", [
  [400, "invalid input type", malformed, embed],
  [400, "the input length exceeds the context length", tooLong, embed],
  [400, "input after truncation exceeds maximum context length", tooLong, embed],
  [400, "input exceeds maximum context length and cannot be truncated further", tooLong, embed],
  // embed answers 400 to all errors it does not know, so these are not faults of the request
  [400, "embedding contains NaN or Inf values", lasting, embed],
  [400, 'do embedding request: Post "http://127.0.0.1:41235/embedding": EOF', crashed, embed],
  [
    400,
    'do embedding request: Post "http://127.0.0.1:41235/embedding": dial tcp 127.0.0.1:41235: connect: connection refused',
    crashed,
    embed
  ],
  [400, "unexpected server status: llm server not responding", passing, embed],
  [400, "llama runner process no longer running: 2 ", { ...crashed, detail: /no longer running/ }, embed],
  [400, "llama-server process no longer running: 1 ", { ...crashed, detail: /no longer running/ }, embed],
  [501, "this model does not support embeddings", unsupported, embed],
  [501, "This server does not support embeddings. Start it with `--embeddings`", unsupported, embed],
  [500, "this model does not support embeddings", unsupported, embeddings],
  [500, "This server does not support embeddings. Start it with `--embeddings`", unsupported, embeddings]
])

const creations = answers("400 of blobs and create", [
  [400, "invalid digest format", invalid("digest"), upload],
  [400, `digest mismatch, expected "sha256:00", got "sha256:2c"`, invalid("digest"), upload],
  [400, "neither 'from' or 'files' was specified", malformed, create],
  [400, "file path must be relative", malformed, create],
  [400, "bad remote", malformed, create],
  [400, "no files provided to convert", malformed, create],
  [400, "only one adapter is currently supported", unsupported, create],
  [400, "supplied file was not in GGUF format", malformed, create],
  [400, "unknown type", malformed, create],
  [400, "template error: template: :1: unexpected {{end}}", malformed, create],
  [400, "--draft-quantize requires a DRAFT model", malformed, create],
  [400, "DRAFT cannot be used with remote models", malformed, create],
  [400, 'info field "capabilities" must be a string', malformed, create],
  [400, 'info field "context_length" must be a number', malformed, create],
  [400, 'info field "context_length" must be a non-negative integer', malformed, create]
])

const credentials = answers("401, 402, 403", [
  [401, "unauthorized", unauthorized],
  [401, "you are not currently signed in", unauthorized, [{ method: "signOut" }]],
  [
    402,
    "this model uses extra usage only (not included plan usage) and your extra usage balance is empty, add extra usage balance to continue",
    unauthorized
  ],
  [
    403,
    "this model requires a subscription, upgrade for access: https://ollama.com/upgrade (ref: 0b0c5a6e-7a53-4a8c-9d0e-3a3c1b0d5a11)",
    { ...unauthorized, detail: /requires a subscription/ }
  ],
  [403, "ollama cloud is disabled: remote model is unavailable", cloudDisabled],
  [403, "ollama cloud is disabled: remote model details are unavailable", cloudDisabled, show],
  [
    403,
    "ollama cloud is disabled: web search is unavailable",
    cloudDisabled,
    [{ method: "webSearch", request: { query: "ollama" } }]
  ],
  [
    403,
    "ollama cloud is disabled: web fetch is unavailable",
    cloudDisabled,
    [{ method: "webFetch", request: { url: "https://ollama.com" } }]
  ]
])

const missing = answers("404 of a model", [
  [404, "model 'gemma3:270m' not found", notFound],
  [404, "model 'gemma3:270m' not found", notFound, show],
  [404, "model 'gemma3:270m' not found", notFound, remove],
  [404, "model '' not found", notFound, generate],
  [404, 'model "gemma3:270m" not found, try pulling it first', notFound],
  [404, 'model "gemma3:270m" not found, try pulling it first', notFound, embed],
  [404, 'model "gemma3:270m" not found, try pulling it first', notFound, embeddings],
  [404, 'model "gemma3:270m" not found', notFound, copy]
])

const badRequestsAs500 = answers("500 of the request", [
  [500, 'option "num_ctx" must be of type integer', invalid("option", "options.num_ctx")],
  [500, 'option "use_mmap" must be of type boolean', invalid("option", "options.use_mmap")],
  [500, 'option "temperature" must be of type float32', invalid("option", "options.temperature")],
  [500, 'option "stop" must be of type array', invalid("option", "options.stop")],
  [500, 'option "stop" must be of an array of strings', invalid("option", "options.stop")],
  [
    500,
    String.raw`invalid format: "\"xml\""; expected "json" or a valid JSON Schema object`,
    invalid("format", "format")
  ],
  [500, "invalid JSON schema in format", invalid("format", "format")],
  [500, "no user query found in messages", malformed],
  [500, 'unsupported Qwen3.8 reasoning effort "extreme"', unsupported],
  [500, 'unknown renderer "nope"', lasting],
  [
    500,
    `template: :3:12: executing "" at <.Tools>: can't evaluate field Tools in type map[string]interface {}`,
    lasting
  ],
  [
    500,
    "'llama3.2-vision' is no longer compatible with your version of Ollama and has been replaced by a newer version. To re-download, run 'ollama pull llama3.2-vision'",
    loadFailed
  ],
  [
    500,
    "Failed to create new sequence: failed to process inputs: this model is missing data required for image input",
    unsupported
  ],
  [500, "open /root/.ollama/models/blobs: permission denied", lasting],
  [500, "write /root/.ollama/models/blobs/sha256-0000-partial: no space left on device", lasting],
  [500, "unexpected EOF", lasting, create],
  [501, "not implemented", unsupported],
  [499, "request canceled", lasting]
])

const overload = answers("busy, and cannot reach the cloud", [
  [503, "server busy, please try again.  maximum pending requests exceeded", shed("server")],
  [503, "server busy, please try again.  maximum pending requests exceeded", shed("server"), embed],
  [503, "account unavailable", upstream, [{ method: "account" }]],
  [
    502,
    'Post "https://ollama.com:443/api/chat?ts=1795380218": dial tcp: lookup ollama.com: no such host',
    { ...upstream, detail: /no such host/ }
  ],
  [
    502,
    'Post "https://ollama.com:443/api/chat?ts=1795380218": dial tcp 34.36.133.15:443: i/o timeout',
    { ...upstream, detail: /i\/o timeout/ }
  ]
])

const cloud = answers("the cloud", [
  [429, "you (ada) have reached your session usage limit, please wait or upgrade to continue", shed("quota")],
  [429, "you (ada) have reached your weekly usage limit, please wait or upgrade to continue", shed("quota")],
  [429, "you (ada) have reached your hourly usage limit, please wait or upgrade to continue", shed("quota")],
  [429, "too many concurrent requests", shed("server")],
  [529, "overloaded", shed("server")],
  [
    503,
    "Server overloaded, please retry shortly (ref: 0b0c5a6e-7a53-4a8c-9d0e-3a3c1b0d5a11)",
    { ...shed("server"), detail: /Server overloaded/ }
  ],
  [
    500,
    "Internal Server Error (ref: 0b0c5a6e-7a53-4a8c-9d0e-3a3c1b0d5a11)",
    { ...lasting, detail: /Internal Server Error/ }
  ]
])

/** Any of these in an error means out of memory: the list is the server's own (since 0.30). */
const memoryTexts = [
  "out of memory",
  "out of device memory",
  "cudaMalloc failed",
  "hipMalloc failed",
  "failed to allocate",
  "allocation failed",
  "not enough memory",
  "insufficient memory",
  "vk_error_out_of_device_memory",
  "erroroutofmemory"
]

const loads = engine("loads, since 0.30", "loading", [
  ["llama-server reported out-of-memory during startup: ggml_backend_cuda_buffer_type_alloc_buffer", outOfMemory],
  [
    "llama-server startup failed after projector CPU offload retry: llama-server reported out-of-memory during startup: ggml",
    outOfMemory
  ],
  ...memoryTexts.map(
    (memory) => [`llama-server process has terminated: exit status 1: ggml: ${memory}`, outOfMemory] as const
  ),
  ["llama-server process has terminated: exit status 2", crashed],
  ["llama-server process has terminated: exit status 0xc0000409", crashed],
  ["llama-server process has terminated: signal: killed", crashed],
  ["timed out waiting for llama-server to start - ", { ...loadFailed, detail: /timed out waiting for llama-server/ }],
  ["timed out waiting for llama-server to start - srv load_model: loading model", loadFailed],
  ["error starting llama-server: fork/exec /usr/lib/ollama/llama-server: exec format error", loadFailed],
  ["llama-server binary not found (checked: /usr/lib/ollama), reinstall Ollama", loadFailed],
  [
    "llama-server process has terminated: exit status 1: error loading model: this model may be incompatible with your version of Ollama. If you previously pulled this model, try updating it by running `ollama pull gemma3:270m`",
    loadFailed
  ],
  ["unsupported model format", loadFailed],
  ["invalid file magic", loadFailed],
  ["model requires 42.0 GiB but only 12.0 GiB are available (after 2.0 GiB overhead)", outOfMemory],
  ["mlx runner failed: signal: aborted (exit: 134)", crashed],
  ["mlx runner exited unexpectedly: exit status 1", crashed],
  ["timeout waiting for mlx runner to start", loadFailed],
  ["MLX on macOS requires Apple Silicon (arm64), got amd64", loadFailed],
  ["unable to load full model on GPU", loadFailed]
])

const loadsBefore = engine("loads, 0.9 to 0.24", "loading", [
  ["llama runner process has terminated: exit status 2", crashed],
  ["llama runner process has terminated with exit code 3221225477", crashed],
  ["llama runner process has terminated: cudaMalloc failed: out of memory", outOfMemory],
  ["llama runner process has terminated: error loading model: unable to allocate CUDA0 buffer", outOfMemory],
  ["llama runner process has terminated: error loading model: unable to allocate backend buffer", outOfMemory],
  [
    "llama runner process has terminated: error loading model: error loading model architecture: unknown model architecture: 'new'",
    loadFailed
  ],
  ["llama runner process no longer running: 2 ", { ...crashed, detail: /no longer running/ }],
  ["timed out waiting for llama runner to start: context canceled", loadFailed],
  ["timed out waiting for llama runner to start - progress 0.00 - ", { ...loadFailed, detail: /progress 0\.00/ }],
  ["model requires more system memory (9.1 GiB) than is available (4.2 GiB)", outOfMemory],
  ["model requires more system memory than is currently available unable to load full model on GPU", outOfMemory],
  [
    "model failed to load, this may be due to resource limitations or an internal error, check ollama server logs for details",
    loadFailed
  ],
  ["memory layout cannot be allocated with num_gpu = 99", outOfMemory],
  ["failed to allocate memory for model", outOfMemory]
])

const runners = engine("runners", "running", [
  [
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details",
    crashed
  ],
  [
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, check ollama server logs for details: signal arrived during cgo execution",
    crashed
  ],
  ["an error was encountered while running the model: unexpected EOF", crashed],
  ["an error was encountered while running the model: CUDA error: an illegal memory access was encountered", crashed],
  ["an error was encountered while running the model: CUDA error: out of memory", outOfMemory],
  ["llama-server process no longer running: unknown ", { ...crashed, detail: /no longer running/ }],
  ['health resp: Get "http://127.0.0.1:41235/health": dial tcp 127.0.0.1:41235: connect: connection refused', crashed],
  ["server not responding", passing],
  ["unexpected server status: llm server loading model", passing],
  ["unexpected server status: llm server not responding", passing],
  ["unexpected server status: llm busy - no slots available", passing],
  ["no slots available after 10 retries", passing],
  ["llama-server chat error: map[code:500 message:Compute error. type:server_error]", lasting],
  [
    "llama-server chat error: map[code:400 message:request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it n_ctx:4096 n_prompt_tokens:5000 type:exceed_context_size_error]",
    tooLong
  ],
  ['llama-server returned invalid tool call arguments for "get_weather": unexpected end of JSON input', lasting],
  ["failed to parse JSON: invalid character '}' looking for beginning of value", lasting],
  ["empty function name", lasting],
  ['tool "get_wether" is not declared', lasting],
  ["XML syntax error on line 3: unexpected EOF", lasting],
  ["error reading llama-server response: context deadline exceeded", passing],
  ["error unmarshalling llama-server response: invalid character 'e'", passing],
  ["llama-server response stream event exceeded 8 MB limit", passing],
  ["input length (5000 tokens) exceeds the model's maximum context length (4096 tokens)", tooLong],
  ["this model does not support image input", unsupported],
  ["empty prompt", malformed],
  // announced for the versions after 0.33
  ["prediction aborted, token repeat limit reached", lasting],
  ["something nobody has written down yet", lasting]
])

const inner = (code: number, message: string, type: string, more: object = {}): string =>
  JSON.stringify({ error: { code, message, type, ...more } })

const nested = (
  name: string,
  status: number,
  message: string,
  failure: Failure,
  calls: ReadonlyArray<Call> = chat
): TextCase => ({
  group: "JSON inside a string",
  name,
  calls,
  status,
  headers: json,
  body: error(message),
  result: { failure: { ...failure, status } }
})

const nestedErrors: ReadonlyArray<TextCase> = [
  nested(
    "a prompt that is too long",
    400,
    inner(
      400,
      "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
      "exceed_context_size_error",
      { n_prompt_tokens: 5000, n_ctx: 4096 }
    ),
    { ...tooLong, detail: /^request \(5000 tokens\) exceeds the available context size \(4096 tokens\)/ }
  ),
  nested(
    "an image to a text model",
    400,
    inner(
      400,
      "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
      "invalid_request_error"
    ),
    { ...unsupported, detail: /^image input is not supported/ }
  ),
  nested(
    "an image to a text model, as 500",
    500,
    inner(
      500,
      "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
      "server_error"
    ),
    { ...unsupported, detail: /^image input is not supported/ }
  ),
  nested("an image that is none", 400, inner(400, "Failed to load image or audio file", "invalid_request_error"), {
    ...malformed,
    detail: "Failed to load image or audio file"
  }),
  nested("an image that is none, as 500", 500, inner(500, "Failed to load image or audio file", "server_error"), {
    ...malformed,
    detail: "Failed to load image or audio file"
  }),
  nested(
    "no embeddings",
    501,
    inner(501, "This server does not support embeddings. Start it with `--embeddings`", "not_supported_error"),
    { ...unsupported, detail: /^This server does not support embeddings/ },
    embed
  ),
  nested("still loading", 503, inner(503, "Loading model", "unavailable_error"), {
    ...shed("server"),
    detail: "Loading model"
  }),
  nested(
    "out of memory, with the engine's log behind the JSON",
    500,
    `${inner(500, "failed to decode", "server_error")}\nggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory`,
    { ...outOfMemory, detail: /failed to decode|out of memory/ }
  ),
  nested("anything else", 500, inner(500, "Compute error.", "server_error"), { ...lasting, detail: "Compute error." })
]

const signin = "https://ollama.com/connect?name=box&key=c3NoLWVkMjU1MTkgQUFBQQ"

/** The other shapes of a body. */
const shapes: ReadonlyArray<TextCase> = [
  {
    group: "shapes",
    name: "401 with the address to sign in at",
    calls: chat,
    status: 401,
    headers: json,
    body: JSON.stringify({ error: "unauthorized", signin_url: signin }),
    result: {
      failure: {
        tag: "Unauthorized",
        fields: { signinUrl: signin },
        status: 401,
        detail: "unauthorized",
        isRetryable: false
      }
    }
  },
  {
    group: "shapes",
    name: "401 of the account, with the address to sign in at",
    calls: [{ method: "account" }],
    status: 401,
    headers: json,
    body: JSON.stringify({ error: "unauthorized", signin_url: signin }),
    result: { failure: { tag: "Unauthorized", fields: { signinUrl: signin }, status: 401, isRetryable: false } }
  },
  {
    group: "shapes",
    name: "a status error of a remote model",
    calls: chat,
    status: 429,
    headers: json,
    body: JSON.stringify({
      StatusCode: 429,
      Status: "429 Too Many Requests",
      error: "you (ada) have reached your weekly usage limit"
    }),
    result: {
      failure: { ...shed("quota"), status: 429, detail: "you (ada) have reached your weekly usage limit" }
    }
  },
  {
    group: "shapes",
    name: "a status error of a remote model as a last line without newline",
    calls: chat,
    status: 200,
    headers: ndjson,
    body: `${chunk("Hel")}\n${JSON.stringify({ StatusCode: 429, Status: "429 Too Many Requests", error: "you (ada) have reached your weekly usage limit" })}`,
    result: { failure: { ...shed("quota"), partial: { chunks: 1, text: "Hel" } } }
  },
  {
    group: "shapes",
    name: "an authorization error of a remote model as the only line",
    calls: chat,
    status: 200,
    headers: ndjson,
    body: JSON.stringify({ StatusCode: 401, Status: "401 Unauthorized", error: "unauthorized", signin_url: signin }),
    result: { failure: { tag: "Unauthorized", fields: { signinUrl: signin }, isRetryable: false } }
  },
  {
    group: "shapes",
    name: "an authorization error as a line, without a status",
    calls: chat,
    status: 200,
    headers: ndjson,
    body: `${JSON.stringify({ error: "unauthorized", signin_url: signin })}\n`,
    result: { failure: { tag: "Unauthorized", fields: { signinUrl: signin }, isRetryable: false } }
  },
  {
    group: "shapes",
    name: "an error line with a status, as create sent before 0.12.6",
    calls: create,
    status: 200,
    headers: ndjson,
    body: `${JSON.stringify({ error: "neither 'from' or 'files' was specified", status: 400 })}\n`,
    result: { failure: { ...malformed, detail: "neither 'from' or 'files' was specified" } }
  },
  {
    group: "shapes",
    name: "an error line with a status after a line of progress",
    calls: create,
    status: 200,
    headers: ndjson,
    body: `${JSON.stringify({ status: "parsing GGUF" })}\n${JSON.stringify({ error: "invalid model name", status: 400 })}\n`,
    result: { failure: { ...invalid("modelName"), partial: { chunks: 1 } } }
  },
  {
    group: "shapes",
    name: "a missing model, with status 200",
    calls: chat,
    status: 200,
    headers: json,
    body: error("model 'gemma3:270m' not found"),
    result: { failure: { tag: "ModelNotFound", status: 200, isRetryable: false } }
  },
  {
    group: "shapes",
    name: "a full queue, with status 200",
    calls: chat,
    status: 200,
    headers: ndjson,
    body: error("server busy, please try again.  maximum pending requests exceeded"),
    result: { failure: { tag: "Overloaded", fields: { by: "server" }, status: 200, isRetryable: true } }
  },
  {
    group: "shapes",
    name: "a text like that after a chunk",
    calls: chat,
    status: 200,
    headers: ndjson,
    body: `${chunk("Hel")}\n${error("model 'gemma3:270m' not found")}\n`,
    result: { failure: { tag: "ServerError", partial: { chunks: 1, text: "Hel" }, isRetryable: true } }
  },
  {
    group: "shapes",
    name: "an error object with status 200",
    calls: chat,
    status: 200,
    headers: json,
    body: error("something went wrong"),
    result: { failure: { ...lasting, detail: "something went wrong" } }
  },
  {
    group: "shapes",
    name: "500 without a body",
    calls: chat,
    status: 500,
    headers: {},
    body: "",
    result: { failure: { ...lasting, status: 500, detail: null } }
  },
  {
    group: "shapes",
    name: "403 without a body",
    calls: chat,
    status: 403,
    headers: {},
    body: "",
    result: { failure: { tag: "Blocked", fields: { by: "hostHeader" }, status: 403, detail: null, isRetryable: false } }
  },
  {
    group: "shapes",
    name: "403 without a body to a call with an Origin header",
    calls: chats({ model, messages }, { Origin: "https://app.example" }),
    status: 403,
    headers: {},
    body: "",
    result: { failure: { tag: "Blocked", fields: { by: "origin" }, status: 403, detail: null, isRetryable: false } }
  },
  {
    group: "shapes",
    name: "403 without a body to a read",
    calls: [{ method: "list" }],
    status: 403,
    headers: {},
    body: "",
    result: { failure: { tag: "Blocked", fields: { by: "hostHeader" }, status: 403, detail: null, isRetryable: false } }
  }
]

const plain = (
  status: number,
  body: string,
  failure: Failure,
  calls: ReadonlyArray<Call> = chat,
  headers: Readonly<Record<string, string>> = text
): TextCase => ({
  group: "text and HTML",
  name: `${status} ${short(body)}`,
  calls,
  status,
  headers,
  body,
  result: { failure: { ...failure, status } }
})

const page = (title: string): string =>
  `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`

const noServer: Failure = { tag: "Unreachable", fields: { reason: "gateway" }, isRetryable: true }

/** Proxies that do not reach the server, in their own words, as real ones say it (`npm run diagnose`). */
const withoutServer: ReadonlyArray<TextCase> = [
  plain(
    503,
    '<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body id=ERR_CONNECT_FAIL>\n<p id="sysmsg">The system returned: <i>(111) Connection refused</i></p></body></html>',
    { ...noServer, detail: "ERROR: The requested URL could not be retrieved" },
    chat,
    html
  ),
  plain(
    503,
    "<html><head><title>ERROR</title></head><body id=ERR_DNS_FAIL>Unable to determine IP address</body></html>",
    noServer,
    chat,
    html
  ),
  plain(
    500,
    '<?xml version="1.0" encoding="UTF-8" ?>\n<html><head><title>500 Unable to connect</title></head><body><h1>Unable to connect</h1></body></html>',
    { ...noServer, detail: "500 Unable to connect" },
    chat,
    html
  ),
  plain(
    503,
    "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>",
    { ...noServer, detail: "503 Service Unavailable No server is available to handle this request." },
    chat,
    html
  ),
  plain(
    503,
    "<html><head>\n<title>503 Service Unavailable</title>\n</head><body>\n<p>The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\nproblems. Please try again later.</p>\n</body></html>",
    noServer,
    chat,
    html
  ),
  plain(503, "no healthy upstream", noServer),
  plain(503, "upstream connect error or disconnect/reset before headers. reset reason: connection failure", noServer),
  plain(503, "no available server", noServer),
  plain(530, "error code: 1033", noServer)
]

/** Go's own answers, and those of proxies. */
const pages: ReadonlyArray<TextCase> = [
  plain(404, "404 page not found", { ...invalid("noSuchEndpoint"), detail: "404 page not found" }),
  plain(404, "404 page not found", invalid("noSuchEndpoint"), [{ method: "status" }]),
  plain(404, "404 page not found", invalid("noSuchEndpoint"), show),
  plain(405, "405 method not allowed", { ...invalid("noSuchEndpoint"), detail: "405 method not allowed" }, chat, {
    ...text,
    allow: "POST"
  }),
  plain(400, "400 Bad Request: missing required Host header", malformed),
  plain(431, "431 Request Header Fields Too Large", invalid("tooLarge")),
  plain(400, "Client sent an HTTP request to an HTTPS server.\n", {
    tag: "Unreachable",
    fields: { reason: "protocol" },
    isRetryable: false
  }),
  plain(
    400,
    page("400 The plain HTTP request was sent to HTTPS port"),
    { tag: "Unreachable", fields: { reason: "protocol" }, isRetryable: false },
    chat,
    html
  ),
  plain(403, page("403 Forbidden"), { tag: "Blocked", fields: { by: "proxy" }, isRetryable: false }, chat, html),
  plain(404, page("404 Not Found"), invalid("noSuchEndpoint"), chat, html),
  plain(
    407,
    page("407 Proxy Authentication Required"),
    { tag: "Blocked", fields: { by: "proxy" }, isRetryable: false },
    chat,
    { ...html, "proxy-authenticate": 'Basic realm="squid"' }
  ),
  plain(407, "", { tag: "Blocked", fields: { by: "proxy" }, isRetryable: false }, chat, {}),
  plain(413, page("413 Request Entity Too Large"), invalid("tooLarge"), chat, html),
  plain(429, page("429 Too Many Requests"), shed("server"), chat, html),
  plain(
    500,
    page("500 Internal Server Error"),
    { tag: "ServerError", fields: { crashed: false }, isRetryable: false },
    chat,
    html
  ),
  plain(
    502,
    page("502 Bad Gateway"),
    { tag: "Unreachable", fields: { reason: "gateway" }, isRetryable: true },
    chat,
    html
  ),
  plain(502, "Bad Gateway", { tag: "Unreachable", fields: { reason: "gateway" }, isRetryable: true }),
  plain(502, "", { tag: "Unreachable", fields: { reason: "gateway" }, isRetryable: true }, chat, {}),
  plain(503, page("503 Service Temporarily Unavailable"), shed("gateway"), chat, html),
  plain(504, page("504 Gateway Time-out"), shed("gateway"), chat, html),
  plain(504, "Gateway Timeout", shed("gateway")),
  plain(
    200,
    page("Sign in to this network"),
    { tag: "Blocked", fields: { by: "captivePortal" }, isRetryable: false },
    chat,
    html
  ),
  plain(
    200,
    page("Sign in to this network"),
    { tag: "Blocked", fields: { by: "captivePortal" }, isRetryable: false },
    [{ method: "list" }],
    html
  ),
  plain(302, "", { tag: "Blocked", fields: { by: "captivePortal" }, isRetryable: false }, chat, {
    location: "http://login.example/"
  }),
  plain(
    511,
    page("Network Authentication Required"),
    { tag: "Blocked", fields: { by: "captivePortal" }, isRetryable: false },
    chat,
    html
  ),
  plain(
    400,
    page("400 No required SSL certificate was sent"),
    { tag: "Blocked", fields: { by: "proxy" }, isRetryable: false },
    chat,
    html
  )
]

/** `Retry-After` of the cloud or of proxies, in the test clock's time, which begins at 0. */
const pushback = (value: string, retryAfter: number | null, status = 503, by = "server"): TextCase => ({
  group: "Retry-After",
  name: `${status} with ${value}`,
  calls: chat,
  status,
  headers: { ...json, "retry-after": value },
  body: error(by === "quota" ? "you (ada) have reached your weekly usage limit" : "Server overloaded"),
  result: { failure: { ...shed(by), fields: { by, retryAfter }, status } }
})

const pushbacks: ReadonlyArray<TextCase> = [
  pushback("3", 3_000),
  pushback("0", 0),
  pushback("Thu, 01 Jan 1970 00:00:30 GMT", 30_000),
  pushback("soon", null),
  pushback("-5", null),
  pushback("7", 7_000, 429),
  pushback("3600", 3_600_000, 429, "quota"),
  pushback("2", 2_000, 504, "gateway")
]

const stream = (
  name: string,
  body: string,
  result: Result,
  calls = chat,
  headers: Readonly<Record<string, string>> = ndjson
): TextCase => ({
  group: "ends and lines",
  name,
  calls,
  status: 200,
  headers,
  body,
  result
})

const brokenOff = (chunks: number, said?: string): Result => ({
  failure: {
    tag: "StreamInterrupted",
    ...(chunks > 0 && { partial: { chunks, ...(said && { text: said }) } }),
    isRetryable: true
  }
})

const done = { done: true, done_reason: "stop" }

const answered = (said: string, chunks: number): Result => ({
  answer: { model, text: said, chunks, created_at: "2026-11-22T22:16:19.571473931Z", done_reason: "stop" }
})

const notOllama: Failure = { tag: "ProtocolError", isRetryable: false }

/** Answers that end or break without an error of the server. */
const ends: ReadonlyArray<TextCase> = [
  stream("a stream that ends without done", `${chunk("Hel")}\n${chunk("lo")}\n`, brokenOff(2, "Hello")),
  stream("a single object that is not done", chunk("Hello"), brokenOff(1, "Hello"), chat, json),
  stream("a stream without a line", "", brokenOff(0)),
  stream("a pull that ends without success", '{"status":"pulling manifest"}\n', brokenOff(1), pull),
  stream("a last line without newline", `${chunk("Hel")}\n${chunk("lo", done)}`, answered("Hello", 2)),
  stream("empty lines between", `\n${chunk("Hel")}\n\n${chunk("lo", done)}\n\n`, answered("Hello", 2)),
  stream(
    "done_reason without done",
    `${chunk("Hel")}\n${chunk("lo", { done_reason: "stop" })}\n`,
    { parts: { "message/content": "Hello", done_reason: "stop" } },
    [{ method: "chat", request: { model, messages } }]
  ),
  stream(
    "done_reason without done, streamed",
    `${chunk("Hel")}\n${chunk("lo", { done_reason: "stop" })}\n`,
    { parts: { length: 2, "0/message/content": "Hel", "1/message/content": "lo", "1/done_reason": "stop" } },
    [{ method: "chatStream", request: { model, messages } }]
  ),
  stream("an answer without a body", "", { failure: notOllama }, chat, {}),
  stream("an answer without a body to a read", "", { failure: notOllama }, [{ method: "list" }], json),
  stream("text that is no JSON", "Ollama is running", { failure: { ...notOllama, fields: { line: 1 } } }, chat, text),
  stream("JSON of another shape", '{"hello":"world"}', { failure: notOllama }, chat, json),
  stream("JSON of another shape to a read", '{"hello":"world"}', { failure: notOllama }, [{ method: "list" }], json),
  stream("a bad line", `${chunk("Hel")}\n{"model":"gemma3:270m","mess\n${chunk("lo", done)}\n`, {
    failure: { ...notOllama, fields: { line: 2 }, partial: { chunks: 1, text: "Hel" } }
  })
]

const registry = [
  ...progress("the registry, pull", pull, [
    ["pull model manifest: file does not exist", notFound],
    [
      "pull model manifest: 412: \n\nThe model you are attempting to pull requires a newer version of Ollama.\n\nPlease download the latest version at:\n\n\thttps://ollama.com/download\n\n",
      { ...invalid("upgradeRequired"), detail: /requires a newer version of Ollama/ }
    ],
    [
      "pull model manifest: 412: \n\nThe model you are attempting to pull requires a newer version of Ollama that may be in pre-release.\n\nPlease see https://github.com/ollama/ollama/releases for more details.\n\n",
      { ...invalid("upgradeRequired"), detail: /requires a newer version of Ollama/ }
    ],
    ["pull model manifest: 503: upstream connect error", upstream],
    ["pull model manifest: 500: internal error", upstream],
    [
      'pull model manifest: Get "https://registry.ollama.ai/v2/library/gemma3/manifests/270m": dial tcp: lookup registry.ollama.ai: no such host',
      upstream
    ],
    [
      'pull model manifest: Get "https://registry.ollama.ai/v2/library/gemma3/manifests/270m": dial tcp 104.21.75.227:443: i/o timeout',
      upstream
    ],
    [
      'pull model manifest: Get "https://registry.ollama.ai/v2/library/gemma3/manifests/270m": net/http: TLS handshake timeout',
      upstream
    ],
    [
      'pull model manifest: Get "http://127.0.0.1:9/v2/library/gemma3/manifests/270m": dial tcp 127.0.0.1:9: connect: connection refused',
      upstream
    ],
    ["pull model manifest: unauthorized: access denied", unauthorized],
    ['pull model manifest: realm host "a.example" does not match original host "registry.ollama.ai"', unauthorized],
    ["max retries exceeded: EOF", upstream],
    ["max retries exceeded: unexpected EOF", upstream],
    ["max retries exceeded: read tcp 192.168.1.2:50123->104.21.75.227:443: read: connection reset by peer", upstream],
    ["EOF", upstream],
    ["context deadline exceeded", upstream],
    // the file was damaged on the way and is removed: not a digest that the caller gave
    ["digest mismatch, file must be downloaded again: want sha256:00, got sha256:2c", passing],
    ["insecure protocol http", invalid("malformed", "insecure")],
    ["this model requires MLX support, but the MLX runtime is not available", unsupported],
    ["write /root/.ollama/models/blobs/sha256-0000-partial: no space left on device", passing]
  ]),
  // a file of the caller's that is cut off: nothing that a connection did
  ...progress("files, create", create, [["unexpected EOF", passing]]),
  ...progress("the registry, push", push, [
    ["unauthorized: access denied", unauthorized],
    ["open /root/.ollama/models/manifests/registry.ollama.ai/library/x/latest: no such file or directory", notFound],
    ["http status 401 Unauthorized: access denied", unauthorized],
    ["http status 403 Forbidden: denied", unauthorized]
  ])
]

/** All of them. */
export const texts: ReadonlyArray<TextCase> = [
  ...badRequests,
  ...embeddingRequests,
  ...creations,
  ...credentials,
  ...missing,
  ...badRequestsAs500,
  ...overload,
  ...cloud,
  ...loads,
  ...loadsBefore,
  ...runners,
  ...nestedErrors,
  ...shapes,
  ...pages,
  ...withoutServer,
  ...pushbacks,
  ...ends,
  ...registry
]
