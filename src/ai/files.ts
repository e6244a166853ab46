/** The files of a prompt: images and sounds go to the model as they are, texts become a part of what is said. */
import type * as Prompt from "@effect/ai/Prompt"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type * as Shared from "../api/Shared.js"

/** What becomes of a file. */
export type Given =
  { readonly type: "image"; readonly image: Shared.Image } | { readonly type: "text"; readonly text: string }

/** What Ollama takes in `images`: pictures, and the sounds that its models hear. */
const isMedia = (mediaType: string): boolean =>
  /^image\//i.test(mediaType) || /^audio\/(?:x-|vnd\.)?(?:wave?|mp3|mpeg)$/i.test(mediaType)

const isText = (mediaType: string): boolean =>
  /^text\//i.test(mediaType) || /^application\/(?:[\w.-]+\+)?(?:json|xml|yaml)$/i.test(mediaType)

/** The base64 text of a `data:` URL; texts that are none are taken as base64 themselves. */
const base64Of = (data: string): string | undefined => {
  if (!/^data:/i.test(data)) return data
  const comma = data.indexOf(",")
  return /;base64$/i.test(data.slice(0, comma)) ? data.slice(comma + 1) : undefined
}

const withoutParameters = (mediaType: string): string => (mediaType.split(";")[0] ?? "").trim()

/** What the model gets of a file, or why it cannot have it; the reason holds nothing of the file. */
export const given = ({ data, mediaType }: Prompt.FilePart): Either.Either<Given, string> => {
  const kind = withoutParameters(mediaType)
  if (!isMedia(kind) && !isText(kind)) {
    return Either.left(`Ollama takes images, WAV and MP3 sounds and texts, no file of the type ${JSON.stringify(kind)}`)
  }
  if (data instanceof URL && data.protocol !== "data:") {
    return Either.left("Ollama fetches no files: give the bytes of the file in the place of its URL")
  }
  const content = data instanceof Uint8Array ? data : base64Of(data instanceof URL ? data.href : data)
  if (content === undefined) return Either.left("the data: URL of a file is not base64")
  if (isMedia(kind)) return Either.right({ type: "image", image: content })
  const text = content instanceof Uint8Array ? Either.right(utf8(content)) : decoded(content)
  return Either.map(text, (text) => ({ type: "text", text }))
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const decoded = (base64: string): Either.Either<string, string> =>
  Either.mapBoth(Encoding.decodeBase64(base64), { onLeft: () => "the text of a file is not base64", onRight: utf8 })
