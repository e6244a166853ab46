/**
 * Search and reading on the web, by ollama.com: with an API key, or through a local server that is signed in (since
 * v0.18.0).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { array, maybe, named, optional } from "./fields.js"

/**
 * A search.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SearchRequest = Schema.Struct({
  /** What to look for. */
  query: Schema.NonEmptyString,
  /** Most results to return, at most 10. Default 5. */
  max_results: optional(Schema.Int.pipe(Schema.positive({ message: () => "expected a whole number above 0" })))
}).annotations({ identifier: "SearchRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface SearchRequest extends Schema.Schema.Type<typeof SearchRequest> {}

/**
 * A page that was found.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SearchResult = Schema.Struct({
  /** Its title. */
  title: Schema.String,
  /** Its address. */
  url: Schema.String,
  /** The part of its text that fits the query. */
  content: Schema.String
}).annotations({ identifier: "SearchResult" })

/**
 * @since 0.1.0
 * @category models
 */
export interface SearchResult extends Schema.Schema.Type<typeof SearchResult> {}

/**
 * What was found, best first.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SearchResponse = Schema.Struct({
  /** The pages. */
  results: array(named<SearchResult>()(SearchResult))
}).annotations({ identifier: "SearchResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface SearchResponse extends Schema.Schema.Type<typeof SearchResponse> {}

/**
 * A page to read.
 *
 * @since 0.1.0
 * @category schemas
 */
export const FetchRequest = Schema.Struct({
  /** Its address. */
  url: Schema.NonEmptyString
}).annotations({ identifier: "FetchRequest" })

/**
 * @since 0.1.0
 * @category models
 */
export interface FetchRequest extends Schema.Schema.Type<typeof FetchRequest> {}

/**
 * A page that was read.
 *
 * @since 0.1.0
 * @category schemas
 */
export const FetchResponse = Schema.Struct({
  /** Its title. */
  title: Schema.String,
  /** Its text. */
  content: Schema.String,
  /** The addresses it links to. */
  links: maybe(Schema.Array(Schema.String))
}).annotations({ identifier: "FetchResponse" })

/**
 * @since 0.1.0
 * @category models
 */
export interface FetchResponse extends Schema.Schema.Type<typeof FetchResponse> {}
