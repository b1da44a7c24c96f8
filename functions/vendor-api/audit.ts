import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { PageQuery } from "../../protocol/wire/account.ts";
import { AuditList, type AuditView } from "../../protocol/wire/audit.ts";
import type { AuditEntry } from "../stores/audit.ts";
import type { VendorApiDeps } from "./deps.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure } from "./openapi.ts";
import { type TenantKind, tenantKey, tenantKinds, tenantOf, tenantRoute } from "./tenants.ts";

const page = answer(AuditList, "One page, newest first; it goes on where there is a cursor", {
  entries: [
    {
      at: "2026-11-25T09:00:00.000Z",
      who: "vendor acme, publisher (ci)",
      what: "PUT /v1/customers/globex/subscriptions/acme/echod/stable",
      before: { seats: 100 },
      after: { seats: 200 },
    },
  ],
});

export const list = createRoute({
  method: "get",
  path: "/v1/audit",
  tags: ["audit"],
  summary: "List changes that concern no tenant",
  request: { query: PageQuery },
  responses: { 200: page, ...failure },
});

export function listOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/audit");
  return createRoute({
    ...route,
    method: "get",
    summary: `List changes to a ${kind}`,
    description: "Who, what, before and after. Entries are never changed or removed.",
    request: { ...request, query: PageQuery },
    responses: { 200: page, ...failure },
  });
}

export function auditRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { items, cursor } = await deps.audit.list("service", c.req.valid("query"));
    return c.json({ entries: items.map(namedRows("audit", auditView)), ...(cursor !== undefined && { cursor }) }, 200);
  });

  for (const kind of tenantKinds) {
    app.openapi(listOf(kind), async (c) => {
      const tenant = await tenantOf(c, kind, deps);
      const { items, cursor } = await deps.audit.list(tenantKey(tenant), c.req.valid("query"));
      return c.json(
        { entries: items.map(namedRows("audit", auditView)), ...(cursor !== undefined && { cursor }) },
        200,
      );
    });
  }
}

function auditView({ at, who, what, why, before, after }: AuditEntry): AuditView {
  return {
    at: new Date(at).toISOString(),
    who,
    what,
    ...(why !== undefined && { why }),
    ...(before !== undefined && { before: JSON.parse(before) }),
    ...(after !== undefined && { after: JSON.parse(after) }),
  };
}
