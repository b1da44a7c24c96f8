import { secureHeaders } from "hono/secure-headers";

const self = "'self'";

/**
 * The headers that bind a browser: nothing inline, nothing evaluated, nothing from another host. `inlineStyles` is for the one
 * library that sets its own.
 */
export function browserPolicy({ inlineStyles = false } = {}) {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: [self],
      styleSrc: inlineStyles ? [self, "'unsafe-inline'"] : [self],
      // Pico draws its icons from data: addresses
      imgSrc: [self, "data:"],
      connectSrc: [self],
      formAction: [self],
      frameAncestors: ["'none'"],
      baseUri: ["'none'"],
    },
    referrerPolicy: "same-origin",
    xFrameOptions: "DENY",
  });
}
