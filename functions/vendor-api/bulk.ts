import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { BulkChange, BulkResult } from "../../protocol/wire/customer.ts";
import { Name } from "../../protocol/wire/names.ts";
import { changedPlace, fitsFilter } from "../domain/bulk.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

/** Machines that are looked at in one request; the next takes the cursor. */
const pageSize = 200;

export const change = createRoute({
  method: "post",
  path: "/v1/customers/{customer}/machines/bulk",
  tags: ["customers"],
  summary: "Move or tag every machine that fits a filter",
  description: "With `dryRun` it says which, and changes nothing. Send it again with the cursor until there is none.",
  request: {
    params: z.object({ customer: Name }),
    ...jsonBody(BulkChange, { filter: { group: "default", hostname: "web-" }, change: { group: "web" }, dryRun: true }),
  },
  responses: {
    200: answer(BulkResult, "The machines of this page that it changes, as they are then", {
      dryRun: true,
      machines: [{ machine: `m-${"0a".repeat(16)}`, hostname: "web-1", group: "web", tags: [] }],
    }),
    ...failure,
  },
});

/** One action on many machines. */
export function bulkRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(change, async (c) => {
    const found = await deps.customers.get(c.req.valid("param").customer);
    if (found === undefined) throw noSuch("customer", c.req.valid("param").customer);
    const { customer, groups } = found;
    const { filter, change: wanted, dryRun = false, cursor: from } = c.req.valid("json");
    if (Object.keys(wanted).length === 0) throw new SutureError("invalid-request", "body: change: it changes nothing");
    const page = await deps.machines.listByCustomer(customer, { limit: pageSize, cursor: from });
    const at = deps.now().getTime();
    const changed: z.infer<typeof BulkResult>["machines"] = [];
    const before: typeof changed = [];
    for (const { machine, facts, group, tags = [], seenAt } of page.items) {
      const { hostname } = facts;
      if (!fitsFilter({ group, tags, hostname, seenAt: seenAt / 1000 }, filter, at / 1000)) continue;
      const place = changedPlace({ group, tags }, wanted);
      if (place === undefined) continue;
      before.push({ machine, hostname, group, tags });
      changed.push({ machine, hostname, ...place });
    }
    const cursor = page.cursor === undefined ? {} : { cursor: page.cursor };
    if (dryRun || changed.length === 0) {
      c.set("unchanged", true);
      return c.json({ dryRun, machines: changed, ...cursor }, 200);
    }
    c.set("before", { machines: before });
    if (wanted.group !== undefined && groups[wanted.group] === undefined) {
      await deps.customers.setGroup(customer, wanted.group, { mode: "auto" });
    }
    for (const { machine, group, tags } of changed) await deps.machines.place({ machine, customer, group, tags });
    await deps.customers.announce(customer, at);
    return c.json({ dryRun, machines: changed, ...cursor }, 200);
  });
}
