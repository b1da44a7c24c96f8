import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { Name } from "../../protocol/wire/names.ts";
import { PolicyList, PolicyTerms, PolicyView } from "../../protocol/wire/policy.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const path = "/v1/customers/{customer}/policies/{policy}";
const params = z.object({ customer: Name, policy: Name });
const tags = ["rollouts"];
const terms: PolicyTerms = {
  order: 0,
  policy: {
    waves: [
      { share: 0.05, bakeMinutes: 60 },
      { share: 1, bakeMinutes: 60 },
    ],
    failureLimit: 0.05,
    onHalt: "undo",
    critical: "at-once",
  },
};
const example: PolicyView = { name: "all", ...terms };

export const list = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/policies",
  tags,
  summary: "List a customer's policies",
  request: { params: z.object({ customer: Name }), query: PageQuery },
  responses: {
    200: answer(PolicyList, "One page; it goes on where there is a cursor", { policies: [example] }),
    ...failure,
  },
});
export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Show a policy",
  request: { params },
  responses: { 200: answer(PolicyView, "The policy", example), ...failure },
});
export const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Say how machines are patched: waves, windows, who is asked",
  description: "Rollouts that have begun keep their waves; windows and the rest hold from the next check-in on.",
  request: { params, ...jsonBody(PolicyTerms, terms) },
  responses: { 200: answer(PolicyView, "The policy as it is now", example), ...failure },
});
export const remove = createRoute({
  method: "delete",
  path,
  tags,
  summary: "Remove a policy",
  request: { params },
  responses: { 200: answer(PolicyView, "The policy as it was", example), ...failure },
});

export function policyRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { customer } = c.req.valid("param");
    await refuseUnknown(customer);
    const { items, cursor } = await deps.policies.list(customer, c.req.valid("query"));
    return c.json({ policies: items, ...(cursor !== undefined && { cursor }) }, 200);
  });
  app.openapi(get, async (c) => c.json(await existing(c.req.valid("param")), 200));
  app.openapi(put, async (c) => {
    const { customer, policy: name } = c.req.valid("param");
    await refuseUnknown(customer);
    const view = { name, ...c.req.valid("json") };
    await deps.policies.put(customer, view);
    return c.json(view, 200);
  });
  app.openapi(remove, async (c) => {
    const before = await existing(c.req.valid("param"));
    await deps.policies.remove(c.req.valid("param").customer, before.name);
    return c.json(before, 200);
  });

  async function existing({ customer, policy }: { customer: string; policy: string }): Promise<PolicyView> {
    const found = await deps.policies.get(customer, policy);
    if (found === undefined) throw new SutureError("not-found", `${customer} has no policy ${policy}`);
    return found;
  }
  async function refuseUnknown(customer: string): Promise<void> {
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
  }
}
