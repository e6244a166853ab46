/** User and system time of this process, of all its threads, in microseconds. */
export const cpuMicros = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}
