/** The simulated servers of a scenario, and what becomes of them as time passes. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Fault, OllamaSimulator } from "effect-ollama/testing"
import type { Work } from "./contestant.js"
import { hostName, type Machine, type Model, type Scenario } from "./scenario.js"
import type { Request } from "./traffic.js"

export interface Server {
  readonly address: string
  readonly machine: Machine
  readonly simulator: OllamaSimulator.Service
  readonly client: Effect.Effect.Success<ReturnType<typeof OllamaSimulator.make>>["client"]
  /** Requests whose work began, with the time. */
  readonly begun: Array<{ readonly id: number; readonly at: number }>
  /** Loads that were lost because it went down: nobody left them. */
  lost: number
}

/** By this a server knows which request it is. Requests of somebody else have none. */
const mark = /^#(\d+) /

const filler = "x".repeat(200_000)

/** What the JSON around the text of a chat of one message takes, in characters. */
const wrapping = JSON.stringify([{ role: "user", content: "" }]).length

/** A text that counts as the prompt of this request: four characters are a token. */
export const promptOf = (request: Request): string => {
  const head = `#${request.id} `
  return head + filler.slice(0, Math.max(0, 4 * request.prompt - wrapping - head.length))
}

export const idOf = (text: string): number | undefined => {
  const found = mark.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Tokens of a piece of an answer: few pieces, and none so long that an honest server would seem to be silent. */
const piece = 200

/** An answer of so many tokens. The first piece is one token: what comes first is seen at its time. */
const answerOf = (tokens: number): OllamaSimulator.Reply => {
  const pieces = [1]
  for (let left = tokens - 1; left > 0; left -= piece) pieces.push(Math.min(piece, left))
  return { content: pieces.map((size) => `${size} tokens. `), tokens: pieces }
}

const bytes = (gigabytes: number): number => Math.round(gigabytes * 1e9)

const installed = ({ name, size }: Model): OllamaSimulator.Model => ({
  name,
  size: bytes(size),
  capabilities: ["completion"],
  contextLength: 65_536
})

const start = (scenario: Scenario, requests: ReadonlyArray<Request>, machine: Machine, index: number) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const begun: Server["begun"] = []
    const reply = ({ text }: OllamaSimulator.Prompt): OllamaSimulator.Reply => {
      const id = idOf(text)
      if (id === undefined) return answerOf(scenario.others?.model.answer ?? 100)
      begun.push({ id, at: clock.unsafeCurrentTimeMillis() })
      return answerOf(requests[id]!.answer)
    }
    const models = scenario.others === undefined ? scenario.models : [...scenario.models, scenario.others.model]
    const made = yield* OllamaSimulator.make({
      models: models.map(installed),
      memory: bytes(machine.memory),
      loadRate: bytes(machine.loadRate),
      promptRate: machine.promptRate,
      tokenRate: machine.tokenRate,
      parallel: machine.slots,
      together: machine.slots,
      maxLoaded: 100,
      keepAlive: "365 days",
      psBlocksDuringLoad: scenario.psBlocksDuringLoad ?? false,
      reply
    })
    const server: Server = { address: hostName(index), machine, begun, lost: 0, ...made }
    return server
  })

export const make = (scenario: Scenario, requests: ReadonlyArray<Request>): Effect.Effect<ReadonlyArray<Server>> =>
  Effect.forEach(scenario.machines, (machine, index) => start(scenario, requests, machine, index))

/** What is done to one server at one time. */
interface Blow {
  /** Milliseconds. */
  readonly at: number
  readonly does: Effect.Effect<void>
}

const outageFault = (how: "hang" | "unroutable", connectLimit: number): Fault.Fault =>
  how === "hang" ? Fault.connectTimeout(connectLimit, { probes: true }) : Fault.unroutable({ probes: true })

/** A load that was under way counts as aborted, and was not aborted by any client. */
const shutDown = (server: Server): Effect.Effect<void> =>
  Effect.gen(function* () {
    const before = yield* server.simulator.loads
    yield* server.simulator.shutdown
    const after = yield* server.simulator.loads
    server.lost += after.aborted - before.aborted
  })

