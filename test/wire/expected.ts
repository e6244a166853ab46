/**
 * What every recorded exchange has to come to, written from the documentation of the protocol and the recordings.
 *
 * A recording of a request that this client would not send (a broken body, a field it refuses) is replayed as the
 * answer to a valid request of the same endpoint. Recordings with `stream: false` are answers to our streamed requests
 * too: a server may answer them with a single object.
 */
import type { Call } from "./calls.js"
import { chats, generations } from "./calls.js"
import type { Answer, Failure, Result } from "./check.js"

/** The recorded versions: the last line with Ollama's own engine, and the first with llama-server. */
export type Version = "v0.24" | "v0.33"

/** What a recording has to come to, for each of the calls it may be the answer to. */
export type Expectation =
  { readonly notOurs: string } | ReadonlyArray<{ readonly calls: ReadonlyArray<Call>; readonly result: Result }>

type Table = Readonly<Record<string, Expectation>>

const gemma = "gemma3:270m"

const user = (content: string) => [{ role: "user" as const, content }]

const hello = { model: gemma, messages: user("Hello") }

const story = { model: gemma, messages: user("Write a very long story."), options: { num_predict: 400 } }

const sky = { model: gemma, prompt: "Why is the sky blue?", options: { num_predict: 24 } }

const weather = {
  type: "function" as const,
  function: {
    name: "get_weather",
    description: "Get the weather of a city",
    parameters: {
      type: "object" as const,
      required: ["city"],
      properties: { city: { type: "string" as const, description: "city name" } }
    }
  }
}

const blob = "sha256:a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"

const zeros = `sha256:${"0".repeat(64)}`

const bytes = new TextEncoder().encode("hello")

const all = (calls: ReadonlyArray<Call>, result: Result): Expectation => [{ calls, result }]

const fails = (calls: ReadonlyArray<Call>, failure: Failure): Expectation => all(calls, { failure })

const invalid = (status: number, issue: string, detail: string, field?: string): Failure => ({
  tag: "InvalidRequest",
  fields: { issue, ...(field && { field }) },
  status,
  detail,
  isRetryable: false
})

const notFound = (detail: string): Failure => ({ tag: "ModelNotFound", status: 404, detail, isRetryable: false })

const busy: Failure = {
  tag: "Overloaded",
  fields: { by: "server", retryAfter: null },
  status: 503,
  detail: "server busy, please try again.  maximum pending requests exceeded",
  isRetryable: true
}

const interrupted = (chunks: number, text: string): Failure => ({
  tag: "StreamInterrupted",
  phase: "gap",
  partial: { chunks, text },
  cause: true,
  isRetryable: true
})

const crashed = (chunks: number, text: string): Failure => ({
  tag: "ServerError",
  fields: { crashed: true },
  detail: "an error was encountered while running the model: unexpected EOF",
  phase: "gap",
  partial: { chunks, text },
  isRetryable: true
})

const noRegistry = (detail: string, chunks: number): Failure => ({
  tag: "Unreachable",
  fields: { reason: "upstream" },
  detail,
  ...(chunks > 0 && { partial: { chunks } }),
  isRetryable: true
})

const notAnApiCall = (what: string): Expectation => ({ notOurs: what })

