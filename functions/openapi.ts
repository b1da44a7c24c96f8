import type { OpenAPIHono } from "@hono/zod-openapi";
import { describeAgentApi } from "./agent-api/openapi.ts";

/** Serves the description of the whole API, the agents' side with it, at `/openapi.json`. */
export function describeService(app: OpenAPIHono): void {
  describeAgentApi(app.openAPIRegistry);
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Suture",
      version: "1",
      description: "Live patches as a service. Errors are problem details (RFC 9457).",
    },
  });
}
