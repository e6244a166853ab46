/**
 * From what a server or proxy answered to the failure that names the cause: a table to read, first match wins.
 *
 * Status and text decide together, because Ollama answers some mistakes of the caller with 500, some crashes with 400,
 * and some texts are JSON inside JSON. Sources: Ollama `server/routes.go`, `server/sched.go`, `llm/llama_server.go`,
 * `llm/server.go`, `server/images.go`, `server/download.go`, versions 0.9 to 0.33; what the cloud and proxies answer is
 * from reports of users.
 */
import type * as Duration from "effect/Duration"
import type * as AnswerText from "./answerText.js"
import type { Seed } from "./context.js"
import type { Endpoint } from "./endpoint.js"
import {
  blocked,
  invalid,
  loadFailed,
  modelNotFound,
  overloaded,
  serverError,
  unauthorized,
  unreachable
} from "./seed.js"

/** An answer that is a failure. */
export interface Answer {
  readonly status: number
  readonly text: AnswerText.AnswerText
  readonly endpoint: Endpoint
  /** Whether the request names a model. */
  readonly hasModel: boolean
  /** Whether an Origin header was, or in a browser may have been, sent. */
  readonly sentOrigin: boolean
  readonly retryAfter: Duration.Duration | undefined
}

interface Rule {
  readonly status?: (status: number) => boolean
  readonly body?: AnswerText.AnswerText["kind"]
  readonly text?: RegExp
  readonly when?: (answer: Answer) => boolean
  readonly make: (answer: Answer, match: RegExpExecArray | null) => Seed
}

const is =
  (...statuses: ReadonlyArray<number>) =>
  (status: number): boolean =>
    statuses.includes(status)

const from =
  (least: number, most: number) =>
  (status: number): boolean =>
    status >= least && status <= most

// ---- the failures, each with the remedy for its cause -------------------------------------------------------------

const crashed = serverError(
  { crashed: true },
  "Ask again: the next request starts the model's process anew; the server's log says why it died"
)
const passing = serverError({ transient: true }, "Ask again in a moment; the model's process was not ready")
const failed = serverError({}, "Look into the server's log")
const outOfMemory = loadFailed(
  true,
  "Free memory (unload other models), lower num_ctx, or take a smaller model or quantization"
)
const upstream = unreachable(
  "upstream",
  "Check that the Ollama server itself reaches the internet (its proxy variables, its DNS), then try again"
)
const gateway = unreachable(
  "gateway",
  "A proxy answered, but has no Ollama server behind it: start the server, or correct the proxy's upstream address"
)
/** A page, or the way to another place, where Ollama was expected. */
export const captivePortal: Seed = blocked(
  "captivePortal",
  "The address does not lead to Ollama but to a web page (a login page of the network, a proxy, or a wrong address): correct the address or log in"
)
const serverBusy = (answer: Answer): Seed =>
  overloaded(
    "server",
    "Send fewer calls at once, raise OLLAMA_MAX_QUEUE or OLLAMA_NUM_PARALLEL on the server, or add a host",
    answer.retryAfter
  )
const gatewayBusy = (answer: Answer): Seed =>
  overloaded(
    "gateway",
    "A proxy gave up waiting for Ollama: raise its read timeout above the load and answer time, or send fewer calls",
    answer.retryAfter
  )
const quota = (answer: Answer): Seed =>
  overloaded("quota", "Wait until the usage window of the account resets, or upgrade the plan", answer.retryAfter)
const noSuchEndpoint = invalid(
  "noSuchEndpoint",
  undefined,
  "Check the address and its path; if they are right, the server is too old for this call"
)
/** Sign this server in at the address given, where one is given. */
const signIn = ({ text: { signinUrl } }: Answer): Seed =>
  unauthorized(
    signinUrl === undefined
      ? {}
      : {
          signinUrl,
          remedy:
            "Sign this server in: open signinUrl in a browser (or run `ollama signin` on the server), then try again"
        }
  )
