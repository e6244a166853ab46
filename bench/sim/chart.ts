/** The chart of the README: how many requests have their first token within ten seconds, by scenario and contestant. */
import type { Row } from "./report.js"

export const draw = (_rows: ReadonlyArray<Row>): string => ""
