import { secureHeaders } from "hono/secure-headers";

const self = "'self'";

/** The headers that bind a browser: nothing inline, nothing evaluated, nothing from another host. */
export function browserPolicy() {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: [self],
      styleSrc: [self],
      // Pico and Swagger UI draw their icons from data: addresses
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