/** Everything that is done to a server, in the order of time. */
const blowsOf = (
  { broken = [], outages = [], slow = [] }: Scenario,
  server: Server,
  index: number,
  connectLimit: number
): ReadonlyArray<Blow> => {
  const { simulator } = server
  const active = new Set<Fault.Fault>()
  const arm = Effect.suspend(() => Effect.zipRight(simulator.clearFaults, simulator.inject(...active)))
  const during = (from: number, to: number, begin: Effect.Effect<void>, end: Effect.Effect<void>) => [
    { at: from * 1000, does: begin },
    ...(Number.isFinite(to) ? [{ at: to * 1000, does: end }] : [])
  ]
  const whileFaulty = (from: number, to: number, fault: Fault.Fault) =>
    during(
      from,
      to,
      Effect.zipRight(
        Effect.sync(() => active.add(fault)),
        arm
      ),
      Effect.zipRight(
        Effect.sync(() => active.delete(fault)),
        arm
      )
    )
  const blows = [
    ...outages.flatMap(({ from, host, how, to }) =>
      host !== index
        ? []
        : how === "refuse"
          ? during(from, to, shutDown(server), simulator.restart)
          : whileFaulty(from, to, outageFault(how, connectLimit))
    ),
    ...slow.flatMap(({ factor, from, host, to }) =>
      host === index ? during(from, to, simulator.slowDown(factor), simulator.slowDown(1)) : []
    ),
    ...broken.flatMap(({ fault, from, host, to }) => (host === index ? whileFaulty(from, to, fault) : []))
  ]
  return blows.sort((a, b) => a.at - b.at)
}

/** Strikes when it is time to; never ends before the last blow. */
export const fate = (
  scenario: Scenario,
  servers: ReadonlyArray<Server>,
  connectLimit: number
): ReadonlyArray<Effect.Effect<void>> =>
  servers.map((server, index) =>
    Effect.forEach(
      blowsOf(scenario, server, index, connectLimit),
      ({ at, does }) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.zipRight(at > now ? Effect.sleep(at - now) : Effect.void, does)
        ),
      { discard: true }
    )
  )

/** What the servers did for this request, and whether somebody got a whole answer of it. */
const used = (server: Server, now: number, isWanted: (id: number) => boolean) =>
  Effect.map(server.simulator.requests, (seen) => {
    const ends = new Map<number, { readonly at: number; readonly isWhole: boolean }>()
    for (const { ended, json } of seen) {
      const id = idOf(textOf(json))
      if (id !== undefined) ends.set(id, { at: ended?.at ?? now, isWhole: ended?.how === "completed" && isWanted(id) })
    }
    let busy = 0
    let wasted = 0
    for (const { at, id } of server.begun) {
      const end = ends.get(id)
      const spent = Math.max(0, (end?.at ?? now) - at)
      busy += spent
      if (end?.isWhole !== true) wasted += spent
    }
    return { busy, wasted }
  })

const textOf = (json: unknown): string => {
  const messages = typeof json === "object" && json !== null && "messages" in json ? json.messages : undefined
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined
  return typeof first === "object" && first !== null && "content" in first ? String(first.content) : ""
}

/** @param isDone whether the caller of this request got its answer */
export const work = (servers: ReadonlyArray<Server>, isDone: (id: number) => boolean): Effect.Effect<Work> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const states = yield* Effect.forEach(servers, ({ simulator }) => simulator.state)
    const uses = yield* Effect.forEach(servers, (server) => used(server, now, isDone))
    const sum = (amounts: ReadonlyArray<number>) => amounts.reduce((total, amount) => total + amount, 0)
    return {
      loads: sum(states.map(({ loads }) => loads.begun)),
      aborted: sum(states.map(({ loads }, index) => loads.aborted - servers[index]!.lost)),
      evictions: sum(states.map(({ evictions }) => evictions)),
      busy: uses.map(({ busy }) => busy),
      wasted: sum([...uses.map(({ wasted }) => wasted), ...states.map(({ lostInLoads }) => lostInLoads)])
    }
  })

/** Asks this server for somebody else, again and again. */
export const others = ({ others }: Scenario, { client, address }: Server, index: number): Effect.Effect<void> => {
  if (others === undefined) return Effect.void
  const ask = Effect.scoped(
    Effect.flatMap(
      client.post(`${address}/api/generate`, {
        body: HttpBody.unsafeJson({ model: others.model.name, prompt: "x".repeat(2400), stream: false })
      }),
      (response) => response.text
    )
  )
  return Effect.sleep((others.every * 1000 * index) / 4).pipe(
    Effect.zipRight(Effect.forever(Effect.zipRight(Effect.ignore(ask), Effect.sleep(others.every * 1000))))
  )
}
