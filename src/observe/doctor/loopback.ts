/** Whether a host is the machine itself by its name or address alone, as it stands in an address or at a connection. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/.test(host)
