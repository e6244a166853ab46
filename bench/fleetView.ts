/**
 * What it costs to look at the hosts before one of them is chosen: the fleet's own members, of which most have calls, half have
 * the model in memory, and of all of them something was learned.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import { Duration, Effect, Either } from "effect"
import * as Core from "../src/client/core.js"
import * as Hub from "../src/client/hub.js"
import { Journal } from "../src/client/journal.js"
import * as Residency from "../src/client/residency.js"
import * as Servers from "../src/client/servers.js"
import * as FleetMake from "../src/fleet/make.js"
import { Member } from "../src/fleet/member.js"
import type { Work } from "../src/fleet/work.js"
import * as Endpoint from "../src/internal/endpoint.js"
import * as OllamaConfig from "../src/OllamaConfig.js"
import * as Predictor from "../src/record/Predictor.js"

const models = ["llama3.2:latest", "qwen3:latest"] as const
const model = models[0]

const address = (n: number) => Either.getOrThrow(OllamaConfig.address(`http://10.0.${n >> 8}.${n & 255}:11434`))

const journal = (): Journal =>
  new Journal(
    Hub.mute,
    { operation: "chat", host: "fleet", model, startedAt: 0 } as ConstructorParameters<typeof Journal>[1],
    { kind: "generation", characters: 400, answerLimit: undefined, session: undefined } as ConstructorParameters<
      typeof Journal
    >[2]
  )

/** A call at a host. */
const work = ({ server }: Member): Work => {
  const one = journal()
  one.attempt(0, Endpoint.chat, server.host, model)
  return { model, journal: one, since: 0, wait: 0, prompt: 500, answer: 60_000, load: 0, isCold: false }
}

/** Members of a fleet under load, and what a call asks of them. */
export const scene = (count: number) =>
  Effect.gen(function* () {
    const core = yield* Core.make({ address: Servers.nowhere }, { policy: FleetMake.defaults })
    const members: Array<Member> = []
    const need = Residency.need("llama3.2", {})
    let learned = Predictor.empty
    for (let n = 0; n < count; n++) {
      const server = yield* core.servers.add({ address: address(n) })
      const member = new Member(server, core.knowledge.learned)
      yield* server.guards.of({ endpoint: Endpoint.chat, model }, core.servers.policy())
      if (n % 2 === 0) server.residency.seen(need, 0)
      const listed = n % 2 === 0 ? models : models.slice(1)
      member.memory.looked(
        {
          at: 1,
          models: listed.map((name) => ({ name, size: 6e9, sizeVram: 6e9, context: undefined, expiresAt: undefined }))
        },
        []
      )
      for (let call = 0; call < n % 3; call++) member.begins(work(member))
      for (const name of models) {
        learned = Predictor.observe(learned, {
          host: member.url,
          model: name,
          at: n,
          gigabytes: 6,
          loading: Duration.seconds(6),
          promptTokens: 1000,
          prompt: Duration.seconds(1 + (n % 5)),
          answerTokens: 100,
          generating: Duration.seconds(2 + (n % 5)),
          inFlight: 2
        })
      }
      members.push(member)
    }
    core.knowledge.hear(() => learned)
    /** A call ends at one host, and one begins at another. */
    const happens = (n: number): void => {
      const from = members[n % count]
      const to = members[(7 * n + 1) % count]
      for (const one of from?.work ?? []) {
        from?.ends(one)
        if (to !== undefined) to.begins(work(to))
        break
      }
      if (from !== undefined) from.server.host.changes++
    }
    return { members, happens, asked: { model, need, session: undefined, gigabytes: 6 } }
  }).pipe(
    Effect.provideService(
      HttpClient.HttpClient,
      HttpClient.make(() => Effect.never)
    )
  )
