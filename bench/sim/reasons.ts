/**
 * Why a line of the acceptance list does not hold in a scenario, where it does not: by line and scenario. Each was found by
 * an experiment, which it tells. Figures are means of 3 seeds of 600 requests, unless it is said otherwise.
 */

const blind =
  "clients that share nothing learn of each other's loads and queues only by /api/ps and by the waits of their own calls; " +
  "the same requests through one client (steady-60) have a p95 of 6.5 s, 2.4 times that of one line"

const storm =
  "no more than 3 of the 6 models fit on a machine, and at the start all have to be loaded: the best of all fixed " +
  "distributions, found by trying each of them with the traffic known beforehand, has 2.7 times the p95 of one line, and " +
  "1.6 times where loads take no time; the clairvoyant greedy has 5.9"

const others =
  "the other user's requests put models out on every machine each minute, which one line without loads does not have: the best " +
  "of all fixed distributions, known beforehand, has 6.3 times its p95, and 1.3 times where loads take no time"

export const reasons: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "p95-clairvoyant": { "blind-2": blind, "blind-4": blind, "blind-16": blind },
  "p95-pooled": { "blind-2": blind, "blind-4": blind, "blind-16": blind, storm, "blocked-ps": storm, others },
  "goodput-rivals": { "blind-16": blind },
  "goodput-overload": {
    overload:
      "the line that is compared with gives up what has waited for 9 s, so that a first token after the prompt is still within " +
      "10; the Fleet refuses where it predicts a wait above 10 s, which is the default that its contract fixes: one line that " +
      "gives up after 10 s has 53.5 % where that of 9 s has 68.1 and the Fleet 61.8"
  }
}
