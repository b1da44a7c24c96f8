import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { PageQuery } from "../../protocol/wire/account.ts";
import { CustomerList, CustomerView, NewCustomer } from "../../protocol/wire/customer.ts";
import { Name } from "../../protocol/wire/names.ts";
import type { Customer } from "../stores/customers.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const params = z.object({ customer: Name });
const tags = ["customers"];
/** The group that every customer has, and where a host belongs whose token names none. */
export const defaultGroup = "default";

export const create = createRoute({
  method: "post",
  path: "/v1/customers",
  tags,
  summary: "Let a customer in",
  request: jsonBody(NewCustomer, examples.newCustomer),
  responses: { 201: answer(CustomerView, "The customer, with its group `default`", examples.customer), ...failure },
});

export const list = createRoute({
  method: "get",
  path: "/v1/customers",
  tags,
  summary: "List the customers",
  request: { query: PageQuery },
  responses: {
    200: answer(CustomerList, "One page; it goes on where there is a cursor", examples.customers),
    ...failure,
  },
});

export const get = createRoute({
  method: "get",
  path: "/v1/customers/{customer}",
  tags,
  summary: "Show a customer and its groups",
  request: { params },
  responses: { 200: answer(CustomerView, "The customer", examples.customer), ...failure },
});

export function customerRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(create, async (c) => {
    const { customer, title } = c.req.valid("json");
    const created: Customer = {
      customer,
      title,
      createdAt: deps.now().getTime(),
      groups: { [defaultGroup]: { mode: "auto" } },
    };
    await deps.customers.create(created);
    return c.json(customerView(created), 201);
  });

  app.openapi(list, async (c) => {
    const { items, cursor } = await deps.customers.list(c.req.valid("query"));
    return c.json(
      { customers: items.map(namedRows("customers", customerView)), ...(cursor !== undefined && { cursor }) },
      200,
    );
  });

  app.openapi(get, async (c) => c.json(customerView(await existing(c.req.valid("param").customer)), 200));

  async function existing(name: string): Promise<Customer> {
    const customer = await deps.customers.get(name);
    if (customer === undefined) throw noSuch("customer", name);
    return customer;
  }
}

function customerView({ createdAt, ...customer }: Customer): CustomerView {
  return { ...customer, createdAt: new Date(createdAt).toISOString() };
}