const shared: Table = {
  "abort-after-3": fails(chats(story), interrupted(3, "Write a very")),
  "blob-head-missing": all([{ method: "hasBlob", request: blob }], { value: false }),
  "blob-head-present": all([{ method: "hasBlob", request: blob }], { value: true }),
  "blob-post-digest-mismatch": fails(
    [{ method: "uploadBlob", request: { digest: zeros, content: bytes } }],
    invalid(
      400,
      "digest",
      `digest mismatch, expected "${zeros}", got "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"`
    )
  ),
  "blob-post": all([{ method: "uploadBlob", request: { digest: blob, content: bytes } }], { parts: {} }),
  "chat-bad-format": fails(
    chats({ ...hello, format: "json" }),
    invalid(
      500,
      "format",
      String.raw`invalid format: "\"xml\""; expected "json" or a valid JSON Schema object`,
      "format"
    )
  ),
  "chat-bad-json": fails(chats(hello), invalid(400, "malformed", "unexpected EOF")),
  "chat-bad-keepalive": fails(
    chats({ ...hello, keep_alive: "5m" }),
    invalid(400, "malformed", 'time: invalid duration "soon"', "keep_alive")
  ),
  "chat-bad-type": fails(
    chats(hello),
    invalid(
      400,
      "malformed",
      "json: cannot unmarshal string into Go struct field ChatRequest.messages of type []api.Message"
    )
  ),
  "chat-empty-body": fails(chats(hello), invalid(400, "malformed", "missing request body")),
  "chat-model-missing": fails(chats({ ...hello, model: "llama2" }), notFound("model 'llama2' not found")),
  "chat-no-model": fails(chats(hello), invalid(400, "modelName", "model is required", "model")),
  "chat-on-embedding-model": fails(
    chats({ model: "all-minilm", messages: user("x") }),
    invalid(400, "unsupported", '"all-minilm" does not support chat')
  ),
  "chat-think-unsupported": fails(
    chats({ ...hello, think: true }),
    invalid(400, "unsupported", '"gemma3:270m" does not support thinking')
  ),
  "chat-tools-unsupported": fails(
    chats({ ...hello, tools: [weather] }),
    invalid(400, "unsupported", "registry.ollama.ai/library/gemma3:270m does not support tools")
  ),
  "cloud-model-signed-out": fails(chats({ model: "gpt-oss:120b-cloud", messages: user("Hello") }), {
    tag: "Blocked",
    fields: { by: "cloudDisabled" },
    status: 403,
    detail: "ollama cloud is disabled: remote model is unavailable",
    // never in this server's memory
    phase: "firstToken",
    isRetryable: false
  }),
  "copy-missing": fails(
    [{ method: "copy", request: { source: "nope", destination: "copycat2" } }],
    notFound('model "nope" not found')
  ),
  copy: all([{ method: "copy", request: { source: gemma, destination: "copycat" } }], { value: undefined }),
  "create-corrupt-gguf-nonstream": fails(
    [{ method: "create", request: { model: "corrupt", files: { "m.gguf": blob } } }],
    {
      tag: "ServerError",
      fields: { crashed: false },
      status: 500,
      detail: "unexpected EOF",
      isRetryable: false
    }
  ),
  "create-empty": fails(
    [{ method: "create", request: { model: "x", from: gemma } }],
    invalid(400, "malformed", "neither 'from' or 'files' was specified")
  ),
  "create-from-missing-nonstream": fails([{ method: "create", request: { model: "x", from: "does-not-exist" } }], {
    ...noRegistry(
      'pull model manifest: Get "https://registry.ollama.ai/v2/library/does-not-exist/manifests/latest": dial tcp: lookup registry.ollama.ai on 127.0.0.53:53: no such host',
      0
    ),
    status: 500
  }),
  "create-from-missing": fails(
    [{ method: "create", request: { model: "x", from: "does-not-exist" } }],
    noRegistry(
      'pull model manifest: Get "https://registry.ollama.ai/v2/library/does-not-exist/manifests/latest": dial tcp: lookup registry.ollama.ai on 127.0.0.53:53: no such host',
      1
    )
  ),
  "create-nonstream-from": all(
    [{ method: "create", request: { model: "poet", from: gemma, system: "You are a poet." } }],
    { items: [{ status: "success" }] }
  ),
  "delete-missing": fails([{ method: "remove", request: { model: "copycat" } }], notFound("model 'copycat' not found")),
  delete: all([{ method: "remove", request: { model: "copycat" } }], { value: undefined }),
  "embed-bad-input": fails(
    [{ method: "embed", request: { model: gemma, input: "x" } }],
    invalid(400, "malformed", "invalid input type")
  ),
  "embed-empty": all([{ method: "embed", request: { model: gemma, input: [] } }], {
    value: { model: gemma, embeddings: [] }
  }),
  "embed-model-missing": fails(
    [{ method: "embed", request: { model: "nope", input: "x" } }],
    notFound('model "nope" not found, try pulling it first')
  ),
  "generate-suffix-unsupported": fails(
    generations({ model: gemma, prompt: "def f(", suffix: "return x" }),
    invalid(400, "unsupported", "registry.ollama.ai/library/gemma3:270m does not support insert")
  ),
  "method-not-allowed": fails(chats(hello), invalid(405, "noSuchEndpoint", "405 method not allowed")),
  "openai-chat-missing": notAnApiCall("the OpenAI-compatible endpoints are not part of this client"),
  "openai-chat-stream": notAnApiCall("the OpenAI-compatible endpoints are not part of this client"),
  "openai-models": notAnApiCall("the OpenAI-compatible endpoints are not part of this client"),
  "origin-refused": [
    {
      calls: chats(hello, { origin: "https://evil.example" }),
      result: {
        failure: { tag: "Blocked", fields: { by: "origin" }, status: 403, detail: null, isRetryable: false }
      }
    },
    {
      // the same answer when no Origin header was sent: then it is the Host header that the server refuses
      calls: chats(hello),
      result: {
        failure: { tag: "Blocked", fields: { by: "hostHeader" }, status: 403, detail: null, isRetryable: false }
      }
    }
  ],
  preflight: notAnApiCall("preflights are the browser's requests"),
  "ps-empty": all([{ method: "running" }], { value: { models: [] } }),
  "pull-bad-name": fails(
    [{ method: "pull", request: { model: "llama3.2" } }],
    invalid(400, "modelName", "invalid model name")
  ),
  "pull-no-network": fails(
    [{ method: "pull", request: { model: "127.0.0.1:9/library/llama2", insecure: true } }],
    noRegistry(
      'pull model manifest: Get "http://127.0.0.1:9/v2/library/llama2/manifests/latest": dial tcp 127.0.0.1:9: connect: connection refused',
      1
    )
  ),
  "push-no-network": fails([{ method: "push", request: { model: "127.0.0.1:9/me/x", insecure: true } }], {
    tag: "ModelNotFound",
    detail: "open /root/.ollama/models/manifests/127.0.0.1:9/me/x/latest: no such file or directory",
    partial: { chunks: 2 },
    isRetryable: false
  }),
  "root-get": notAnApiCall("the sign of life at / is not an endpoint of this client"),
  "root-head": notAnApiCall("the sign of life at / is not an endpoint of this client"),
  "route-unknown": fails([{ method: "status" }], invalid(404, "noSuchEndpoint", "404 page not found")),
  "server-sigkill-while-loading": fails(chats(story), {
    tag: "Unreachable",
    fields: { reason: "reset" },
    phase: "load",
    cause: true,
    isRetryable: true
  }),
  "show-nomodel": fails(
    [{ method: "show", request: { model: gemma } }],
    invalid(400, "modelName", "model is required", "model")
  ),
  status: all([{ method: "status" }], { value: { cloud: { disabled: true, source: "env" } } }),
  "tags-empty": all([{ method: "list" }], { value: { models: [] } }),
  version: all([{ method: "version" }], { value: { version: "0.0.0" } })
}

