/**
 * Standard base64. `effect/Encoding` takes some twenty times as long for the megabytes of an image.
 *
 * @internal
 */
const alphabet = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

const padding = 61 // "="

const letter = (index: number): number => alphabet[index] ?? padding

/** The padded base64 text of some bytes. */
export const encode = (bytes: Uint8Array): string => {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  let at = 0
  for (let i = 0; i < bytes.length; i += 3) {
    const a = bytes[i] ?? 0
    const b = bytes[i + 1]
    const c = bytes[i + 2]
    out[at++] = letter(a >> 2)
    out[at++] = letter(((a & 3) << 4) | ((b ?? 0) >> 4))
    out[at++] = b === undefined ? padding : letter(((b & 15) << 2) | ((c ?? 0) >> 6))
    out[at++] = c === undefined ? padding : letter(c & 63)
  }
  return new TextDecoder().decode(out)
}
