/**
 * Keys named `__proto__` in JSON from elsewhere. `JSON.parse` makes them properties like any other; but whoever copies them
 * by assignment, as schemas do, would give an object the prototype that a server wrote.
 */
const key = "__proto__"

/** The key in JSON, also with characters that are escaped. */
const written = new RegExp(`"${[...key].map((c) => `(?:${c}|\\\\u00${c.charCodeAt(0).toString(16)})`).join("")}"`, "i")

const isObject = (u: unknown): u is object => typeof u === "object" && u !== null

/** Whether an object has the key itself, which costs less than to look into the text of all objects. */
export const isIn = (u: object): boolean => Object.hasOwn(u, key)

/**
 * Takes the key out of a value that was parsed from a text, at whatever depth.
 *
 * @param text that may have the key; values whose text has not are not looked at
 */
export const without = (json: unknown, text: string): unknown => {
  if (!written.test(text)) return json
  // not by recursion: the value may be nested as deeply as the text is long
  const found = isObject(json) ? [json] : []
  for (let inner = found.pop(); inner !== undefined; inner = found.pop()) {
    if (isIn(inner)) Reflect.deleteProperty(inner, key)
    for (const value of Object.values(inner)) if (isObject(value)) found.push(value)
  }
  return json
}
