import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Verdict from "../../src/record/Verdict.js"
import { evidence, secret } from "./anyEvidence.js"
import { about, running, seconds } from "./evidence.js"

type V = Verdict.Verdict
type Line = readonly [verdict: V, cause: Verdict.Cause | undefined, isProblem: boolean, text: string]

const lines: ReadonlyArray<Line> = [
  [{ _tag: "AsExpected" }, undefined, false, "As expected"],
  [
    { _tag: "HostDown", reason: "refused" },
    "serverDown",
    true,
    "Nothing listens at this address: start Ollama (`ollama serve`), or correct OLLAMA_HOST on either side"
  ],
  [
    { _tag: "HostDown", reason: "timeout" },
    "network",
    true,
    "No connection came about in time: the host is off, or a firewall drops what is sent to it"
  ],
  [
    { _tag: "HostDown", reason: "proxy" },
    "network",
    true,
    "The proxy cannot be reached: check that it runs and its address (HTTP_PROXY), or put the host into NO_PROXY"
  ],
  [
    { _tag: "HostDown", reason: "something new" },
    "serverDown",
    true,
    "The host cannot be reached: check that it runs, and its address"
  ],
  [
    { _tag: "ClientOffline" },
    "network",
    true,
    "No host can be reached from here: check the network of this machine, and whether it can open connections (ulimit -n)"
  ],
  [
    { _tag: "ProxyInTheWay", by: "proxy" },
    "network",
    true,
    "A proxy does not let the call through: give it its credentials, have it allow the host, or put the host into NO_PROXY"
  ],
  [
    { _tag: "Loading", elapsed: seconds(12), expected: seconds(41), gigabytes: 4.7 },
    undefined,
    false,
    "Loading: 12 of about 41 seconds (4.7 GB at 0.11 GB/s)"
  ],
  [
    { _tag: "Loading", elapsed: seconds(1), expected: seconds(300) },
    undefined,
    false,
    "Loading: 1 second of about 5 minutes"
  ],
  [{ _tag: "Loading", elapsed: seconds(1), gigabytes: 20 }, undefined, false, "Loading: 1 second (20 GB)"],
  [
    { _tag: "BehindOtherLoad", elapsed: seconds(90), expected: seconds(20) },
    "overload",
    true,
    "Loading: 90 of about 20 seconds, because the server loads another model first (one at a time)"
  ],
  [
    { _tag: "EvictionThrash", loads: 3, rivals: ["qwen3:8b", "gemma3:12b"] },
    "overload",
    true,
    "Pushed out of memory and loaded again 3 times in ten minutes, by qwen3:8b, gemma3:12b: use fewer or smaller models, or more memory"
  ],
  [
    { _tag: "ReloadByOptions", elapsed: seconds(8.25), options: ["num_ctx"] },
    undefined,
    true,
    "Loaded again (8.3 seconds) because num_ctx differed from the call before: keep such options the same"
  ],
  [
    { _tag: "Queued", waited: seconds(30), ahead: 3, parallel: 1 },
    "overload",
    true,
    "Waited 30 seconds in the server behind 3 calls (it answers 1 at once): raise OLLAMA_NUM_PARALLEL, send fewer at once, or add a host"
  ],
  [
    { _tag: "Queued", waited: seconds(30) },
    "overload",
    true,
    "Waited 30 seconds in the server behind other calls: raise OLLAMA_NUM_PARALLEL, send fewer at once, or add a host"
  ],
  [
    { _tag: "Waited", waited: seconds(30), why: "permit" },
    "overload",
    true,
    "Waited 30 seconds in the client until one of the calls before it had ended: raise the concurrency, or send fewer at once"
  ],
  [
    { _tag: "Waited", waited: seconds(30), why: "offline" },
    "network",
    true,
    "Waited 30 seconds in the client for the host to come back"
  ],
  [
    { _tag: "LongPrompt", elapsed: seconds(12), expected: seconds(40), tokens: 30_000 },
    undefined,
    false,
    "Reading the prompt (30000 tokens): 12 of about 40 seconds; shorten it, or keep its beginning the same from call to call"
  ],
  [
    { _tag: "PartlyOnCpu", share: 0.4, factor: 3.14 },
    "overload",
    true,
    "40 % of the model runs on the processor, 3.1 times as slow as before: use a smaller model or context, or free graphics memory"
  ],
  [
    { _tag: "SlowHost", factor: 2 },
    "overload",
    true,
    "The host takes 2 times as long as it used to: see what else runs on it, its heat and power"
  ],
  [
    { _tag: "Shared", factor: 2 },
    "overload",
    true,
    "The host generates 2 times more slowly than it used to: others use it too, or heat or power limit it"
  ],
  [
    { _tag: "Shared", factor: 2, inFlight: 4, usual: 1 },
    "overload",
    true,
    "4 calls of this client at once (usually 1) make each 2 times slower: send fewer at once, or add a host"
  ],
  [
    { _tag: "PredictionOff", factor: 2 },
    undefined,
    true,
    "2 times as long as predicted, on every host alike: the work is another one, and it is being learned"
  ],
  [
    { _tag: "StalledRunner", silent: seconds(45) },
    "serverDown",
    true,
    "Nothing for 45 seconds, while the server answers other questions: the process of the model hangs; unload the model or restart the server"
  ],
  [
    { _tag: "HostOverloaded" },
    "overload",
    true,
    "The server is slow to say even its version: the host or the way to it is overloaded; see what else runs there"
  ],
  [
    { _tag: "Overloaded", by: "server" },
    "overload",
    true,
    "The server sheds calls because its queue is full: send fewer at once, or add a host"
  ],
  [
    { _tag: "ServerFailed", tag: "ServerError" },
    "serverDown",
    true,
    "The server failed, or the process of its model crashed: see the log of the server"
  ],
  [
    { _tag: "ServerFailed", tag: "LoadFailed", outOfMemory: true },
    "overload",
    true,
    "The model does not fit into the memory of the server: use a smaller model or context, or unload others"
  ],
  [
    { _tag: "BadRequest", tag: "ModelNotFound" },
    undefined,
    true,
    "The model is not on the server: pull it (`ollama pull`), or correct its name"
  ],
  [
    { _tag: "TooShort", phase: "load", limit: seconds(30), needed: seconds(82) },
    "timeoutTooLow",
    true,
    "The limit timeouts.load of 30 seconds was too short: such a call may take 82 seconds; raise it"
  ],
  [
    { _tag: "TooShort", phase: "response", limit: seconds(0.05) },
    "timeoutTooLow",
    true,
    "The limit timeouts.firstToken of 50 ms was too short, and the server was still at it (waiting for the answer); raise it"
  ],
  [
    { _tag: "LeftByCaller", phase: "load", after: seconds(200) },
    undefined,
    false,
    "The caller left after 3.3 minutes, while loading the model"
  ],
  [
    { _tag: "Unknown", phase: "generating", elapsed: Duration.hours(2) },
    undefined,
    true,
    "Slow or stuck (2 hours, generating), and nothing that is known says why"
  ]
]