const subscription = unauthorized({ remedy: "This model needs a subscription: upgrade the account" })
const registryRefuses = unauthorized({
  remedy: "The registry keeps this model to itself: check its name, and sign in (`ollama signin`)"
})
const upgrade = invalid("upgradeRequired", undefined, "Upgrade the Ollama server: the model needs a newer version")
const contextExceeded = invalid(
  "contextExceeded",
  undefined,
  "Shorten the prompt, raise options.num_ctx, or let the server truncate"
)

// ---- the table ------------------------------------------------------------------------------------------------------

/** Texts by which the server itself recognises that memory ran out (`llm/llama_server.go`), and older wordings. */
const outOfMemoryTexts =
  /out of memory|out of device memory|out-of-memory|cudaMalloc failed|hipMalloc failed|failed to allocate|allocation failed|not enough memory|insufficient memory|vk_error_out_of_device_memory|erroroutofmemory|unable to allocate \w+ buffer|requires more system memory|memory layout cannot be allocated|model requires .+ but only .+ (is|are) available/i

/** What ends a load, or a running model; the same wording at any status and inside streams. */
const runnerRules: ReadonlyArray<Rule> = [
  { text: outOfMemoryTexts, make: () => outOfMemory },
  {
    // 0.9-0.24 "llama runner", from 0.30 "llama-server", MLX from 0.30
    text: /timed out waiting for (llama-server|llama runner)|timeout waiting for mlx runner/i,
    make: () =>
      loadFailed(
        false,
        "Raise OLLAMA_LOAD_TIMEOUT on the server, or find out why its disk or GPU is slow; then try again"
      )
  },
  {
    // before the crashes: this one says why the process ended
    text: /(may be incompatible|is no longer compatible) with your version of Ollama|unknown model architecture|unsupported model format|invalid file magic/i,
    make: () => loadFailed(false, "Pull the model again; upgrade the server if that does not help")
  },
  {
    // "no longer running" and "terminated" are a crash, not a failed load
    text: /process has terminated|unexpectedly stopped|exited unexpectedly|process no longer running|mlx runner failed|an error was encountered while running the model|(^|: )connection refused$|dial tcp (127\.|\[::1\])\S+ connect(ex)?: connection refused/i,
    make: () => crashed
  },
  {
    text: /unable to load full model on GPU/i,
    make: () => loadFailed(false, "Unload other models or lower num_ctx, then try again")
  },
  {
    text: /error starting (llama-server|runner|the external llama server)|llama-server binary not found/i,
    make: () =>
      loadFailed(false, "Install Ollama on the server anew: the program that runs models is missing or does not start")
  },
  {
    text: /MLX on macOS requires/i,
    make: () => loadFailed(false, "Take a model in GGUF format, or a server with Apple Silicon")
  },
  {
    text: /(model )?failed to load( model)?\b(?! image)|unable to load model|error loading model|llama-server startup failed/i,
    make: () => loadFailed(false, "Look into the server's log; pull the model again if its file is broken")
  },
  {
    text: /server loading model|loading model$|llm server not responding|server not responding|health resp|llm busy|no slots available|error reading llama-server response|error unmarshalling llama-server response|response stream event exceeded/i,
    make: () => passing
  }
]

/** What the registry says through a pull, push or create (`server/images.go`, `server/download.go`); inside a stream. */
const registryRules: ReadonlyArray<Rule> = [
  { text: /requires a newer version of Ollama|manifest: 412\b/i, make: () => upgrade },
  { text: /file does not exist|\/manifests\/.*no such file or directory/i, make: () => modelNotFound },
  {
    text: /\bunauthorized\b|access denied|http status 40[13]\b|manifest: 40[13]\b|realm host .* does not match/i,
    make: () => registryRefuses
  },
  {
    text: /insecure protocol http/i,
    make: () => invalid("malformed", "insecure", "Set insecure: true for a registry without TLS, or use https")
  },
  { text: /MLX runtime is not available/i, make: () => invalid("unsupported") },
  { text: /file must be downloaded again|digest mismatch, file/i, make: () => passing },
  // a file of the caller's that ends too early
  { text: /^(unexpected )?EOF$/, when: (answer) => answer.endpoint.name === "create", make: () => failed },
  {
    text: /dial tcp|no such host|lookup \S+|i\/o timeout|max retries exceeded|connection reset|unexpected EOF|^EOF$|context deadline exceeded|TLS handshake|pull model manifest: 5\d\d|http status 5\d\d|Get "https?:/i,
    make: () => upstream
  }
]

