import { gzipSync } from "node:zlib";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { describeAgentApi } from "./agent-api/openapi.ts";
import { etagOf, hasEtag } from "./etag.ts";
import { withConventions } from "./vendor-api/conventions.ts";

type Description = { text: string; gzip: Uint8Array<ArrayBuffer>; etag: string };

/**
 * Serves the description of the whole API, the agents' side with it, at `/openapi.json`. It is made and compressed at the first request
 * and kept: it has a third of a megabyte, and anybody may ask for it.
 */
export function describeService(app: OpenAPIHono): void {
  describeAgentApi(app.openAPIRegistry);
  let made: Description | undefined;
  app.get("/openapi.json", (c) => {
    made ??= describe(app);
    const { text, gzip, etag } = made;
    // A weak tag: both encodings have it (RFC 9110, section 8.8.1)
    const headers = { etag: `W/${etag}`, "cache-control": "no-cache", vary: "accept-encoding" };
    if (hasEtag(c, etag)) return c.body(null, 304, headers);
    const type = { "content-type": "application/json" };
    if (!acceptsGzip(c.req.header("accept-encoding"))) return c.body(text, 200, { ...headers, ...type });
    return c.body(gzip, 200, { ...headers, ...type, "content-encoding": "gzip" });
  });
}

function describe(app: OpenAPIHono): Description {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Suture",
      version: "1",
      description: "Live patches as a service. Errors are problem details (RFC 9457).",
    },
  });
  const text = JSON.stringify(withConventions(document));
  return { text, gzip: new Uint8Array(gzipSync(text)), etag: etagOf(text) };
}

/** Whether gzip is named and not with a weight of zero (RFC 9110, section 12.5.3). */
function acceptsGzip(header: string | undefined): boolean {
  return (header ?? "").split(",").some((each) => {
    const [coding = "", ...parameters] = each.toLowerCase().split(";");
    return coding.trim() === "gzip" && !parameters.some((one) => /^q=0(?:\.0*)?$/.test(one.trim()));
  });
}
