/** Why a line of the acceptance list does not hold in a scenario, where it does not: by line and scenario. */
export const reasons: Readonly<Record<string, Readonly<Record<string, string>>>> = {}
