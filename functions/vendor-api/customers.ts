import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { PageQuery } from "../../protocol/wire/account.ts";
import {
  CustomerList,
  CustomerView,
  EnrolmentTokenCreated,
  EnrolmentTokenList,
  NewCustomer,
  NewEnrolmentToken,
} from "../../protocol/wire/customer.ts";
import { Name } from "../../protocol/wire/names.ts";
import type { Customer } from "../stores/customers.ts";
import { hashOf, noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { newSecret } from "./tokens.ts";

const params = z.object({ customer: Name });
const tags = ["customers"];
/** Where a host belongs whose token names no group. */
const defaultGroup = "default";
const hour = 3_600_000;

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

export const newEnrolmentToken = createRoute({
  method: "post",
  path: "/v1/customers/{customer}/enrolment-tokens",
  tags,
  summary: "Make a token with which hosts enrol",
  request: { params, ...jsonBody(NewEnrolmentToken, examples.newEnrolmentToken) },
  responses: { 201: answer(EnrolmentTokenCreated, "The token, shown this once", examples.enrolmentToken), ...failure },
});

export const listEnrolmentTokens = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/enrolment-tokens",
  tags,
  summary: "List a customer's enrolment tokens, without their secrets",
  request: { params, query: PageQuery },
  responses: {
    200: answer(EnrolmentTokenList, "One page; it goes on where there is a cursor", examples.enrolmentTokens),
    ...failure,
  },
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
    return c.json({ customers: items.map(customerView), ...(cursor !== undefined && { cursor }) }, 200);
  });

  app.openapi(get, async (c) => c.json(customerView(await existing(c.req.valid("param").customer)), 200));

  app.openapi(newEnrolmentToken, async (c) => {
    const { customer, groups } = await existing(c.req.valid("param").customer);
    const {
      group = defaultGroup,
      tags: marks = [],
      uses = 1,
      expiresInHours = 24,
      ephemeral = false,
    } = c.req.valid("json");
    // A host in a group that nobody made would be planned for by no one's wish
    if (groups[group] === undefined) await deps.customers.setGroup(customer, group, { mode: "auto" });
    const secret = newSecret(deps.random);
    const createdAt = deps.now().getTime();
    const expiresAt = createdAt + expiresInHours * hour;
    const token = `suture-enrol.${secret}.${await deps.serviceRoot()}`;
    await deps.enrolments.create({
      hash: hashOf(secret),
      customer,
      group,
      tags: marks,
      ephemeral,
      usesLeft: uses,
      expiresAt,
      createdAt,
    });
    const end = new Date(expiresAt).toISOString();
    return c.json({ token, customer, group, tags: marks, uses, ephemeral, expiresAt: end }, 201);
  });

  app.openapi(listEnrolmentTokens, async (c) => {
    const { customer } = await existing(c.req.valid("param").customer);
    const { items, cursor } = await deps.enrolments.listByCustomer(customer, c.req.valid("query"));
    const tokens = items.map(({ hash, group, tags: marks, usesLeft, ephemeral = false, expiresAt, createdAt }) => ({
      id: hash,
      group,
      tags: marks ?? [],
      usesLeft,
      ephemeral,
      expiresAt: new Date(expiresAt).toISOString(),
      createdAt: new Date(createdAt).toISOString(),
    }));
    return c.json({ tokens, ...(cursor !== undefined && { cursor }) }, 200);
  });

  async function existing(name: string): Promise<Customer> {
    const customer = await deps.customers.get(name);
    if (customer === undefined) throw noSuch("customer", name);
    return customer;
  }
}

function customerView({ createdAt, ...customer }: Customer): CustomerView {
  return { ...customer, createdAt: new Date(createdAt).toISOString() };
}
