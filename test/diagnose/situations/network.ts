/** What networks and the machine at the other end do: filters, routes, names, lines that break. */
import { Effect } from "effect"
import { addresses } from "../../support/real/lab.js"
import {
  behind,
  nameServer,
  port,
  quick,
  relay,
  server,
  type Situation,
  situation,
  small,
  type Told
} from "../situation.js"

const unreachable = (reason: string) => ({ _tag: "Unreachable", reason, phase: "connect", attempts: 1 })
const noConnection = { _tag: "Timeout", phase: "connect", limit: 2000, attempts: 1 }

const filters = ["netns", "nft"] as const
const toServer = `ip daddr ${addresses.server} tcp dport ${port}`
const fromServer = `ip saddr ${addresses.server} tcp sport ${port}`

const at = (host: string): Told => ({ env: { OLLAMA_HOST: `http://${host}:${port}` } })

/** More patience than the resolver and the neighbours of a machine have. */
const patient = { ...small, timeouts: { ...small.timeouts, connect: "15 seconds", gap: "15 seconds" } } as const

const down = { verdict: "HostDown", cause: "unreachable" } as const
const barred = { verdict: "HostDown", cause: "blocked" } as const
/** From here it looks as if nothing listened there. */
const masked = { verdict: "HostDown", cause: "unreachable", mayBe: "blocked" } as const
/** Whether somebody forbids it or nothing leads there cannot be seen. */
const lost = { verdict: "HostDown", cause: "blocked", mayBe: "unreachable" } as const
/** Long enough for the client to find out whether the host answers anything else. */
const asking = { ...small, timeouts: { ...small.timeouts, load: "12 seconds", gap: "12 seconds" } } as const

const well = { expected: "success", verdict: "AsExpected", cause: "none" } as const

/** A filter of the router, or of a machine, with a server behind it that is well. */
const filtered = (id: string, what: string, rule: string, rest: Omit<Parameters<typeof situation>[2], "stage">) =>
  situation(id, what, {
    needs: filters,
    stage: (lab) => Effect.as(Effect.zip(server(lab), lab.filter("way", "forward", `${toServer} ${rule}`)), {}),
    ...rest
  })

/** Something of the client's routes or links. */
const routed = (id: string, what: string, change: string, rest: Omit<Parameters<typeof situation>[2], "stage">) =>
  situation(id, what, {
    stage: (lab) => Effect.as(Effect.zip(server(lab), lab.run("client", "ip", ...change.split(" "))), {}),
    ...rest
  })

/** A name that the name server is asked for. */
const named = (
  id: string,
  what: string,
  job: Parameters<typeof nameServer>[1],
  rest: Omit<Parameters<typeof situation>[2], "stage">
) =>
  situation(id, what, {
    stage: (lab) => Effect.as(Effect.zip(server(lab), nameServer(lab, job)), at("ollama.lan")),
    ...rest
  })

