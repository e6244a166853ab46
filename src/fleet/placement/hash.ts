/** Numbers that look like chance and are always the same. */

/** FNV-1a, 32 bits. */
export const of = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/** The finalizer of MurmurHash3, as a number between 0 and 1, neither of which it is. */
export const scattered = (bits: number): number => {
  let h = bits | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (((h ^ (h >>> 16)) >>> 0) + 0.5) / 4294967296
}
