/** What is set for all requests of a model, and what is changed for some of them. */
import type * as Shared from "../api/Shared.js"
import type { CallOptions } from "../client/service.js"

interface Settings {
  readonly options?: Shared.Options | undefined
  readonly call?: CallOptions | undefined
}

/**
 * The second wins. `options` of both are merged: a request that changes only the temperature keeps its context, and with it
 * the model that is loaded.
 */
export const merge = <S extends Settings>(first: S, second: S): S => {
  const options = { ...first.options, ...second.options }
  const call = { ...first.call, ...second.call }
  return {
    ...first,
    ...second,
    ...(Object.keys(options).length > 0 && { options }),
    ...(Object.keys(call).length > 0 && { call })
  }
}