/** The calls whose answers the versions worded or measured differently. */
const asked = {
  "chat-bad-role": chats({ model: gemma, messages: user("x"), options: { num_predict: 2 } }),
  "chat-format-json": chats({
    model: gemma,
    messages: user("Give a JSON object with keys name and age."),
    format: "json",
    options: { num_predict: 60 }
  }),
  "chat-format-schema": chats({
    model: gemma,
    messages: user("Who is Ada Lovelace? Answer as JSON."),
    format: {
      type: "object",
      properties: { name: { type: "string" }, born: { type: "integer" } },
      required: ["name", "born"]
    },
    options: { num_predict: 60 }
  }),
  "chat-load-only": chats({ model: gemma, messages: [] }),
  "chat-nonstream": chats(hello),
  "chat-stream-length-limit": chats({
    model: gemma,
    messages: user("Count from 1 to 100."),
    options: { num_predict: 8 }
  }),
  "chat-stream-long": chats({
    model: gemma,
    messages: user("Write a story about a lighthouse keeper."),
    options: { num_predict: 120 }
  }),
  "chat-stream": chats(hello),
  "chat-think-false": chats({
    model: "echo-think",
    think: false,
    messages: user("<think>Two and two is four.</think>The answer is four.")
  }),
  "chat-think": chats({
    model: "echo-think",
    think: true,
    messages: user("<think>Two and two is four.</think>The answer is four.")
  }),
  "chat-tool-call": chats({
    model: "echo-tools",
    messages: user('{"name": "get_weather", "parameters": {"city": "Paris"}}'),
    tools: [weather]
  }),
  "chat-unknown-option": chats({ ...hello, options: { warp_factor: 9, num_predict: 2 } }),
  "generate-nonstream": generations(sky),
  "generate-preload": [
    ...generations({ model: gemma, keep_alive: "10m" }),
    { method: "load" as const, request: { model: gemma } }
  ],
  "generate-stream": generations(sky),
  "generate-unload": [
    ...generations({ model: gemma, keep_alive: 0 }),
    { method: "unload" as const, request: { model: gemma } }
  ],
  queue: chats({ ...story, options: { num_predict: 16 } }),
  "queue-long": chats({ ...story, options: { num_predict: 40 } })
}

const answered = (name: keyof typeof asked, answer: Answer): Expectation => all(asked[name], { answer })

const person: Call = {
  method: "chatObject",
  request: { model: gemma, messages: user("Who is Ada Lovelace? Answer as JSON."), options: { num_predict: 60 } }
}

/** An answer cut off in the middle of its JSON, and one that is whole, for `chatObject`. */
const cutOff = (text: string): { readonly calls: ReadonlyArray<Call>; readonly result: Result } => ({
  calls: [person],
  result: {
    failure: {
      tag: "MalformedOutput",
      fields: { text, doneReason: "length" },
      partial: "any",
      isRetryable: true
    }
  }
})

const whole = (born: number): { readonly calls: ReadonlyArray<Call>; readonly result: Result } => ({
  calls: [person],
  result: { parts: { value: { name: "Ada Lovelace", born }, "response/done_reason": "stop" } }
})

const bothWays = (
  expectation: Expectation,
  more: { readonly calls: ReadonlyArray<Call>; readonly result: Result }
): Expectation => ("notOurs" in expectation ? expectation : [...expectation, more])

const echo = "Hello mendatanguser\n".repeat(6)

const lighthouse = "Write a story about a lighthouse keeper. anaknya\n".repeat(12)

const blue = "Why is the sky blue? mendatanguser\nWhy is the sky blue? mendatanguser\nWhy is the sky blue?"

const longStory = (lines: number, rest: string) => "Write a very long story. mendatanguser\n".repeat(lines) + rest

const skyContext = [
  105, 2364, 107, 11355, 563, 506, 7217, 3730, 236881, 106, 107, 105, 4368, 107, 11355, 563, 506, 7217, 3730, 236881,
  217716, 2364, 107, 11355, 563, 506, 7217, 3730, 236881, 217716, 2364, 107, 11355, 563, 506, 7217, 3730, 236881
]

