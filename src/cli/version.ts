import { userAgent } from "../node/userAgent.js"

/** Of the package. */
export const version = userAgent.slice(userAgent.indexOf("/") + 1)
