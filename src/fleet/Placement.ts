/**
 * How the host of a call is chosen, as a value.
 *
 * @since 0.1.0
 */
export type {
  Answer,
  Blocked,
  Choice,
  Cost,
  HostView,
  Later,
  Question,
  Refusal,
  Residency,
  View
} from "./placement/view.js"
export { ExpectedCompletion, Name, type Own, Placement, Priority, Sticky } from "./placement/value.js"
export { cost } from "./placement/cost.js"
