/** The metric of fleets that share what they know; apart from the others, which a fleet does not need. */
import * as Instrument from "./instrument.js"

export const sharedExchanges = Instrument.counter({
  name: "ollama.client.shared.exchanges",
  unit: "{exchange}",
  description: "Looks of a fleet at the store that it shares what it knows through.",
  tags: ["ollama.outcome"]
})
