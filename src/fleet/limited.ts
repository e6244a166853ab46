/** Maps that cannot grow without end: what is remembered by model names, which are anybody's words. */

/** Models that are remembered at once. */
const most = 256

/** Sets a value; where there are too many, all others are forgotten. */
export const set = <K, V>(map: Map<K, V>, key: K, value: V): void => {
  if (!map.has(key) && map.size >= most) map.clear()
  map.set(key, value)
}
