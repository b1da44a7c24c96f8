import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { Name } from "../../protocol/wire/names.ts";
import { SupportMatrix, SupportReport, SupportView } from "../../protocol/wire/support.ts";
import { coverageOf } from "../domain/support.ts";
import { collect } from "../stores/page.ts";
import type { ProductSupport } from "../stores/support.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const path = "/v1/vendors/{vendor}/products/{product}/support";
const params = z.object({ vendor: Name, product: Name });
const tags = ["support"];
const matrix: SupportMatrix = {
  kernels: [],
  builds: [{ title: "Debian 12, echod 2.4", arch: "x86_64", buildId: "ab".repeat(20), until: "2027-06-30" }],
  programs: ["/usr/sbin/echod"],
};
const example = { vendor: "acme", product: "echod", matrix };

export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Show which kernels and builds a product covers, and until when",
  request: { params },
  responses: { 200: answer(SupportView, "The support matrix", example), ...failure },
});

export const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Say which kernels and builds a product covers, and until when",
  request: { params, ...jsonBody(SupportMatrix, matrix) },
  responses: { 200: answer(SupportView, "The support matrix as it is now", example), ...failure },
});

export const report = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/support",
  tags,
  summary: "List how each machine is covered by what the customer subscribes to",
  description: "Warns 30 and 7 days before an end, and lists what falls outside.",
  request: { params: z.object({ customer: Name }), query: PageQuery },
  responses: {
    200: answer(SupportReport, "One page of machines; it goes on where there is a cursor", examples.supportReport),
    ...failure,
  },
});

export function supportRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(get, async (c) => {
    const { vendor, product } = c.req.valid("param");
    const found = await deps.support.get(vendor, product);
    if (found === undefined) throw new SutureError("not-found", `${vendor}/${product} has no support matrix`);
    return c.json({ vendor, product, matrix: found }, 200);
  });

  app.openapi(put, async (c) => {
    const { vendor, product } = c.req.valid("param");
    if ((await deps.vendors.get(vendor)) === undefined) throw noSuch("vendor", vendor);
    const said = c.req.valid("json");
    await deps.support.put({ vendor, product, matrix: said });
    return c.json({ vendor, product, matrix: said }, 200);
  });

  app.openapi(report, async (c) => {
    const { customer } = c.req.valid("param");
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    const products = await subscribed(customer);
    const { items, cursor } = await deps.machines.listByCustomer(customer, c.req.valid("query"));
    const now = Math.floor(deps.now().getTime() / 1000);
    const machines = items.map(({ machine, facts }) => ({
      machine,
      hostname: facts.hostname,
      products: products.flatMap(({ vendor, product, matrix: covered }) =>
        coverageOf(covered, facts, now).map(({ until, ...each }) => ({
          vendor,
          product,
          ...each,
          ...(until !== undefined && { until: new Date(until * 1000).toISOString() }),
        })),
      ),
    }));
    return c.json({ machines, ...(cursor !== undefined && { cursor }) }, 200);
  });

  async function subscribed(customer: string): Promise<ProductSupport[]> {
    const subscriptions = await collect((page) => deps.subscriptions.listByCustomer(customer, page));
    const products = new Set(subscriptions.map(({ stream }) => stream.slice(0, stream.lastIndexOf("/"))));
    const found = [...products].map(async (name) => {
      const [vendor = "", product = ""] = name.split("/");
      const of = await deps.support.get(vendor, product);
      return of === undefined ? [] : [{ vendor, product, matrix: of }];
    });
    return (await Promise.all(found)).flat();
  }
}