const paris = (id: string) => [{ id, function: { index: 0, name: "get_weather", arguments: { city: "Paris" } } }]

const layers = [
  { status: "using existing layer sha256:a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818" },
  { status: "creating new layer sha256:fb5f46379e7521a4c6eae8af7200e7378663672c00edaf2d5d79fa841bc3d967" },
  { status: "creating new layer sha256:1ac4624af6131aba036e742519dd49375e04af3bc90ac0bf3a6d636309995b41" },
  { status: "creating new layer sha256:b26d765c14338038fcc194b5dae53fdbe447645e93d3930f9cb38425f735d909" },
  { status: "writing manifest" },
  { status: "success" }
]

const createGemma: ReadonlyArray<Call> = [
  {
    method: "create",
    request: {
      model: gemma,
      files: { "gemma3-270m.gguf": blob },
      parameters: { stop: ["<end_of_turn>"], temperature: 0, seed: 42, num_predict: 24, num_thread: 1 },
      license: "Gemma Terms of Use"
    }
  }
]

const details = {
  parent_model: "",
  format: "gguf",
  family: "gemma3",
  families: ["gemma3"],
  parameter_size: "268.10M",
  quantization_level: "Q4_K_M"
}

/** Since 0.30 the list of models tells both lengths. */
const lengths = { context_length: 32_768, embedding_length: 640 }

const shownGemma = {
  license: "Gemma Terms of Use",
  "modelfile/length": 739,
  "parameters/length": 180,
  "template/length": 353,
  "model_info/general.architecture": "gemma3",
  "model_info/general.parameter_count": 268_098_176,
  "model_info/gemma3.context_length": 32_768,
  "model_info/gemma3.attention.layer_norm_rms_epsilon": 0.000001,
  "model_info/tokenizer.ggml.add_bos_token": true,
  "tensors/0": { name: "output_norm.weight", type: "F32", shape: [640] },
  capabilities: ["completion"]
}

const shownMinilm = {
  "modelfile/length": 253,
  license: undefined,
  parameters: undefined,
  template: "{{ .Prompt }}",
  details: {
    parent_model: "",
    format: "gguf",
    family: "bert",
    families: ["bert"],
    parameter_size: "22.57M",
    quantization_level: "F16"
  },
  "model_info/bert.embedding_length": 384,
  "model_info/bert.attention.causal": false,
  "model_info/tokenizer.ggml.tokens": null,
  "tensors/length": 101,
  capabilities: ["embedding"]
}

const show = (parts: Readonly<Record<string, unknown>>, verbose?: true): Expectation =>
  all([{ method: "show", request: { model: gemma, ...(verbose && { verbose }) } }], { parts })

const embedded = (input: string | ReadonlyArray<string>, result: Result, dimensions?: number): Expectation =>
  all([{ method: "embed", request: { model: "all-minilm", input, ...(dimensions && { dimensions }) } }], result)

const unsupportedEmbeddings = (detail: string): Expectation =>
  fails(
    [{ method: "embeddings", request: { model: gemma, prompt: "The sky is blue" } }],
    invalid(500, "unsupported", detail)
  )

const legacy = (parts: Readonly<Record<string, unknown>>): Expectation =>
  all([{ method: "embeddings", request: { model: "all-minilm", prompt: "The sky is blue" } }], { parts })

