import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { Name } from "../../protocol/wire/names.ts";
import { SavedView, SavedViewList, SavedViewQuery, ViewName, ViewScope, ViewTerms } from "../../protocol/wire/views.ts";
import type { ViewOwner } from "../stores/views.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const tags = ["machines"];
const terms: ViewTerms = { exposed: "critical", group: "db", by: "name" };
const example: SavedView = { scope: "shared", name: "Exposed databases", ...terms };

export const list = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/views",
  tags,
  summary: "List saved views of the machines: the account's, or one's own",
  request: { params: z.object({ customer: Name }), query: SavedViewQuery },
  responses: {
    200: answer(SavedViewList, "One page; it goes on where there is a cursor", { views: [example] }),
    ...failure,
  },
});

type ViewParams = z.ZodObject<{ customer: typeof Name; scope: typeof ViewScope; view: typeof ViewName }>;

/**
 * Path and parameters of one view: who may change it differs with its scope, so each scope is a route. Their type is one for both, so
 * that a client can use it without asking which it has.
 */
function viewRoute(scope: ViewScope) {
  const path: string = `/v1/customers/{customer}/views/${scope}/{view}`;
  const params: z.ZodType = z.object({ customer: Name, view: ViewName });
  return {
    path: path as "/v1/customers/{customer}/views/{scope}/{view}",
    tags,
    request: { params: params as ViewParams },
  };
}
const whose: Record<ViewScope, string> = { own: "of one's own", shared: "of the account" };

export function getOf(scope: ViewScope) {
  return createRoute({
    ...viewRoute(scope),
    method: "get",
    summary: `Show a saved view ${whose[scope]}`,
    responses: { 200: answer(SavedView, "The view", { ...example, scope }), ...failure },
  });
}
export function putOf(scope: ViewScope) {
  const { request, ...route } = viewRoute(scope);
  return createRoute({
    ...route,
    method: "put",
    summary: `Save a view of the machines ${whose[scope]}`,
    request: { ...request, ...jsonBody(ViewTerms, terms) },
    responses: { 200: answer(SavedView, "The view as it is now", { ...example, scope }), ...failure },
  });
}
export function removeOf(scope: ViewScope) {
  return createRoute({
    ...viewRoute(scope),
    method: "delete",
    summary: `Forget a saved view ${whose[scope]}`,
    responses: { 200: answer(SavedView, "The view as it was", { ...example, scope }), ...failure },
  });
}

/** Lists of machines that somebody comes back to, by a name. */
export function viewRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { customer } = c.req.valid("param");
    const { scope, ...page } = c.req.valid("query");
    const { items, cursor } = await deps.views.list(await ownerOf(c, customer, scope), page);
    return c.json({ views: items, ...(cursor !== undefined && { cursor }) }, 200);
  });
  for (const scope of ViewScope.options) {
    app.openapi(getOf(scope), async (c) => {
      const { customer, view } = c.req.valid("param");
      return c.json(await existing(await ownerOf(c, customer, scope), view), 200);
    });
    app.openapi(putOf(scope), async (c) => {
      const { customer, view: name } = c.req.valid("param");
      const view = c.req.valid("json");
      await deps.views.put(await ownerOf(c, customer, scope), name, view);
      return c.json({ scope, name, ...view }, 200);
    });
    app.openapi(removeOf(scope), async (c) => {
      const { customer, view: name } = c.req.valid("param");
      const owner = await ownerOf(c, customer, scope);
      const view = await existing(owner, name);
      await deps.views.remove(owner, name);
      return c.json(view, 200);
    });
  }

  /** A program's own views are its token's, by the name that it was given. */
  async function ownerOf(c: Context, customer: string, scope: ViewScope): Promise<ViewOwner> {
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    if (scope === "shared") return { customer };
    const { user, label } = c.get("signIn");
    return { customer, user: user ?? `token ${label}` };
  }
  async function existing(owner: ViewOwner, name: string): Promise<SavedView> {
    const found = await deps.views.get(owner, name);
    if (found === undefined) throw new SutureError("not-found", `There is no view ${name}`);
    return found;
  }
}
