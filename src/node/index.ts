/**
 * What a program on Node has besides: the undici transport, files as blobs.
 *
 * @since 0.1.0
 */
export * as OllamaNode from "./OllamaNode.js"