/** What is wrong with the request, whatever the status: a bad option and a bad format are a 500 (seen on 0.24, 0.33). */
const requestRules: ReadonlyArray<Rule> = [
  {
    text: /option "([^"]+)" must be/,
    make: (_, match) => invalid("option", `options.${match?.[1] ?? ""}`, "Give the option a value of the type named")
  },
  {
    text: /invalid format:|invalid JSON schema in format/i,
    make: () => invalid("format", "format", 'Give format "json" or a JSON Schema object')
  },
  {
    text: /exceed_context_size_error|exceeds the available context size|exceeds? (the )?(model's )?(maximum )?context length|longer than the context length|context length exceeded/i,
    make: () => contextExceeded
  },
  {
    text: /image input is not supported|missing data required for image input|does not support image input/i,
    make: () => invalid("unsupported", "images", "Take a model that reads images")
  },
  {
    text: /only supports one image/i,
    make: () => invalid("unsupported", "images", "Send one image, or take a model that reads several")
  },
  {
    text: /Failed to load image or audio/i,
    make: () => invalid("malformed", "images", "Send images as PNG, JPEG or WebP, and sound as WAV or MP3")
  },
  {
    text: /does not support embeddings/i,
    make: () => invalid("unsupported", "model", "Take a model that makes embeddings")
  },
  { text: /unsupported .*reasoning effort/i, make: () => invalid("unsupported", "think") },
  { text: /no user query found in messages/i, make: () => invalid("malformed", "messages") },
  { text: /^empty prompt$/, make: () => invalid("malformed") },
  { when: (answer) => answer.text.signinUrl !== undefined, make: signIn }
]

const badRequestRules: ReadonlyArray<Rule> = [
  {
    // Go's TLS listener, and nginx
    text: /HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port/i,
    make: () => unreachable("protocol", "Write https:// in the address: this port speaks TLS")
  },
  { text: /raw mode does not support/i, make: () => invalid("unsupported", "raw") },
  {
    text: /does not support (\w+)|are not currently supported|cannot run this remote model|only one adapter is currently supported/i,
    make: (_, match) => {
      const what = match?.[1]
      const field = what === "tools" ? "tools" : what === "thinking" ? "think" : what === "insert" ? "suffix" : "model"
      return invalid("unsupported", field, "Take a model with this capability, or leave the field out")
    }
  },
  {
    text: /model is required|invalid model name|use either :local or :cloud|(^|\s)(name|source|destination) ".*" is invalid/i,
    make: (_, match) => invalid("modelName", /^(source|destination)$/.test(match?.[2] ?? "") ? match?.[2] : "model")
  },
  {
    text: /time: (missing unit|invalid duration|unknown unit)|Unsupported type: /i,
    make: () => invalid("malformed", "keep_alive", 'Give keep_alive in seconds, or as "5m"')
  },
  { text: /invalid think value|think must be/i, make: () => invalid("malformed", "think") },
  {
    text: /illegal base64/i,
    make: () => invalid("malformed", "images", "Give images as bytes, or as base64 without a data: prefix")
  },
  { text: /top_logprobs must/i, make: () => invalid("malformed", "top_logprobs") },
  { text: /invalid input type/i, make: () => invalid("malformed", "input") },
  { text: /invalid digest format|digest mismatch/i, make: () => invalid("digest", "digest") },
  {
    text: /cannot unmarshal \S+ into Go struct field \w+\.([\w.]+)/,
    make: (_, match) => invalid("malformed", match?.[1])
  },
  {
    // embed answers every unknown failure of the runner with 400
    text: /do embedding request|unexpected server status|EOF|connection refused|connection reset/i,
    when: (answer) => answer.endpoint.kind === "embedding",
    make: () => crashed
  },
  { text: /NaN or Inf/i, make: () => failed }
]

