/** Waits that differ by chance, so that clients which began together do not ask in step. */

/** How much more or less: a quarter. */
export const spread = 0.25

/** @param unit by chance, from 0 to 1 */
export const of = (millis: number, unit: number): number => millis * (1 - spread + 2 * spread * unit)
