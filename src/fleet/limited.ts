/** Models that are remembered at once. */
const most = 256

/** Remembers one more; beyond so many all others are forgotten. */
export const limited = <K, V>(map: Map<K, V>, key: K, value: V): void => {
  if (!map.has(key) && map.size >= most) map.clear()
  map.set(key, value)
}