const statusRules: ReadonlyArray<Rule> = [
  {
    status: from(200, 399),
    body: "html",
    make: () => captivePortal
  },
  { status: from(300, 399), make: () => captivePortal },
  { status: is(401, 402), make: signIn },
  {
    status: is(403),
    body: "empty",
    make: (answer) =>
      answer.sentOrigin
        ? blocked("origin", "Add this page's origin to OLLAMA_ORIGINS on the server and restart it")
        : blocked(
            "hostHeader",
            "Reach the server by localhost or its IP address, set OLLAMA_HOST on the server to 0.0.0.0, or let the proxy send Host: localhost"
          )
  },
  { status: is(403), text: /requires a subscription|upgrade for access/i, make: () => subscription },
  {
    status: is(403),
    text: /cloud is disabled/i,
    make: () =>
      blocked("cloudDisabled", "Unset OLLAMA_NO_CLOUD (disable_ollama_cloud) on the server, or use a local model")
  },
  {
    status: is(403),
    body: "html",
    make: () => blocked("proxy", "A proxy on the way refuses: allow this host there, or name it in NO_PROXY")
  },
  {
    status: is(403),
    make: () => blocked("forbidden", "Ask whoever runs the server or proxy to allow this call")
  },
  { status: is(404), body: "json", when: (answer) => answer.hasModel, make: () => modelNotFound },
  { status: is(404), text: /model .*not found/i, make: () => modelNotFound },
  { status: is(404, 405), make: () => noSuchEndpoint },
  {
    status: is(407),
    make: () =>
      blocked(
        "proxy",
        "Give the proxy its credentials (HTTP_PROXY=http://user:password@proxy), or name the host in NO_PROXY"
      )
  },
  { status: is(408), make: gatewayBusy },
  { status: is(412, 426), make: () => upgrade },
  {
    status: is(413, 431),
    make: () => invalid("tooLarge", undefined, "Send less, or raise the size limit of the proxy")
  },
  { status: is(429), text: /usage limit|quota/i, make: quota },
  { status: is(429, 529), make: serverBusy },
  { status: is(499), make: () => failed },
  { status: from(400, 499), make: () => invalid("malformed") },
  { status: is(501), make: () => invalid("unsupported", undefined, "Take a model or server that can do this") },
  { status: is(502), body: "json", make: () => upstream },
  { status: is(502, 520, 521, 522, 523, 525, 526), make: () => gateway },
  { status: is(503), text: /account unavailable/i, make: () => upstream },
  { status: is(503), body: "html", make: gatewayBusy },
  { status: is(503), make: serverBusy },
  { status: is(504, 524), make: gatewayBusy },
  { make: () => failed }
]

const search = (rules: ReadonlyArray<Rule>, answer: Answer): Seed | undefined => {
  for (const rule of rules) {
    if (rule.status && !rule.status(answer.status)) continue
    if (rule.body && rule.body !== answer.text.kind) continue
    if (rule.when && !rule.when(answer)) continue
    const match = rule.text ? (rule.text.exec(answer.text.message) ?? rule.text.exec(answer.text.type ?? "")) : null
    if (rule.text && !match) continue
    return rule.make(answer, match)
  }
  return undefined
}

/** The tables for what the server says of a request or of its processes, in their order. */
const tables = ({ endpoint, status, text }: Answer): ReadonlyArray<ReadonlyArray<Rule>> => {
  if (status === 400 || status === 422) {
    // embed answers every failure of its runner with 400
    return [...(endpoint.kind === "embedding" ? [runnerRules] : []), badRequestRules, requestRules]
  }
  const isPlain = text.kind === "json" || text.kind === "text"
  if (!isPlain || (status >= 300 && status < 500)) return []
  const registry = endpoint.kind === "transfer" ? [registryRules] : []
  // 502 is about the way to the cloud, and 503 about load, whatever the text
  return status === 502 || status === 503 ? registry : [requestRules, ...registry, runnerRules]
}

/** The failure behind an answer with a bad status, or behind an error line of a stream. */
export const answer = (input: Answer): Seed => {
  const given = input.text.status === undefined ? input : { ...input, status: input.text.status }
  const isLine = given.status < 300 && given.text.kind === "json"
  return (
    tables(given).reduce<Seed | undefined>((found, rules) => found ?? search(rules, given), undefined) ??
    (isLine ? undefined : search(statusRules, given)) ??
    failed
  )
}
