/** The commands, their options and arguments. What they do is loaded when it is needed, so that `--help` is quick. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import type { Family } from "./tree.js"

const lazily = <Module, A, E, R>(
  load: () => Promise<Module>,
  run: (module: Module) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => Effect.flatMap(Effect.promise(load), run)

const host = Options.text("host").pipe(
  Options.withPseudoName("address"),
  Options.withDescription("The server, as OLLAMA_HOST is written, and in its place"),
  Options.optional
)

const policy = Options.text("policy").pipe(
  Options.withPseudoName("file"),
  Options.withDescription("A policy as JSON, in the place of OLLAMA_POLICY_FILE and the other OLLAMA_POLICY variables"),
  Options.optional
)

const json = Options.boolean("json").pipe(Options.withDescription("Print JSON, for programs"))

const model = Args.text({ name: "model" }).pipe(Args.withDescription("Such as llama3.2 or qwen3:8b"))
const models = Args.atLeast(model, 1)

// ---- chat -----------------------------------------------------------------------------------------------------------

const chat = Command.make(
  "chat",
  {
    model: Options.text("model").pipe(
      Options.withAlias("m"),
      Options.withPseudoName("name"),
      Options.withDescription("The model to ask; by default one that is in memory, else the one that was changed last"),
      Options.optional
    ),
    system: Options.text("system").pipe(
      Options.withAlias("s"),
      Options.withPseudoName("text"),
      Options.withDescription("A system message"),
      Options.optional
    ),
    think: Options.choice("think", ["yes", "no", "low", "medium", "high", "max"]).pipe(
      Options.withDescription(
        "Whether, or how hard, the model thinks before it answers; --think alone is yes. Thoughts go to stderr"
      ),
      Options.optional
    ),
    quiet: Options.boolean("quiet").pipe(
      Options.withAlias("q"),
      Options.withDescription("No line of figures, and no remark on which model is asked")
    ),
    host,
    policy,
    prompt: Args.text({ name: "prompt" }).pipe(
      Args.withDescription("What to ask; what is piped to stdin comes after it"),
      Args.repeated
    )
  },
  (options) =>
    lazily(
      () => import("./chat/run.js"),
      ({ run }) => run(options)
    )
).pipe(
  Command.withDescription(
    "Asks a model and writes its answer as it comes. Without a prompt, in a terminal, it is a conversation."
  )
)

// ---- doctor ---------------------------------------------------------------------------------------------------------

const doctor = Command.make(
  "doctor",
  {
    host,
    model: Options.text("model").pipe(
      Options.withAlias("m"),
      Options.withPseudoName("name"),
      Options.withDescription("The model that calls are slow with; by default one that is in memory"),
      Options.optional
    ),
    call: Options.choice("call", ["never", "resident", "load"]).pipe(
      Options.withDescription(
        "Which model may be asked for one token: none, one that is in memory (the default), or any, which may load it"
      ),
      Options.withDefault("resident" as const)
    ),
    origin: Options.text("origin").pipe(
      Options.withPseudoName("url"),
      Options.withDescription("The web page that calls the server, such as https://app.example.com"),
      Options.optional
    ),
    policy,
    json
  },
  (options) =>
    lazily(
      () => import("./doctor/run.js"),
      ({ run }) => run(options)
    )
).pipe(
  Command.withDescription(
    "Looks at everything between here and the model, and says why calls fail or are slow, and what to do. Its exit code is the cause."
  )
)

// ---- watch ----------------------------------------------------------------------------------------------------------

const watch = Command.make(
  "watch",
  {
    host: Options.text("host").pipe(
      Options.withPseudoName("address"),
      Options.withDescription(
        "A server, as OLLAMA_HOST is written, and in its place (or that of OLLAMA_HOSTS); may be given several times"
      ),
      Options.repeated
    ),
    probe: Options.text("probe").pipe(
      Options.withPseudoName("model"),
      Options.withDescription("Ask this model for one token at each interval, where it is in memory, and measure it"),
      Options.optional
    ),
    every: Options.text("every").pipe(
      Options.withPseudoName("time"),
      Options.withDescription("How often the servers are asked: seconds, or such as 500ms; by default 2"),
      Options.withDefault("2")
    ),
    once: Options.boolean("once").pipe(
      Options.withDescription("Look once, print it, and say by the exit code how it is")
    ),
    demo: Options.boolean("demo").pipe(Options.withDescription("Show two simulated servers under load instead")),
    policy,
    json
  },
  (options) =>
    lazily(
      () => import("./watch/run.js"),
      ({ run }) => run(options)
    )
).pipe(
  Command.withDescription(
    "Shows servers and the models in their memory, and keeps it up to date: a table in a terminal, lines elsewhere. q quits."
  )
)

// ---- models ---------------------------------------------------------------------------------------------------------

const modelsRoom = () => import("./models/run.js")

const list = Command.make("list", { host, json }, (options) => lazily(modelsRoom, ({ list }) => list(options))).pipe(
  Command.withDescription("Lists the installed models, and says which of them are in memory.")
)

const pull = Command.make(
  "pull",
  {
    model,
    insecure: Options.boolean("insecure").pipe(Options.withDescription("Allow a registry without TLS")),
    host,
    policy,
    json
  },
  (options) => lazily(modelsRoom, ({ pull }) => pull(options))
).pipe(Command.withDescription("Downloads a model. A download that broke off goes on where it was."))

const show = Command.make("show", { model, host, json }, (options) =>
  lazily(modelsRoom, ({ show }) => show(options))
).pipe(Command.withDescription("Describes a model."))

const load = Command.make(
  "load",
  {
    model,
    keepAlive: Options.text("keep-alive").pipe(
      Options.withPseudoName("time"),
      Options.withDescription("How long it stays: seconds, 10m, 1h30m; --keep-alive=-1 is for ever"),
      Options.optional
    ),
    host,
    policy
  },
  (options) => lazily(modelsRoom, ({ load }) => load(options))
).pipe(Command.withDescription("Reads a model into memory."))

const unload = Command.make("unload", { models, host }, (options) =>
  lazily(modelsRoom, ({ unload }) => unload(options))
).pipe(Command.withDescription("Lets models out of memory, after the calls in progress."))

const remove = Command.make("remove", { models, host }, (options) =>
  lazily(modelsRoom, ({ remove }) => remove(options))
).pipe(Command.withDescription("Removes models from disk."))

const modelsCommand = Command.make("models").pipe(
  Command.withDescription("The models of a server: list, get, describe and remove them, load them into memory."),
  Command.withSubcommands([list, pull, show, load, unload, remove])
)

// ---- policy ---------------------------------------------------------------------------------------------------------

const policyRoom = () => import("./policy/run.js")

const print = Command.make("print", { policy }, (options) => lazily(policyRoom, ({ print }) => print(options))).pipe(
  Command.withDescription("Prints the policy in force as JSON: OLLAMA_POLICY_FILE, under the OLLAMA_POLICY variables.")
)

const check = Command.make(
  "check",
  {
    json,
    files: Args.text({ name: "file" }).pipe(Args.withDescription("A policy as JSON; - is stdin"), Args.atLeast(1))
  },
  (options) => lazily(policyRoom, ({ check }) => check(options))
).pipe(Command.withDescription("Says everything that is wrong with policy files, each with its field."))

const explain = Command.make(
  "explain",
  {
    policy: Args.text({ name: "file" }).pipe(
      Args.withDescription("A policy as JSON, - is stdin; by default the policy in force"),
      Args.optional
    )
  },
  (options) => lazily(policyRoom, ({ explain }) => explain(options))
).pipe(
  Command.withDescription(
    "Says in sentences what happens in each of the four causes of a call that does not come back."
  )
)

const policyCommand = Command.make("policy").pipe(
  Command.withDescription("Timeouts, retries, breakers: what is in force, whether a file is right, and what it does."),
  Command.withSubcommands([print, check, explain])
)

// ---- all of them ----------------------------------------------------------------------------------------------------

/** The command itself. */
export const root = Command.make("effect-ollama").pipe(
  Command.withDescription("Talks to Ollama servers, watches them, and finds out why one does not answer."),
  Command.withSubcommands([doctor, chat, watch, modelsCommand, policyCommand])
)

const leaf = (name: string, { descriptor }: Pick<Family, "descriptor">): Family => ({ name, descriptor, children: [] })

/** The same as a family, in the order of `--help`. */
export const family: Family = {
  name: "effect-ollama",
  descriptor: root.descriptor,
  children: [
    leaf("doctor", doctor),
    leaf("chat", chat),
    leaf("watch", watch),
    {
      name: "models",
      descriptor: modelsCommand.descriptor,
      children: [
        leaf("list", list),
        leaf("pull", pull),
        leaf("show", show),
        leaf("load", load),
        leaf("unload", unload),
        leaf("remove", remove)
      ]
    },
    {
      name: "policy",
      descriptor: policyCommand.descriptor,
      children: [leaf("print", print), leaf("check", check), leaf("explain", explain)]
    }
  ]
}
