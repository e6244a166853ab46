import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream, TestClock, Exit } from "effect"
import { OllamaClient, Policy } from "effect-ollama"
import { OllamaNode } from "effect-ollama/node"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import { OllamaSimulatorServer } from "effect-ollama/testing/node"

const req = { model: "llama3.2", messages: [{ role: "user" as const, content: "Hi" }] }
const policy = Policy.make({ timeouts: { connect: "300 millis", load: "1 second", firstToken: "1 second", gap: "1 second" } })
const faults: Array<OllamaSimulatorServer.Stageable> = [
  Fault.refused(), Fault.dns(), Fault.blackHole(), Fault.stallAfterHeaders(), Fault.stallAfter(3), Fault.resetBeforeHeaders(), Fault.resetAfter(3), Fault.endAfter(3), Fault.cutAfter(3),
  Fault.serverBusy({ times: 2 }), Fault.rateLimited(1, { times: 1 }), Fault.forbidden(), Fault.proxyAuth(), Fault.captivePortal(), Fault.errorLine("runner.eof", 3), Fault.error("load.outOfMemory"), Fault.error("model.notFound"),
  Fault.slowHeaders("500 millis"), Fault.badLineAfter(3), Fault.splitBytes(1), Fault.selfSignedTls(), Fault.httpToTls(), Fault.httpsToHttp(), Fault.unroutable(), Fault.connectTimeout(), Fault.staleKeepAlive(), Fault.serverBusy(), Fault.badGateway(), Fault.emptyBody(), Fault.redirect("http://login.example/"), Fault.endlessLine(), Fault.notHttp(), Fault.closeBeforeHeaders()
]
const show = (exit: Exit.Exit<any, any>) => Exit.match(exit, { onSuccess: (v) => "ok " + JSON.stringify(v?.message?.content ?? v).slice(0, 60), onFailure: (c) => { const e: any = (c as any).error ?? c; return `${e._tag} ${e.reason ?? e.by ?? e.issue ?? e.phase} ${e.partial?.chunks ?? ""} ${e.cause?.code ?? ""} ${String(e.message ?? e).slice(0, 100)}` } })
describe("tmp", () => {
  it.effect("clock", () => Effect.gen(function* () {
    const f = yield* Effect.fork(OllamaClient.chat(req))
    yield* TestClock.adjust("10 seconds")
    const r = yield* Fiber.join(f)
    assert.strictEqual(r.message.content, "One two")
    const s = yield* simulator
    console.log((yield* s.requests).map((x) => [x.path, x.ended]))
    const g = yield* Effect.fork(OllamaClient.chatStream(req).pipe(Stream.take(1), Stream.runDrain))
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(g)
    console.log((yield* s.requests).map((x) => [x.path, x.ended]))
  }).pipe(Effect.provide(OllamaClient.layer().pipe(Layer.provideMerge(OllamaSimulator.layer({ loadTime: "3 seconds", tokenTime: "1 second", reply: "One two" }))))))
  const simulator = OllamaSimulator.OllamaSimulator
  it.scopedLive("faults", () => Effect.gen(function* () {
    const out: string[] = []
    for (const fault of faults) {
      const r = yield* Effect.scoped(Effect.gen(function* () {
        const server = yield* OllamaSimulatorServer.make({ reply: "One two three four five" })
        const host = yield* server.stage(fault)
        const t = Date.now()
        const sock = yield* Effect.exit(OllamaClient.chat(req).pipe(Effect.provide(OllamaNode.layer({ host, policy }))))
        const ms = Date.now() - t
        const n = (yield* server.requests).map((x) => x.path.slice(5)).join(",")
        const mem = yield* Effect.exit(OllamaClient.chat(req).pipe(Effect.provide(OllamaClient.layer({ host: "http://127.0.0.1:11434", policy }).pipe(Layer.provide(OllamaSimulator.layer({ reply: "One two three four five", faults: [fault] }))))))
        return [`${fault._tag} ${ms}ms [${n}]`, "   S " + show(sock), "   M " + show(mem)]
      }))
      out.push(...r)
    }
    console.log(out.join("\n"))
  }), 120000)
})
