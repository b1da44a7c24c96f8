import type { OpenAPIHono } from "@hono/zod-openapi";
import { describeAgentApi } from "./agent-api/openapi.ts";
import { withConventions } from "./vendor-api/conventions.ts";

/** Serves the description of the whole API, the agents' side with it, at `/openapi.json`. */
export function describeService(app: OpenAPIHono): void {
  describeAgentApi(app.openAPIRegistry);
  app.get("/openapi.json", (c) =>
    c.json(
      withConventions(
        app.getOpenAPI31Document({
          openapi: "3.1.0",
          info: {
            title: "Suture",
            version: "1",
            description: "Live patches as a service. Errors are problem details (RFC 9457).",
          },
        }),
      ),
    ),
  );
}