export const ways: ReadonlyArray<Situation> = [
  situation("refused", "nothing listens", {
    stage: () => Effect.succeed({}),
    expected: unreachable("refused"),
    ...down,
    isInTests: true
  }),
  situation("wrong-bind", "the server listens on its own loopback only", {
    stage: (lab) => Effect.as(server(lab, behind), {}),
    expected: unreachable("refused"),
    ...down
  }),
  situation("docker-bind", "a published port of a container whose server listens on its own loopback only", {
    stage: (lab) =>
      Effect.as(
        Effect.zip(
          server(lab, behind),
          relay(lab, { address: addresses.way, port, target: { address: addresses.server, port } })
        ),
        at(addresses.way)
      ),
    expected: { _tag: "Unreachable", reason: "reset", attempts: 1 },
    ...down
  }),
  filtered("drop", "a firewall drops the packets", "drop", { expected: noConnection, ...barred, isInTests: true }),
  filtered("reject-port", "a firewall answers: port unreachable", "reject with icmp port-unreachable", {
    expected: unreachable("refused"),
    ...barred
  }),
  filtered("reject-admin", "a firewall answers: prohibited", "reject with icmp admin-prohibited", {
    expected: unreachable("unroutable"),
    ...barred,
    isInTests: true
  }),
  filtered("reject-reset", "a firewall answers with a reset", "reject with tcp reset", {
    expected: unreachable("refused"),
    ...masked
  }),
  routed("prohibited", "the client's machine prohibits the way", `route add prohibit ${addresses.server}`, {
    expected: { _tag: "Blocked", by: "firewall", phase: "connect", attempts: 0 },
    verdict: "ProxyInTheWay",
    cause: "blocked"
  }),
  routed("black-route", "the client's machine throws the packets away", `route add blackhole ${addresses.server}`, {
    expected: unreachable("unroutable"),
    ...lost
  }),
  routed("no-route", "the client's machine has no way out", "route del default", {
    expected: unreachable("unroutable"),
    verdict: "HostDown",
    cause: "blocked",
    mayBe: "unreachable",
    isInTests: true
  }),
  routed("unplugged", "the client's link is down", "link set eth0 down", {
    expected: unreachable("unroutable"),
    verdict: "HostDown",
    cause: "blocked",
    mayBe: "unreachable"
  }),
  situation("no-files", "the client's process has used up its files", {
    stage: (lab) => Effect.as(server(lab), { isExhausted: true }),
    expected: { ...unreachable("unroutable"), says: /cannot open another connection/ },
    verdict: "ClientOffline",
    cause: "none"
  }),
  situation("no-ports", "the client's machine has used up its ports", {
    stage: (lab) =>
      Effect.gen(function* () {
        yield* server(lab)
        yield* lab.run("client", "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40003")
        return { others: { address: addresses.server, port, connections: 4 } }
      }),
    expected: { ...unreachable("unroutable"), says: /cannot open another connection/ },
    verdict: "ClientOffline",
    cause: "other"
  }),
  situation("nowhere", "the router knows no way to the network", {
    stage: () => Effect.succeed(at(addresses.nowhere)),
    expected: unreachable("unroutable"),
    ...lost
  }),
  situation("off", "the machine is off; the limit is shorter than it takes to find out", {
    stage: () => Effect.succeed(at(addresses.nobody)),
    policy: { ...small, timeouts: { ...small.timeouts, connect: "1 second" } },
    expected: { ...noConnection, limit: 1000 },
    ...down
  }),
  situation("off-patient", "the machine is off; the limit is longer than it takes to find out", {
    stage: () => Effect.succeed(at(addresses.nobody)),
    policy: patient,
    expected: unreachable("unroutable"),
    ...down
  })
]