const v24: Table = {
  ...shared,
  "chat-bad-role": answered("chat-bad-role", {
    model: gemma,
    text: "<h1><i>",
    chunks: 1,
    created_at: "2026-11-22T20:38:52.284188385Z",
    done_reason: "length",
    figures: [934_920_336, 373_988_832, 1, 249_202_040, 2, 278_680_393]
  }),
  "chat-format-json": bothWays(
    answered("chat-format-json", {
      model: gemma,
      text: '{\n    "name": "My_Name",\n    "age": 18,\n    "gender": "Male",\n    "birth_date": "2018-01-01",\n    "address": "1000000',
      chunks: 1,
      created_at: "2026-11-22T20:36:45.533660721Z",
      done_reason: "length",
      figures: [19_634_878_457, 793_568_567, 19, 3_321_145_185, 60, 14_287_151_845]
    }),
    cutOff(
      '{\n    "name": "My_Name",\n    "age": 18,\n    "gender": "Male",\n    "birth_date": "2018-01-01",\n    "address": "1000000'
    )
  ),
  "chat-format-schema": bothWays(
    answered("chat-format-schema", {
      model: gemma,
      text: '{\n  "name": "Ada Lovelace",\n  "born": 2000000000000000\n}\n',
      chunks: 1,
      created_at: "2026-11-22T20:37:02.743862983Z",
      done_reason: "stop",
      figures: [17_196_876_308, 465_748_610, 19, 2_407_801_504, 38, 12_297_270_389]
    }),
    whole(2_000_000_000_000_000)
  ),
  "chat-load-only": answered("chat-load-only", {
    model: gemma,
    text: "",
    chunks: 1,
    created_at: "2026-11-22T20:34:57.174377249Z",
    done_reason: "load"
  }),
  "chat-nonstream": answered("chat-nonstream", {
    model: gemma,
    text: echo,
    chunks: 1,
    created_at: "2026-11-22T20:35:10.529494561Z",
    done_reason: "length",
    figures: [13_328_533_794, 299_216_541, 10, 3_051_161_105, 24, 9_500_616_899]
  }),
  "chat-stream-length-limit": answered("chat-stream-length-limit", {
    model: gemma,
    text: "The model is a 100",
    chunks: 9,
    created_at: "2026-11-22T20:36:21.177045631Z",
    done_reason: "length",
    figures: [10_188_904_015, 1_228_469_621, 19, 5_263_466_348, 8, 3_613_438_417]
  }),
  "chat-stream-long": answered("chat-stream-long", {
    model: gemma,
    text: lighthouse,
    chunks: 121,
    created_at: "2026-11-22T20:36:10.969224097Z",
    done_reason: "length",
    figures: [50_939_937_270, 735_315_470, 17, 2_811_997_221, 120, 47_067_483_994]
  }),
  "chat-stream": answered("chat-stream", {
    model: gemma,
    text: echo,
    chunks: 25,
    created_at: "2026-11-22T20:35:20.025149738Z",
    done_reason: "length",
    figures: [9_469_637_122, 715_264_407, 10, 188_165_242, 24, 8_415_159_811]
  }),
  "chat-think-false": answered("chat-think-false", {
    model: "echo-think",
    text: "<think>Two and two is four.</think>The answer is four.",
    chunks: 1,
    created_at: "2026-11-22T20:43:36.142871477Z",
    done_reason: "stop",
    figures: [5_756_507_394, 575_294_018, 52, 420_275_815, 17, 4_654_712_340]
  }),
  "chat-think": answered("chat-think", {
    model: "echo-think",
    text: "The answer is four.",
    thinking: "Two and two is four.",
    chunks: 1,
    created_at: "2026-11-22T20:43:23.944148373Z",
    done_reason: "stop",
    figures: [17_711_236_589, 490_651_190, 52, 10_318_613_938, 17, 6_784_064_162]
  }),
  "chat-tool-call": answered("chat-tool-call", {
    model: "echo-tools",
    text: "",
    tool_calls: paris("call_yupfu6nc"),
    chunks: 1,
    created_at: "2026-11-22T20:42:58.552275833Z",
    done_reason: "stop",
    figures: [19_411_555_361, 436_223_890, 60, 12_546_082_930, 18, 6_178_432_069]
  }),
  "chat-unknown-option": answered("chat-unknown-option", {
    model: gemma,
    text: "Hello mendatang",
    chunks: 1,
    created_at: "2026-11-22T20:38:50.000250959Z",
    done_reason: "length",
    figures: [1_844_660_498, 410_204_715, 10, 1_170_320_550, 2, 231_633_509]
  }),
  "create-stream": all(createGemma, { items: [{ status: "parsing GGUF" }, ...layers] }),
  "embed-dimensions": embedded(
    ["one"],
    {
      value: {
        model: "all-minilm",
        embeddings: [
          [-0.22315104, -0.07969071, -0.22654864, 0.052573837, -0.5432481, -0.19840023, 0.7305685, 0.14680974]
        ],
        total_duration: 213_397_166,
        load_duration: 18_880_113,
        prompt_eval_count: 3
      }
    },
    8
  ),
  "embed-one": embedded("The sky is blue", {
    parts: {
      model: "all-minilm",
      "embeddings/length": 1,
      "embeddings/0/length": 384,
      "embeddings/0/0": 0.010612568,
      "embeddings/0/383": 0.056021597,
      total_duration: 896_333_662,
      load_duration: 473_857_637,
      prompt_eval_count: 6
    }
  }),
  "embed-too-long-truncated": embedded(
    "word ".repeat(4_000),
    {
      value: {
        model: "all-minilm",
        embeddings: [[-0.32536924, -0.7355086, 0.07994046, 0.588873]],
        total_duration: 19_575_964_674,
        load_duration: 13_685_415,
        prompt_eval_count: 512
      }
    },
    4
  ),
  "embeddings-legacy-ok": legacy({
    "embedding/length": 384,
    "embedding/0": 0.010612567886710167,
    "embedding/383": 0.05602159723639488
  }),
  "embeddings-legacy": unsupportedEmbeddings("this model does not support embeddings"),
  "generate-nonstream": answered("generate-nonstream", {
    model: gemma,
    text: blue,
    chunks: 1,
    created_at: "2026-11-22T20:39:01.594658082Z",
    done_reason: "length",
    context: skyContext,
    figures: [9_302_341_895, 521_953_703, 15, 2_226_185_527, 24, 6_443_670_130]
  }),
  "generate-preload": answered("generate-preload", {
    model: gemma,
    text: "",
    chunks: 1,
    created_at: "2026-11-22T20:39:15.378306461Z",
    done_reason: "load"
  }),
  "generate-stream": answered("generate-stream", {
    model: gemma,
    text: blue,
    chunks: 25,
    created_at: "2026-11-22T20:39:11.143794327Z",
    done_reason: "length",
    context: skyContext,
    figures: [9_457_748_872, 646_786_047, 15, 319_366_708, 24, 8_393_827_853]
  }),
  "generate-unload": answered("generate-unload", {
    model: gemma,
    text: "",
    chunks: 1,
    created_at: "2026-11-22T20:39:14.055711846Z",
    done_reason: "unload"
  }),
  "ps-loaded": all([{ method: "running" }], {
    value: {
      models: [
        {
          name: gemma,
          model: gemma,
          size: 477_798_912,
          digest: "c903e4e0f662ae1102e664a219280e97afc1d5c0cd78f401d6adcb276d9bc65e",
          details,
          expires_at: "2026-11-22T20:49:15.378545588Z",
          size_vram: 0,
          context_length: 4_096
        }
      ]
    }
  }),
  "queue-0": answered("queue", {
    model: gemma,
    text: longStory(1, "Write a very long story. mendatang"),
    chunks: 17,
    created_at: "2026-11-22T20:44:17.256079977Z",
    done_reason: "length",
    figures: [22_808_072_937, 7_488_177_425, 15, 507_339_492, 16, 5_109_823_242]
  }),
  "queue-1": fails(asked.queue, busy),
  "queue-2": answered("queue", {
    model: gemma,
    text: longStory(1, "Write a very long story. mendatang"),
    chunks: 17,
    created_at: "2026-11-22T20:44:11.53279719Z",
    done_reason: "length",
    figures: [16_868_877_901, 7_331_809_432, 15, 3_179_746_913, 16, 5_742_802_730]
  }),
  "runner-killed-midstream": fails(chats(story), crashed(9, longStory(1, ""))),
  "server-sigkill-midstream": fails(
    chats(story),
    interrupted(17, longStory(1, "Write a very long story. mendatanguser"))
  ),
  "show-embedding-model": all([{ method: "show", request: { model: "all-minilm" } }], {
    parts: {
      ...shownMinilm,
      "tensors/100": { name: "token_types.weight", type: "F32", shape: [384, 2] },
      modified_at: "2026-11-22T20:42:12.796918572Z"
    }
  }),
  "show-missing": fails([{ method: "show", request: { model: "nope" } }], notFound("model 'nope' not found")),
  "show-verbose": show(
    {
      ...shownGemma,
      details: { ...details, parent_model: `/root/.ollama/models/blobs/${blob.replace(":", "-")}` },
      "model_info/tokenizer.ggml.tokens": ["<pad>", "<eos>", "<bos>", "<unk>"],
      "tensors/length": 4,
      modified_at: "2026-11-22T20:34:53.509088123Z"
    },
    true
  ),
  show: show({
    ...shownGemma,
    details: { ...details, parent_model: `/root/.ollama/models/blobs/${blob.replace(":", "-")}` },
    "model_info/tokenizer.ggml.tokens": null,
    "tensors/length": 236,
    "tensors/235": { name: "blk.17.post_ffw_norm.weight", type: "F32", shape: [640] },
    modified_at: "2026-11-22T20:34:53.509088123Z"
  }),
  tags: all([{ method: "list" }], {
    value: {
      models: [
        {
          name: "poet:latest",
          model: "poet:latest",
          modified_at: "2026-11-22T20:34:53.624995492Z",
          size: 253_114_071,
          digest: "7f4fd3be95e87928110a66fadae08525da3ac30689662094b8224dbadb245be6",
          details
        },
        {
          name: "toolie:latest",
          model: "toolie:latest",
          modified_at: "2026-11-22T20:34:53.728591703Z",
          size: 253_114_136,
          digest: "c000ef2ffe6d34c6fcbdc345512f5f21fec100e1ac727463b34066e97b68c230",
          details
        },
        {
          name: gemma,
          model: gemma,
          modified_at: "2026-11-22T20:34:53.509088123Z",
          size: 253_113_982,
          digest: "c903e4e0f662ae1102e664a219280e97afc1d5c0cd78f401d6adcb276d9bc65e",
          details
        }
      ]
    }
  })
}

