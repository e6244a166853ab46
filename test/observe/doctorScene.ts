/** A report about a server of the test's own, with what the machine would find out written down. */
import { assert } from "@effect/vitest"
import type * as HttpClient from "@effect/platform/HttpClient"
import { Doctor } from "effect-ollama"
import { OllamaSimulator } from "effect-ollama/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { within } from "../support/clock.js"

/** What each probe finds: a value, after a time where it is an Effect; what is not there is not known. */
export interface Findings {
  readonly machine?: Partial<Doctor.Machine>
  readonly addresses?: ReadonlyArray<string> | Effect.Effect<ReadonlyArray<string>>
  readonly dnsCode?: string
  readonly place?: Doctor.Place
  /** By address; `any` for those that are not named. */
  readonly tcp?: Readonly<Record<string, Doctor.Connected | Effect.Effect<Doctor.Connected>>>
  readonly tls?: Partial<Doctor.Tls>
  readonly proxies?: ReadonlyArray<Doctor.ProxySetting>
  readonly proxyAnswer?: Partial<Doctor.ProxyAnswer>
}

const known = <A>(value: A | Effect.Effect<A> | undefined): Effect.Effect<Option.Option<A>> =>
  value === undefined ? Effect.succeedNone : Effect.isEffect(value) ? Effect.asSome(value) : Effect.succeedSome(value)

export const probes = (findings: Findings): Doctor.Probes => {
  const { addresses, dnsCode, machine, place, proxies, proxyAnswer, tcp, tls } = findings
  const lookup = (found: ReadonlyArray<string>) => ({
    addresses: found.map((address) => ({ address, family: address.includes(":") ? (6 as const) : (4 as const) })),
    ...(dnsCode === undefined ? {} : { code: dnsCode })
  })
  return {
    machine: known(machine === undefined ? undefined : { os: "linux", wsl: false, ...machine }),
    resolve: () =>
      addresses === undefined
        ? Effect.succeedNone
        : Effect.asSome(Effect.map(Effect.isEffect(addresses) ? addresses : Effect.succeed(addresses), lookup)),
    place: () => known(place),
    connect: (address) => known(tcp?.[address] ?? tcp?.["any"]),
    tls: () => known(tls === undefined ? undefined : { names: [], trusted: true, ...tls }),
    proxies: () => known(proxies),
    askProxy: () => known(proxyAnswer === undefined ? undefined : { outcome: "answers", ...proxyAnswer })
  }
}

/** Examines, while the clock goes on. */
export const examine = (
  options: Doctor.Options,
  http: Layer.Layer<HttpClient.HttpClient>,
  findings: Findings = {}
): Effect.Effect<Doctor.Report> =>
  within(Effect.provide(Doctor.run(options), Layer.merge(http, Layer.succeed(Doctor.CurrentProbes, probes(findings)))))

export const simulated = (
  options: Doctor.Options,
  simulator: OllamaSimulator.Options = {},
  findings?: Findings
): Effect.Effect<Doctor.Report> => examine(options, OllamaSimulator.layer(simulator), findings)

export const check = (report: Doctor.Report, name: Doctor.CheckName): Doctor.Check => {
  const found = report.checks.find((one) => one.name === name)
  return found ?? assert.fail(`no check ${name}`)
}

/** The check has this status, and says this. */
export const expectCheck = (
  report: Doctor.Report,
  name: Doctor.CheckName,
  status: Doctor.Check["status"],
  says: RegExp = /^/
): void => {
  const found = check(report, name)
  assert.strictEqual(found.status, status, found.text)
  assert.match(found.text, says)
}

type Holding = Partial<Record<Doctor.CauseName, Doctor.Cause["holds"]>>

/** The verdict is this cause, and the causes hold so; the evidence of the first says this. */
export const expectCause = (
  report: Doctor.Report,
  cause: Doctor.Report["verdict"]["cause"],
  says: RegExp,
  holding: Holding = {}
): void => {
  assert.strictEqual(report.verdict.cause, cause, Doctor.render(report))
  assert.match(report.verdict.text, says)
  for (const name of Doctor.CauseName.literals) {
    const wanted = holding[name] ?? (name === cause ? "yes" : undefined)
    if (wanted !== undefined) assert.strictEqual(report.causes[name].holds, wanted, `${name}: ${Doctor.render(report)}`)
  }
}

/** All commands of a cause's fixes, as one text. */
export const commandsOf = (report: Doctor.Report, cause: Doctor.CauseName): string =>
  report.causes[cause].fixes
    .flatMap(({ commands }) => commands.flatMap(({ lines, on }) => lines.map((line) => `${on}: ${line}`)))
    .join("\n")

export const fixesOf = (report: Doctor.Report, cause: Doctor.CauseName): string =>
  report.causes[cause].fixes.map(({ text, where }) => `${where}: ${text}`).join("\n")