export const names: ReadonlyArray<Situation> = [
  named(
    "nxdomain",
    "the name does not exist",
    { otherwise: "nxdomain" },
    {
      expected: unreachable("dns"),
      ...down,
      isInTests: true
    }
  ),
  named("servfail", "the name server fails", { otherwise: "servfail" }, { expected: unreachable("dns"), ...down }),
  named(
    "dns-silent",
    "the name server does not answer, within the resolver's own limit",
    { otherwise: "silent" },
    {
      policy: patient,
      expected: unreachable("dns"),
      ...down
    }
  ),
  situation("dns-hang", "the name server does not answer, and the resolver waits longer than we do", {
    stage: (lab) =>
      Effect.as(
        Effect.zip(
          lab.etc("client", "resolv.conf", `nameserver ${addresses.way}\noptions timeout:5 attempts:2\n`),
          nameServer(lab, { otherwise: "silent" })
        ),
        at("ollama.lan")
      ),
    expected: { ...noConnection, says: /The name server does not answer/ },
    ...down
  }),
  situation("dead-v6", "the name has an IPv6 address that leads nowhere, and a good IPv4 address", {
    stage: (lab) =>
      Effect.gen(function* () {
        yield* server(lab)
        yield* nameServer(lab, {
          otherwise: "nxdomain",
          names: { "ollama.lan": { v4: addresses.server, v6: "2001:db8:2::2" } }
        })
        yield* lab.run("client", "ip", "-6", "addr", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad")
        yield* lab.run("client", "ip", "-6", "route", "add", "default", "via", "2001:db8:1::1", "dev", "eth0")
        return at("ollama.lan")
      }),
    ...well
  })
]

/** Rules for what goes over the wire once the client has a part of the answer. */
const breaking = (
  id: string,
  what: string,
  rules: ReadonlyArray<string>,
  rest: Omit<Parameters<typeof situation>[2], "stage">
) =>
  situation(id, what, {
    needs: filters,
    policy: asking,
    stage: (lab) => Effect.as(server(lab), { turn: lab.filter("way", "forward", ...rules) }),
    ...rest
  })

/** The server's process is told something once the client has a part of the answer. */
const signalled = (
  id: string,
  what: string,
  name: NodeJS.Signals,
  rest: Omit<Parameters<typeof situation>[2], "stage">
) =>
  situation(id, what, {
    policy: asking,
    stage: (lab) => Effect.map(server(lab), (running) => ({ turn: running.signal(name) })),
    ...rest
  })

const silence = { _tag: "Timeout", phase: "gap", limit: 12_000, partial: true, attempts: 0 }
const broken = { _tag: "StreamInterrupted", phase: "gap", partial: true, attempts: 0 }

/** Goes wrong for a second, and is well again. */
const passing = (begin: Effect.Effect<unknown>, end: Effect.Effect<unknown>): Effect.Effect<void> =>
  begin.pipe(Effect.zipRight(Effect.sleep("1 second")), Effect.zipRight(end), Effect.asVoid)

export const lines: ReadonlyArray<Situation> = [
  situation("latency", "300 ms each way", {
    needs: ["netns", "netem"],
    stage: (lab) =>
      Effect.as(
        Effect.zip(server(lab), lab.run("way", ..."tc qdisc add dev eth1 root netem delay 300ms".split(" "))),
        {}
      ),
    ...well
  }),
  situation("slow-line", "a line of 32 kbit/s, on which packets wait for each other", {
    needs: ["netns", "tbf"],
    stage: (lab) =>
      Effect.as(
        Effect.zip(
          server(lab),
          lab.run("way", ..."tc qdisc add dev eth1 root tbf rate 32kbit burst 1600 latency 30s".split(" "))
        ),
        {}
      ),
    ...well
  }),
  situation("loss", "every twentieth packet is lost", {
    needs: filters,
    policy: patient,
    stage: (lab) =>
      Effect.as(Effect.zip(server(lab), lab.filter("way", "forward", "numgen inc mod 20 == 19 drop")), {}),
    ...well
  }),
  breaking("cut", "all packets are dropped in the middle of the answer", ["drop"], {
    expected: silence,
    ...barred,
    isInTests: true
  }),
  breaking(
    "cut-reset",
    "a firewall resets the connection in the middle of the answer",
    [`${toServer} reject with tcp reset`],
    { expected: broken, ...masked, verdict: "ServerFailed", isInTests: true }
  ),
  breaking(
    "cut-prohibited",
    "a firewall prohibits the way in the middle of the answer",
    ["reject with icmp admin-prohibited"],
    { expected: silence, ...barred }
  ),
  breaking("one-way", "the answer's packets are dropped in its middle", [`${fromServer} drop`], {
    expected: silence,
    ...barred
  }),
  situation("mtu", "packets over 600 bytes are dropped, as in a tunnel that says nothing of its size", {
    needs: filters,
    stage: (lab) =>
      Effect.as(Effect.zip(server(lab), lab.filter("way", "forward", "meta length > 600 drop")), { characters: 4000 }),
    expected: { _tag: "Timeout", phase: "firstToken", attempts: 0 },
    // from here it looks like a long prompt
    verdict: "TooShort",
    cause: "blocked"
  }),
  situation("healed", "all packets are dropped for a second in the middle of the answer", {
    needs: filters,
    policy: patient,
    stage: (lab) =>
      Effect.as(server(lab), {
        turn: passing(lab.filter("way", "forward", "drop"), lab.run("way", "nft", "flush", "ruleset"))
      }),
    ...well
  }),
  situation("small-mtu", "a part of the way takes small packets only, and says so", {
    stage: (lab) =>
      Effect.gen(function* () {
        yield* server(lab)
        yield* lab.run("way", ..."ip route change 10.99.1.0/24 dev eth1 mtu 600".split(" "))
        yield* lab.run("way", ..."ip route change 10.99.2.0/24 dev eth2 mtu 600".split(" "))
        return { characters: 4000 }
      }),
    ...well
  }),
  situation("forgotten", "a firewall has forgotten the connection that was kept, and resets it", {
    needs: filters,
    stage: (lab) =>
      Effect.as(server(lab), {
        before: 1,
        turn: Effect.asVoid(
          Effect.zip(
            lab.run("way", "sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0"),
            lab.filter("way", "forward", "ct state invalid reject with tcp reset")
          )
        )
      }),
    ...well
  }),
  situation("hiccup", "the server stands still for a second in the middle of the answer", {
    stage: (lab) =>
      Effect.map(server(lab), (running) => ({
        turn: passing(running.signal("SIGSTOP"), running.signal("SIGCONT"))
      })),
    policy: patient,
    ...well
  }),
  signalled("killed", "the server is killed in the middle of the answer", "SIGKILL", {
    expected: broken,
    verdict: "ServerFailed",
    cause: "unreachable",
    isInTests: true
  }),
  signalled("frozen", "the server freezes in the middle of the answer", "SIGSTOP", {
    expected: silence,
    verdict: "HostDown",
    cause: "unreachable"
  }),
  situation("hung", "the server takes connections, and answers nothing", {
    stage: (lab) =>
      Effect.as(
        Effect.tap(server(lab, quick), (running) => running.signal("SIGSTOP")),
        {}
      ),
    policy: asking,
    expected: { _tag: "Timeout", phase: "load", limit: 12_000, attempts: 0 },
    verdict: "HostDown",
    cause: "unreachable"
  })
]