const v33: Table = {
  ...shared,
  "chat-bad-role": answered("chat-bad-role", {
    model: gemma,
    text: "<h1><i>",
    chunks: 1,
    created_at: "2026-11-22T22:16:41.208452348Z",
    done_reason: "length",
    figures: [98_132_032, 1_033_094, 1, 46_820_000, 2, 47_224_000]
  }),
  "chat-format-json": bothWays(
    answered("chat-format-json", {
      model: gemma,
      text: '{\n    "name": "my_model",\n    "age": 100,\n    "gender": "male",\n    "birth_date": "2010-01-01",\n    "address": "100000',
      chunks: 1,
      created_at: "2026-11-22T22:16:29.188615146Z",
      done_reason: "length",
      figures: [2_623_038_439, 1_389_266, 19, 162_547_000, 60, 2_455_781_000]
    }),
    cutOff(
      '{\n    "name": "my_model",\n    "age": 100,\n    "gender": "male",\n    "birth_date": "2010-01-01",\n    "address": "100000'
    )
  ),
  "chat-format-schema": bothWays(
    answered("chat-format-schema", {
      model: gemma,
      text: '{\n  "name": "Ada Lovelace",\n  "born": 2019010101000000\n  }',
      chunks: 1,
      created_at: "2026-11-22T22:16:31.335224569Z",
      done_reason: "stop",
      figures: [2_144_139_719, 912_756, 19, 147_966_000, 38, 1_992_154_000]
    }),
    whole(2_019_010_101_000_000)
  ),
  "chat-load-only": answered("chat-load-only", {
    model: gemma,
    text: "",
    chunks: 1,
    created_at: "2026-11-22T22:16:18.438165607Z",
    done_reason: "load"
  }),
  "chat-nonstream": answered("chat-nonstream", {
    model: gemma,
    text: echo,
    chunks: 1,
    created_at: "2026-11-22T22:16:19.468055624Z",
    done_reason: "length",
    figures: [1_024_657_880, 871_380, 10, 66_441_999, 24, 954_662_000]
  }),
  "chat-stream-length-limit": answered("chat-stream-length-limit", {
    model: gemma,
    text: "The model is a 100",
    chunks: 9,
    created_at: "2026-11-22T22:16:26.34633143Z",
    done_reason: "length",
    figures: [448_195_306, 807_289, 19, 116_585_000, 8, 326_427_000]
  }),
  "chat-stream-long": answered("chat-stream-long", {
    model: gemma,
    text: lighthouse,
    chunks: 121,
    created_at: "2026-11-22T22:16:25.896234131Z",
    done_reason: "length",
    figures: [5_325_029_707, 1_026_153, 17, 113_810_000, 120, 5_207_121_000]
  }),
  "chat-stream": answered("chat-stream", {
    model: gemma,
    text: echo,
    chunks: 25,
    created_at: "2026-11-22T22:16:20.569247769Z",
    done_reason: "length",
    figures: [1_098_940_758, 1_485_628, 10, 95_840_000, 24, 997_625_000]
  }),
  "chat-think-false": answered("chat-think-false", {
    model: "echo-think",
    text: "<think>Two and two is four.</think>The answer is four.",
    chunks: 1,
    created_at: "2026-11-22T22:16:57.996385605Z",
    done_reason: "stop",
    figures: [883_451_979, 1_426_318, 52, 85_463_000, 17, 789_464_000]
  }),
  "chat-think": answered("chat-think", {
    model: "echo-think",
    text: "The answer is four.",
    thinking: "Two and two is four.",
    chunks: 1,
    created_at: "2026-11-22T22:16:56.222525746Z",
    done_reason: "stop",
    figures: [1_115_912_675, 89_927_012, 52, 280_988_000, 17, 739_850_000]
  }),
  "chat-tool-call": answered("chat-tool-call", {
    model: "echo-tools",
    text: "",
    tool_calls: paris("call_fhpp6cie"),
    chunks: 1,
    created_at: "2026-11-22T22:16:54.205477982Z",
    done_reason: "stop",
    figures: [1_312_834_533, 138_769_691, 60, 412_965_000, 18, 757_348_000]
  }),
  "chat-unknown-option": answered("chat-unknown-option", {
    model: gemma,
    text: "Hello mendatang",
    chunks: 1,
    created_at: "2026-11-22T22:16:41.100150222Z",
    done_reason: "length",
    figures: [118_078_157, 1_152_880, 10, 67_929_000, 2, 44_522_000]
  }),
  "create-stream": all(createGemma, {
    items: [{ status: "parsing GGUF" }, { status: "verifying conversion" }, ...layers]
  }),
  "embed-dimensions": embedded(
    ["one"],
    {
      value: {
        model: "all-minilm",
        embeddings: [
          [-0.22289419, -0.079799995, -0.2264977, 0.05254737, -0.54337907, -0.19867335, 0.7303479, 0.14747126]
        ],
        total_duration: 13_984_703,
        load_duration: 1_144_849,
        prompt_eval_count: 3
      }
    },
    8
  ),
  "embed-one": embedded("The sky is blue", {
    parts: {
      model: "all-minilm",
      "embeddings/length": 1,
      "embeddings/0/length": 384,
      "embeddings/0/0": 0.010645795,
      "embeddings/0/383": 0.056024395,
      total_duration: 283_189_561,
      load_duration: 267_124_829,
      prompt_eval_count: 6
    }
  }),
  "embed-too-long-truncated": embedded(
    "word ".repeat(4_000),
    {
      value: {
        model: "all-minilm",
        embeddings: [[-0.3252918, -0.7355743, 0.079899006, 0.5888394]],
        total_duration: 290_338_015,
        load_duration: 1_486_729,
        prompt_eval_count: 512
      }
    },
    4
  ),
  "embeddings-legacy-ok": legacy({
    "embedding/length": 384,
    "embedding/0": 0.010645793750882149,
    "embedding/383": 0.05602438747882843
  }),
  "embeddings-legacy": unsupportedEmbeddings("This server does not support embeddings. Start it with `--embeddings`"),
  "generate-nonstream": answered("generate-nonstream", {
    model: gemma,
    text: blue,
    chunks: 1,
    created_at: "2026-11-22T22:16:42.269186313Z",
    done_reason: "length",
    context: skyContext,
    figures: [1_058_790_005, 1_204_082, 15, 120_462_000, 24, 934_078_000]
  }),
  "generate-preload": answered("generate-preload", {
    model: gemma,
    text: "",
    chunks: 1,
    created_at: "2026-11-22T22:16:47.023753735Z",
    done_reason: "load"
  }),
  "generate-stream": answered("generate-stream", {
    model: gemma,
    text: blue,
    chunks: 25,
    created_at: "2026-11-22T22:16:43.455969321Z",
    done_reason: "length",
    context: skyContext,
    figures: [1_183_263_835, 1_150_403, 15, 76_589_000, 24, 1_102_357_000]
  }),
  "generate-unload": answered("generate-unload", {
    model: gemma,
    text: "",
    chunks: 1,
    created_at: "2026-11-22T22:16:45.415950522Z",
    done_reason: "unload"
  }),
  "ps-loaded": all([{ method: "running" }], {
    value: {
      models: [
        {
          name: gemma,
          model: gemma,
          size: 287_246_908,
          digest: "5f130c7d446724d9c08c8ec9dcbe2ee0a879530c95e6bffb88eb8adcec8ae1c8",
          details,
          expires_at: "2026-11-22T22:26:47.023931418Z",
          size_vram: 0,
          context_length: 4_096
        }
      ]
    }
  }),
  "queue-0": answered("queue-long", {
    model: gemma,
    text: longStory(4, "Write a very long"),
    chunks: 41,
    created_at: "2026-11-22T22:17:21.251579897Z",
    done_reason: "length",
    figures: [3_501_307_677, 1_683_983_284, 15, 117_456_000, 40, 1_695_989_000]
  }),
  "queue-1": answered("queue-long", {
    model: gemma,
    text: longStory(4, "Write a very long"),
    chunks: 41,
    created_at: "2026-11-22T22:17:24.939996202Z",
    done_reason: "length",
    figures: [7_189_313_428, 1_684_760_902, 15, 75_590_000, 40, 1_704_572_000]
  }),
  "queue-2": fails(asked["queue-long"], busy),
  "runner-killed-midstream": fails(chats(story), crashed(80, longStory(8, "Write a very long story. mendatanguser"))),
  "server-sigkill-midstream": fails(chats(story), interrupted(55, longStory(6, "Write"))),
  "show-embedding-model": all([{ method: "show", request: { model: "all-minilm" } }], {
    parts: {
      ...shownMinilm,
      "tensors/100": { name: "blk.5.layer_output_norm.weight", type: "F32", shape: [384] },
      modified_at: "2026-11-22T22:16:52.173667178Z"
    }
  }),
  "show-missing": fails([{ method: "show", request: { model: "nope" } }], notFound("model 'nope:latest' not found")),
  "show-verbose": show(
    {
      ...shownGemma,
      details,
      "model_info/tokenizer.ggml.tokens": ["<pad>", "<eos>", "<bos>", "<unk>"],
      "tensors/length": 4,
      modified_at: "2026-11-22T22:16:07.296104168Z"
    },
    true
  ),
  show: show({
    ...shownGemma,
    details,
    "model_info/tokenizer.ggml.tokens": null,
    "tensors/length": 236,
    "tensors/235": { name: "blk.17.post_ffw_norm.weight", type: "F32", shape: [640] },
    modified_at: "2026-11-22T22:16:07.296104168Z"
  }),
  tags: all([{ method: "list" }], {
    value: {
      models: [
        {
          name: gemma,
          model: gemma,
          modified_at: "2026-11-22T22:16:07.296104168Z",
          size: 253_113_646,
          digest: "5f130c7d446724d9c08c8ec9dcbe2ee0a879530c95e6bffb88eb8adcec8ae1c8",
          details: { ...details, ...lengths },
          capabilities: ["completion"]
        },
        {
          name: "poet:latest",
          model: "poet:latest",
          modified_at: "2026-11-22T22:16:07.35599137Z",
          size: 253_113_661,
          digest: "1e018603955f0844852f19501bffb94f610fa5005b0a8242f5eb136f0b5123fc",
          details: { ...details, ...lengths, parent_model: gemma },
          capabilities: ["completion"]
        },
        {
          name: "toolie:latest",
          model: "toolie:latest",
          modified_at: "2026-11-22T22:16:07.41627998Z",
          size: 253_113_800,
          digest: "6998e83c7adf30e2141266284f8bcf45ca3fc16b78eeacb12e8dffb4416e21b1",
          details: { ...details, ...lengths, parent_model: gemma },
          capabilities: ["completion", "tools"]
        }
      ]
    }
  })
}

/** The expectations, by version and file name without its ending. */
export const expected: Readonly<Record<Version, Table>> = { "v0.24": v24, "v0.33": v33 }
