import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { OllamaClient, Policy } from "effect-ollama"
import { make } from "./calls.js"
import { check } from "./check.js"
import type { TextCase } from "./texts.js"
import { texts } from "./texts.js"

/** Answers every request alike, save the question which models are in memory. */
const answering = (case_: TextCase): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.sync(() =>
      HttpClientResponse.fromWeb(
        request,
        url.pathname === "/api/ps" && !case_.calls.some((call) => call.method === "running")
          ? Response.json({ models: [] })
          : new Response(case_.body === "" ? null : case_.body, { status: case_.status, headers: case_.headers })
      )
    )
  )

const client = (case_: TextCase, headers: Readonly<Record<string, string>> | undefined) =>
  OllamaClient.layer({ policy: Policy.make({ retry: { attempts: 1 } }), ...(headers && { headers }) }).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, answering(case_)))
  )

const groups = new Map<string, Array<TextCase>>()
for (const case_ of texts) groups.set(case_.group, [...(groups.get(case_.group) ?? []), case_])

for (const [group, cases] of groups) {
  describe(group, () => {
    for (const case_ of cases) {
      for (const call of case_.calls) {
        it.effect(`${call.method}: ${case_.name}`, () =>
          Effect.gen(function* () {
            const outcome = yield* make(call).pipe(Effect.provide(client(case_, call.headers)), Effect.orDie)
            check(outcome, call, case_.result)
          })
        )
      }
    }
  })
}

it("has no case twice", () => {
  const names = texts.flatMap((case_) => case_.calls.map((call) => `${case_.group} ${call.method} ${case_.name}`))
  assert.deepStrictEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    []
  )
})
