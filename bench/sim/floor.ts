/** How many loads there have to be at least. */
import { outageOf, promptMean, type Scenario } from "./scenario.js"

/** What a request of this model costs a slot, in seconds. */
const work = ({ machines: [first] }: Scenario, answer: number): number =>
  promptMean / first!.promptRate + answer / first!.tokenRate

/**
 * Each model once on as many machines as its part of the work needs slots of (all slots are taken to be shared out), bounded by
 * the machines that are usable at the start and can hold it; and what a machine has to load again that went down and came back.
 */
export const loadFloor = (scenario: Scenario): number => {
  const { models, outages = [] } = scenario
  const machines = scenario.machines.filter((_, host) => outageOf(scenario, host, 1) === undefined)
  const slots = machines.reduce((sum, machine) => sum + machine.slots, 0)
  const perMachine = slots / machines.length
  const shares = models.map(({ answer, weight }) => weight * work(scenario, answer))
  const whole = shares.reduce((sum, share) => sum + share, 0)
  const floor = shares.reduce((sum, share, index) => {
    const needed = Math.ceil(Math.ceil((share / whole) * slots) / perMachine)
    const able = machines.filter(({ memory }) => memory >= models[index]!.size).length
    return sum + Math.min(needed, able)
  }, 0)
  const restarted = new Set(
    outages.flatMap(({ from, host, how, to }) => (how === "refuse" && from > 0 && Number.isFinite(to) ? [host] : []))
  )
  return floor + restarted.size * Math.ceil(floor / machines.length)
}
