/**
 * Standard base64. `effect/Encoding` takes some twenty times as long for the megabytes of an image, and `btoa` ten.
 *
 * @internal
 */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

const padding = 61 // "="

/** The padded base64 text of some bytes. */
export const encode = (bytes: Uint8Array): string => {
  const groups = Math.ceil(bytes.length / 3)
  const out = new Uint8Array(groups * 4)
  let at = 0
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let shift = 18; shift >= 0; shift -= 6) out[at++] = alphabet.charCodeAt((group >> shift) & 63)
  }
  return new TextDecoder().decode(out.fill(padding, at - (groups * 3 - bytes.length)))
}
