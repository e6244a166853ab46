/** `effect-ollama doctor`: what it looks like, and its exit code. What it finds out is tested with the doctor. */
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Doctor } from "effect-ollama"
import { Fault } from "effect-ollama/testing"
import { view } from "../../src/cli/doctor/view.js"
import * as Style from "../../src/cli/terminal/Style.js"
import * as Command from "./support/command.js"
import { simulated } from "./support/server.js"

const no: Doctor.Cause = { holds: "no", evidence: [], fixes: [] }

const report: Doctor.Report = {
  startedAt: DateTime.unsafeMake(0),
  took: Duration.millis(1234),
  isComplete: true,
  verdict: { cause: "unreachable", text: "Nothing listens at gpu-box:11434." },
  causes: {
    unreachable: {
      holds: "yes",
      evidence: ["gpu-box:11434 refused the connection."],
      fixes: [
        {
          where: "server",
          text: "Let Ollama listen on all addresses.",
          commands: [{ on: "Linux (systemd)", lines: ["sudo systemctl edit ollama", "sudo systemctl restart ollama"] }]
        }
      ]
    },
    timeoutTooLow: { holds: "unknown", evidence: ["Nothing was measured."], fixes: [] },
    overloaded: no,
    blocked: no
  },
  checks: [
    { name: "address", status: "ok", text: "http://gpu-box:11434", fixes: [] },
    { name: "tcp", status: "failed", text: "refused\u001b[2J", took: Duration.millis(1500), fixes: [] },
    { name: "tls", status: "skipped", text: "The address is http.", fixes: [] },
    {
      name: "version",
      status: "warning",
      text: "0.1.0 is old.",
      fixes: [{ where: "server", text: "Install a newer one.", commands: [] }]
    },
    { name: "load", status: "unknown", text: "Not measured.", fixes: [] }
  ],
  facts: {
    machine: { os: "linux", wsl: false },
    address: { notes: [] },
    tcp: [],
    proxies: [],
    elsewhere: [],
    limits: []
  }
}

const rendered = (width: number) => view(report, width).map((line) => Style.render(line, false))

describe("the doctor's report", () => {
  it("is checks with marks, the four causes with evidence and fixes, and one sentence at the end", () => {
    assert.deepStrictEqual(rendered(80), [
      "✓ address   http://gpu-box:11434",
      "✗ tcp       refused (1.5 s)",
      "- tls       The address is http.",
      "! version   0.1.0 is old.",
      "? load      Not measured.",
      "",
      "✗ The server is down or cannot be reached: yes",
      "  · gpu-box:11434 refused the connection.",
      "  → on the server: Let Ollama listen on all addresses.",
      "    Linux (systemd):",
      "      sudo systemctl edit ollama",
      "      sudo systemctl restart ollama",
      "",
      "? A time limit of this client is too short: not known",
      "  · Nothing was measured.",
      "",
      "✓ The server is overloaded: no",
      "",
      "✓ A firewall, proxy or rule forbids the call: no",
      "",
      "Besides",
      "→ on the server: Install a newer one.",
      "",
      "Nothing listens at gpu-box:11434.",
      "Examined in 1.2 s."
    ])
  })

  it("fits narrow terminals; only commands, which are to be copied, are not broken", () => {
    for (const width of [20, 30, 50]) {
      for (const line of rendered(width)) {
        if (!line.includes("systemctl")) assert.isAtMost(line.length, width, line)
      }
    }
  })
})

describe("doctor", { timeout: 120_000 }, () => {
  it.scopedLive("exits with 0 where all is well, and with the cause where it is not; --json is the report", () =>
    Effect.gen(function* () {
      const { env, server } = yield* simulated({ models: [{ name: "llama3.2", loaded: true, gpu: 1 }] })
      const well = yield* Command.run(["doctor"], { env })
      assert.deepStrictEqual({ code: well.code, stderr: well.stderr }, { code: 0, stderr: "" })
      assert.match(well.stdout, /^✓ address +http:\/\/127\.0\.0\.1:\d+/)
      assert.match(well.stdout, /\n✓ The server is down or cannot be reached: no\n/)

      yield* server.down
      const down = yield* Command.run(["doctor", "--json"], { env })
      assert.strictEqual(down.code, 3)
      const found = yield* Schema.decodeUnknown(Schema.parseJson(Doctor.Report))(down.stdout)
      assert.strictEqual(found.verdict.cause, "unreachable")
      yield* server.up

      yield* server.inject(Fault.captivePortal({ path: "/api/version" }))
      const blocked = yield* Command.run(["doctor"], { env: { ...env, FORCE_COLOR: "1" } })
      assert.strictEqual(blocked.code, 6)
      assert.include(blocked.stdout, "\u001b[31m✗\u001b[39m")
    })
  )
})
