/** How many loads there have to be at least. */
import { outageOf, promptMean, type Scenario } from "./scenario.js"

/** What a request of this model costs a slot, in seconds. */
const work = ({ machines: [first] }: Scenario, answer: number): number =>
  promptMean / first!.promptRate + answer / first!.tokenRate

/**
 * Each model once on as many machines as its part of the work needs slots of, bounded by the machines that are usable at the
 * start; what has to be loaded again because its machine went down comes on top.
 */
export const loadFloor = (scenario: Scenario): number => {
  const { models } = scenario
  const machines = scenario.machines.filter((_, host) => outageOf(scenario, host, 1) === undefined)
  const slots = machines.reduce((sum, machine) => sum + machine.slots, 0)
  const perMachine = slots / machines.length
  const shares = models.map(({ answer, weight }) => weight * work(scenario, answer))
  const whole = shares.reduce((sum, share) => sum + share, 0)
  return shares.reduce((sum, share, index) => {
    const needed = Math.ceil(Math.ceil((share / whole) * scenario.load * slots) / perMachine)
    const able = machines.filter(({ memory }) => memory >= models[index]!.size).length
    return sum + Math.min(needed, able)
  }, 0)
}