describe("a verdict", () => {
  it.each(lines)("%j in words, and the cause", (verdict, cause, isProblem, text) => {
    assert.strictEqual(Verdict.text(verdict), text)
    assert.strictEqual(Verdict.cause(verdict), cause)
    assert.strictEqual(Verdict.isProblem(verdict), isProblem)
  })

  it("has a line above for each tag", () => {
    const some = FastCheck.sample(Arbitrary.make(Verdict.Verdict), { seed: 1, numRuns: 1000 })
    const tags = new Set(some.map(({ _tag }) => _tag))
    assert.deepStrictEqual([...new Set(lines.map(([{ _tag }]) => _tag))].sort(), [...tags].sort())
  })

  it("of the example in the notes", () => {
    const verdict = Verdict.of(
      running("load", 12, { listing: "absent" }, { gigabytes: 4.7, predicted: { loading: about(41) } })
    )
    assert.strictEqual(Verdict.text(verdict), "Loading: 12 of about 41 seconds (4.7 GB at 0.11 GB/s)")
  })
})

const isVerdict = Schema.is(Verdict.Verdict)

describe("whatever the evidence", () => {
  it("there is a verdict that can be written and read again, one line of words, and no secret in either", () => {
    const seen = new Set<string>()
    FastCheck.assert(
      FastCheck.property(evidence, (given) => {
        const verdict = Verdict.of(given)
        seen.add(verdict._tag)
        assert.isTrue(isVerdict(verdict), JSON.stringify(verdict))
        const encoded = JSON.stringify(Schema.encodeSync(Verdict.Verdict)(verdict))
        const decoded = Schema.decodeUnknownSync(Verdict.Verdict)(JSON.parse(encoded))
        assert.strictEqual(Verdict.text(decoded), Verdict.text(verdict))
        const words = Verdict.text(verdict)
        assert.match(words, /^\S.*\S$/)
        assert.notMatch(words, /[\n\r\u2028\u2029]|undefined|NaN|Infinity/)
        assert.isBelow(words.length, 1000)
        assert.notInclude(encoded + words, secret)
      }),
      { seed: 54, numRuns: 3000 }
    )
    assert.isAtLeast(seen.size, 18, [...seen].join(", "))
  })

  it("so with a verdict from elsewhere", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(Verdict.Verdict), (verdict) => {
        assert.match(Verdict.text(verdict), /^\S.*\S$/)
        assert.isBoolean(Verdict.isProblem(verdict))
        Verdict.cause(verdict)
      }),
      { seed: 54, numRuns: 500 }
    )
  })
})
