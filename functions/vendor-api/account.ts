import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { Whoami } from "../../protocol/wire/account.ts";
import * as examples from "./examples.ts";
import { answer, failure } from "./openapi.ts";

export const whoami = createRoute({
  method: "get",
  path: "/v1/whoami",
  tags: ["account"],
  summary: "Say whom this token speaks for",
  responses: { 200: answer(Whoami, "Tenant, role and end", examples.whoami), ...failure },
});

export function accountRoutes(app: OpenAPIHono): void {
  app.openapi(whoami, (c) => {
    const { token: _token, expiresAt, ...whom } = c.get("signIn");
    return c.json({ ...whom, expiresAt: new Date(expiresAt).toISOString() }, 200);
  });
}
