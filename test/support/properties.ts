/**
 * Property tests try the same values in every run of `npm test`, so that a commit does not fail for what another one
 * left to chance. `npm run test:random` tries others: the search for what nobody has thought of.
 */
import * as FastCheck from "effect/FastCheck"

const usual = 20261129

const seed = process.env["FAST_CHECK_SEED"]

FastCheck.configureGlobal({ seed: seed === undefined ? usual : Number(seed) })
