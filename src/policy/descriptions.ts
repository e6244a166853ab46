/** What each field of a policy is for, in one line: for editors, and for the list of variables. */

const under = (prefix: string, fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(fields).map(([name, text]) => [`${prefix}.${name}`, text]))

const breaker = {
  mode: "Who decides: what is counted, or you: nothing passes, everything passes uncounted, everything passes and is counted.",
  window: "Which outcomes are looked at.",
  "window.calls": "How many of the last outcomes are looked at.",
  "window.duration": "How old they may be.",
  "window.slices": "Into how many slices that time is divided: its precision.",
  minCalls: "The fewest outcomes of which a rate is taken.",
  failureRate: "Opens when this share of the outcomes failed.",
  strict: "The rates have to be exceeded, not reached.",
  slowRate: "Opens when this share of the calls took slowAfter or longer; calls still running count.",
  slowAfter: "From when on a call is slow.",
  consecutive: "Opens after so many failures without a success between them.",
  failures: "Opens after so many failures in the window.",
  belief: "Opens when it is so sure that more than half of the calls fail.",
  openFor: "The first wait before a call is let through to try.",
  openFactor: "How the wait grows with each try that failed.",
  openMax: "The longest wait.",
  openJitter: "By which share of itself a wait is changed, in either direction.",
  trials: "How many calls are let through to try.",
  trialSuccesses: "How many of them have to succeed.",
  trialVerdict: "Whether it is decided as soon as it is certain, or after all tries.",
  trialLimit: "When a try is given up and another may start.",
  ramp: "For how long calls come back gradually.",
  rampFrom: "With which share of the calls that begins.",
  rampCurve: "The shape of the return; 1 is even, more is faster at first."
}

/** By the path of the field. */
export const descriptions: Readonly<Record<string, string>> = {
  timeouts: "The clocks of a call, one for each phase.",
  ...under("timeouts", {
    connect: "Until the connection stands, DNS and TLS included.",
    load: "Until a cold model is in memory.",
    firstToken: "From a model in memory to the first chunk; automatic: longer for longer requests.",
    gap: "Between two chunks; automatic: longer with tools and for transfers.",
    total: "The whole call, over all attempts, to the end of the stream."
  }),
  retry: "Whether, when and how often a failed call is sent again, while nothing of its answer was delivered.",
  ...under("retry", {
    attempts: "How often a call is sent at most, the first time included.",
    backoff: "How the wait grows.",
    baseDelay: "The first wait.",
    factor: "By how much an exponential wait grows.",
    maxDelay: "The longest wait.",
    jitter: "How much of a wait is left to chance.",
    whileOffline: "Whether a call fails while its host cannot be reached, or is held until the host answers again.",
    offlineLimit: "How long it is held at most."
  }),
  budget: "How much of what is sent may be sent again, over all calls of the client.",
  ...under("budget", {
    share: "How many retries and hedges wait or run at once, as a share of the calls in flight.",
    floor: "How many of them are allowed however few calls there are.",
    pool: "Tokens, against a fault that lasts.",
    "pool.size": "How many tokens there can be.",
    "pool.initial": "How many there are at first.",
    "pool.cost": "What a retry takes, or one price for each kind of failure that it follows.",
    "pool.perSuccess": "What a success brings.",
    "pool.refund": "Whether a retry that succeeds gets back what it took.",
    "pool.charge": "Whether retries pay, or all failed attempts.",
    "pool.threshold": "The share of the size that has to be exceeded for a retry.",
    deposit: "Retries as a share of the calls of the last while.",
    "deposit.share": "How large that share is.",
    "deposit.window": "How far back is counted.",
    "deposit.perSecond": "How many retries a second are allowed beside."
  }),
  breaker: "Stops calls to what is sick, and tries it again.",
  "breaker.host": "Whether a host can be reached; one for each host.",
  "breaker.model": "Whether a host generates with a model; one for each host and model.",
  ...under("breaker.host", breaker),
  ...under("breaker.model", breaker),
  concurrency: "How many calls of a model are at a server at once, and what becomes of the others.",
  ...under("concurrency", {
    limit: "How many; learned: as many as the server works on, and one more.",
    queue: "How many may wait for their turn; one more is refused.",
    admission: "Refuses a call at once when its wait would be too long.",
    "admission.target": "The wait that is long, for calls without a deadline.",
    "admission.interval": "For how long it has to be exceeded."
  }),
  throttle: "Sends less to a server that sheds calls.",
  ...under("throttle", {
    k: "How many calls are sent for each that is accepted.",
    window: "How far back is counted; at least twice as long as a long call takes."
  }),
  hedging: "Sends a call again while the first copy is slow, and takes the answer that begins first.",
  ...under("hedging", {
    after: "How long a copy is waited for; automatic: longer than 95 of 100 calls take.",
    max: "How many copies are sent beside the first."
  }),
  fallback: "Other models, or other hosts, for a call that has failed, in this order.",
  ...under("fallback", {
    model: "The model that is asked in the place of the first one.",
    host: "The address that is asked, as OLLAMA_HOST is written, without credentials; the same host when it is absent.",
    on: "After which failures; those that this model or host can help against, when it is absent."
  }),
  slow: "When a call that runs is told of as slow.",
  ...under("slow", {
    queue: "After so long in the client's queue; automatic: never.",
    load: "After so long a load; automatic: half of its limit.",
    firstToken: "After so long without a first chunk; automatic: half of its limit.",
    gap: "After so long without a further chunk; automatic: half of its limit.",
    total: "After so long in all; automatic: half of its limit.",
    factor: "After so many times what is expected of the phase.",
    samples: "From how many earlier calls of the same host and model something is expected.",
    least: "Never before a phase has taken so long, where it is compared with what is expected.",
    log: "Whether it is logged, as a warning."
  })
}
