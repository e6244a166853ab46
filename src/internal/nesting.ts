/** How deeply JSON is nested: what is nested too deeply takes down whoever goes through it by recursion. */

/** The most levels, in what is sent and in what is read; no tool and no schema comes near. */
export const deepest = 500

/** Whether a text of JSON is nested deeper than that; a short one, as of a token, is not looked at. */
export const isTooDeep = (text: string): boolean => {
  if (text.length <= 2 * deepest) return false
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = stringEnd(text, at)
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > deepest) return true
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
    }
  }
  return false
}

/** Where the text ends that begins at `from`. */
const stringEnd = (text: string, from: number): number => {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return end
  }
  return text.length
}
